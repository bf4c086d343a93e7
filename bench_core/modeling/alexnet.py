"""AlexNet for two modalities: convolutions and fc6 of each one's own, fc7 and classifier shared.

TONE, HCML, BCTR and BDTR (Ye et al. 2018) have this network. M: images of a modality, B: images.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, TypeAlias, cast

import torch
from torch import nn
from torch.nn import functional
from torchvision import models

from bench_core.contracts.images import INFRARED, MODALITIES, VISIBLE, Modality
from bench_core.modeling.backbones import (
    Backbone,
    SmallResNet,
    build_backbone,
    check_backbone,
)
from bench_core.modeling.pretrained import PretrainedWeights, load_pretrained
from bench_core.modeling.weights_files import Fit, fit_tensors

PathName: TypeAlias = Literal["alexnet", "resnet50", "small"]
"""What a modality's own layers before fc6 are."""

FC6_WIDTH: Final = 4096
"""Of AlexNet; pretrained weights have it."""
SMALLEST_ALEXNET_IMAGE: Final = 63
"""Height and width of an image of which something is left behind the last pooling."""
SMALL_WIDTH: Final = 16
SMALL_GRID: Final = (12, 4)
"""Of a small path: channels, and rows and columns that fc6 sees."""
_FC6, _OTHERS = "classifier.1.", "classifier."
"""What torchvision calls fc6, and all of its fully connected layers."""


class AlexNetPath(nn.Module):
    """The convolutions and fc6 of AlexNet as torchvision has it ("One weird trick", 2014).

    Its convolutions have 64, 192, 384, 256 and 256 channels and no groups; those of the Caffe
    model have 96, 256, 384, 384 and 256 channels, three of them in two groups, and local response
    normalisation. Maps of any size are averaged to 6x6, which is what 227x227 and 224x224 have.

    Args:
        fc6_width: Outputs of fc6. Only one of 4,096 takes pretrained weights; others start at
            random.

    Attributes:
        features: Normalised images (B, 3, H, W) -> maps (B, 256, h, w).
        fc6: Those maps, flat, -> (B, fc6_width), without a ReLU.
    """

    def __init__(self, fc6_width: int = FC6_WIDTH) -> None:
        super().__init__()
        network = models.alexnet(dropout=0.0)
        self.features, self._grid = network.features, network.avgpool
        channels, (rows, columns) = 256, self._grid.output_size
        self.fc6 = nn.Linear(channels * rows * columns, fc6_width)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return fc6 (B, fc6_width) of normalised images (B, 3, H, W), before any ReLU."""
        hidden: torch.Tensor = self.fc6(self._grid(self.features(images)).flatten(1))
        return hidden

    def fit(self, tensors: Mapping[str, torch.Tensor]) -> Fit:
        """Say which tensors of a weights file this would load, and which not."""
        expected = self._pretrained_part().state_dict()
        return fit_tensors(expected, self._reduced(dict(tensors)))

    def load_pretrained(self, weights: PretrainedWeights) -> None:
        """Load pretrained weights, named as torchvision's; of kind "none", leave it as it is.

        Raises:
            CheckpointError: The weights cannot be had, or do not fit.
        """
        imagenet = models.AlexNet_Weights.IMAGENET1K_V1
        load_pretrained(self._pretrained_part(), weights, imagenet, reduced=self._reduced)

    def _pretrained_part(self) -> nn.ModuleDict:
        part: dict[str, nn.Module] = {"features": self.features}
        if self.fc6.out_features == FC6_WIDTH:
            part["fc6"] = self.fc6
        return nn.ModuleDict(part)

    def _reduced(self, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Take the classifier off, of which fc6 is kept where it has the width of this one."""
        kept = self.fc6.out_features == FC6_WIDTH
        named = {
            name.replace(_FC6, "fc6.", 1) if kept and name.startswith(_FC6) else name: value
            for name, value in state.items()
        }
        return {name: value for name, value in named.items() if not name.startswith(_OTHERS)}


class BackbonePath(nn.Module):
    """Another backbone, pooled, in the place of AlexNet's convolutions, and a fc6 behind it.

    Args:
        backbone: What embeds images; it becomes a part of this network.
        fc6_width: Outputs of fc6, which starts at random.
    """

    def __init__(self, backbone: Backbone, fc6_width: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.fc6 = nn.Linear(backbone.num_features, fc6_width)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return fc6 (B, fc6_width) of normalised images (B, 3, H, W), before any ReLU."""
        hidden: torch.Tensor = self.fc6(self.backbone(images))
        return hidden

    def fit(self, tensors: Mapping[str, torch.Tensor]) -> Fit:
        """Say which tensors of a weights file the backbone would load, and which not."""
        return self.backbone.fit(tensors)

    def load_pretrained(self, weights: PretrainedWeights) -> None:
        """Load pretrained weights into the backbone.

        Raises:
            UsageError: ImageNet weights were asked for and there are none.
            CheckpointError: The weights cannot be had, or do not fit.
        """
        self.backbone.load_pretrained(weights)


class SmallPath(nn.Module):
    """What a CPU trains in a minute: two layers on a grid as AlexNet's maps, and fc6.

    Without pretrained weights a modality's own layers find the less that holds for other people
    the more they are: these are the stem and the first stage of the small backbone, half as wide.

    Args:
        fc6_width: Outputs of fc6.

    Attributes:
        features: Normalised images (B, 3, H, W) -> maps (B, 16, H / 4, W / 4).
        fc6: Those maps, averaged to a grid and flat, -> (B, fc6_width), without a ReLU.
    """

    def __init__(self, fc6_width: int) -> None:
        super().__init__()
        backbone = SmallResNet(SMALL_WIDTH)
        self.features, _ = backbone.split(1)
        self.fc6 = nn.Linear(backbone.stage_channels[0] * math.prod(SMALL_GRID), fc6_width)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return fc6 (B, fc6_width) of normalised images (B, 3, H, W), before any ReLU."""
        maps = functional.adaptive_avg_pool2d(self.features(images), SMALL_GRID)
        hidden: torch.Tensor = self.fc6(maps.flatten(1))
        return hidden

    def fit(self, tensors: Mapping[str, torch.Tensor]) -> Fit:
        """Say which tensors of a weights file this would load, and which not."""
        return fit_tensors(self.features.state_dict(), tensors)

    def load_pretrained(self, weights: PretrainedWeights) -> None:
        """Load weights of the layers before fc6.

        Raises:
            UsageError: ImageNet weights were asked for and there are none.
            CheckpointError: The weights cannot be had, or do not fit.
        """
        load_pretrained(self.features, weights)


Path: TypeAlias = AlexNetPath | BackbonePath | SmallPath


class TwoPath(nn.Module):
    """A path for each modality, from images to fc6; nothing is shared.

    Args:
        path: What each modality gets one of; both start from the same weights.

    Attributes:
        paths: By modality.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.paths = nn.ModuleDict({VISIBLE: path, INFRARED: copy.deepcopy(path)})

    def forward(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Return fc6 (B, fc6_width) of normalised images (B, 3, H, W) of one modality."""
        hidden: torch.Tensor = self.paths[modality](images)
        return hidden

    def both(self, visible: torch.Tensor, infrared: torch.Tensor) -> torch.Tensor:
        """Return fc6 (2 M, fc6_width) of normalised images of both modalities, visible first."""
        images = {VISIBLE: visible, INFRARED: infrared}
        return torch.cat([self.paths[modality](images[modality]) for modality in MODALITIES])

    def fit(self, tensors: Mapping[str, torch.Tensor]) -> Fit:
        """Say which tensors of a weights file both paths would load, and which not."""
        return self._first.fit(tensors)

    def load_pretrained(self, weights: PretrainedWeights) -> None:
        """Load pretrained weights into both paths, which are the same then.

        Raises:
            UsageError: ImageNet weights were asked for and there are none.
            CheckpointError: The weights cannot be had, or do not fit.
        """
        self._first.load_pretrained(weights)
        self.paths[INFRARED].load_state_dict(self._first.state_dict())

    @property
    def _first(self) -> Path:
        return cast("Path", self.paths[VISIBLE])


def build_two_path(
    name: PathName, fc6_width: int, *, last_stride: int = 1, stem_relu: bool = True
) -> TwoPath:
    """Build both paths with random weights.

    Args:
        name: "alexnet"; or "resnet50" or a "small" network in the place of its convolutions.
        fc6_width: Outputs of fc6.
        last_stride: Of ResNet-50's last stage.
        stem_relu: Whether ResNet-50's stem has its ReLU.

    Raises:
        UsageError: The backbone has no such option.
    """
    if name == "alexnet":
        return TwoPath(AlexNetPath(fc6_width))
    check_backbone(name, last_stride=last_stride, stem_relu=stem_relu)
    if name == "small":
        return TwoPath(SmallPath(fc6_width))
    backbone = build_backbone(name, last_stride=last_stride, stem_relu=stem_relu)
    return TwoPath(BackbonePath(backbone, fc6_width))


class TopOutput(NamedTuple):
    """What the shared layers make of fc6.

    Attributes:
        before_relu: fc7 (B, fc7_width) before its ReLU.
        features: fc7 behind it.
        logits: (B, identities).
    """

    before_relu: torch.Tensor
    features: torch.Tensor
    logits: torch.Tensor


class SharedTop(nn.Module):
    """The layers behind fc6 that both modalities share.

    They are ReLU, dropout, fc7, ReLU, dropout and classifier.

    Args:
        fc6_width: Inputs.
        fc7_width: Outputs of fc7.
        num_identities: Outputs of the classifier.
        dropout: Probability that a number is dropped, before fc7 and before the classifier.
    """

    def __init__(
        self, fc6_width: int, fc7_width: int, num_identities: int, dropout: float = 0.5
    ) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.fc7 = nn.Linear(fc6_width, fc7_width)
        self.classifier = nn.Linear(fc7_width, num_identities)

    def embed(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return fc7 (B, fc7_width) of fc6 (B, fc6_width), before its ReLU."""
        features: torch.Tensor = self.fc7(self.dropout(functional.relu(hidden)))
        return features

    def forward(self, hidden: torch.Tensor) -> TopOutput:
        """Return fc7 and logits of fc6 (B, fc6_width), which has not passed a ReLU."""
        before_relu = self.embed(hidden)
        features = functional.relu(before_relu)
        return TopOutput(before_relu, features, self.classifier(self.dropout(features)))
