"""Backbones: from an image to feature maps and one feature vector."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Literal, TypeAlias

import torch
from torch import nn
from torch.nn import functional
from torchvision import models
from torchvision.models.resnet import BasicBlock

from bench_core.contracts.errors import CheckpointError, UsageError
from bench_core.modeling.pretrained import (
    PretrainedWeights,
    TorchvisionWeights,
    read_state,
    state_difference,
)
from bench_core.modeling.weights_files import Fit, fit_tensors

BackboneName: TypeAlias = Literal["resnet50", "densenet121", "small"]
SplitStage: TypeAlias = Literal[1, 2, 3]
"""The stage after which a backbone is split."""

SMALLEST_DENSENET_IMAGE = 29
"""DenseNet-121 halves images five times, and rounds up at first."""


class Backbone(nn.Module, ABC):
    """A convolutional body, a stem and four stages, followed by global average pooling.

    Attributes:
        num_features: D, length of the feature.
        body: Images (B, 3, H, W), normalised -> feature maps (B, D, h, w).
        stage_channels: Channels of the maps behind each stage; the last are D. The first three
            stages end at 1/4, 1/8 and 1/16 of the image's size.
        imagenet: Torchvision's weights for the body, if there are any.
    """

    num_features: int
    body: nn.Sequential
    stage_channels: tuple[int, int, int, int]
    imagenet: TorchvisionWeights | None = None
    _stage_ends: tuple[int, int, int]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the pooled feature (B, D) of normalised images (B, 3, H, W)."""
        return self.pool(self.body(images))

    @staticmethod
    def pool(maps: torch.Tensor) -> torch.Tensor:
        """Average feature maps (B, D, h, w) over their places: (B, D)."""
        return functional.adaptive_avg_pool2d(maps, 1).flatten(1)

    def split(self, stage: SplitStage) -> tuple[nn.Sequential, nn.Sequential]:
        """Split the body behind a stage: the second part, run on what the first returns, ends it.

        Both parts are views: their layers are this backbone's own, under other names. Register
        the backbone or its parts in a network, not both.

        Args:
            stage: The last stage of the first part.

        Returns:
            Normalised images (B, 3, H, W) -> maps (B, `stage_channels[stage - 1]`, h', w'), and
            these maps -> feature maps (B, D, h, w).
        """
        layers, end = self._layers(), self._stage_ends[stage - 1]
        return nn.Sequential(*layers[:end]), nn.Sequential(*layers[end:])

    def _layers(self) -> list[nn.Module]:
        """Return the layers of the body in order; `_stage_ends` counts them."""
        return list(self.body)

    @abstractmethod
    def _without_classifier(self, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Reduce torchvision's state dictionary to that of the body."""

    def fit(self, tensors: Mapping[str, torch.Tensor]) -> Fit:
        """Say which tensors of a weights file the body would load, and which not."""
        return fit_tensors(self.body.state_dict(), self._without_classifier(dict(tensors)))

    def load_pretrained(self, weights: PretrainedWeights) -> None:
        """Load pretrained weights into the body; of kind "none", leave it as it is.

        Raises:
            UsageError: ImageNet weights were asked for and there are none.
            CheckpointError: The weights cannot be had, or do not fit.
        """
        if weights.kind == "none":
            return
        state = self._without_classifier(read_state(weights, self.imagenet))
        if difference := state_difference(self.body.state_dict(), state):
            source = weights.path or "imagenet"
            raise CheckpointError(
                f"--weights {source}: does not fit this backbone: {difference}; give its tensors "
                "the names that the backbone has, and save them again"
            )
        self.body.load_state_dict(state)


class ResNet50(Backbone):
    """ResNet-50 (He et al. 2016) as the bag-of-tricks baseline changes it (Luo et al. 2019).

    Args:
        last_stride: Stride of the last stage: 1 keeps a larger feature map than the original's 2.
        stem_relu: The baseline's public code leaves out the ReLU of the stem; the paper does not.
    """

    stage_channels = (256, 512, 1024, 2048)
    _stage_ends = (5, 6, 7)

    def __init__(self, *, last_stride: int = 1, stem_relu: bool = True) -> None:
        super().__init__()
        network = models.resnet50()
        if last_stride == 1:
            network.layer4[0].conv2.stride = (1, 1)
            network.layer4[0].downsample[0].stride = (1, 1)
        if not stem_relu:
            network.relu = nn.Identity()
        self.num_features = network.fc.in_features
        self.imagenet = models.ResNet50_Weights.IMAGENET1K_V1
        self.body = _without_head(network, ("avgpool", "fc"))

    def _without_classifier(self, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {name: value for name, value in state.items() if not name.startswith("fc.")}


class DenseNet121(Backbone):
    """DenseNet-121 (Huang et al. 2017), with the ReLU behind its last normalisation.

    A stage begins with the transition that halves its maps and ends with its dense block.
    """

    stage_channels = (256, 512, 1024, 1024)
    _stage_ends = (5, 7, 9)

    def __init__(self) -> None:
        super().__init__()
        network = models.densenet121()
        self.num_features = network.classifier.in_features
        self.imagenet = models.DenseNet121_Weights.IMAGENET1K_V1
        self.body = nn.Sequential()
        self.body.add_module("features", network.features)
        self.body.add_module("relu", nn.ReLU(inplace=True))

    def _layers(self) -> list[nn.Module]:
        features, relu = self.body
        return [*features.children(), relu]

    def _without_classifier(self, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        renamed = {_modern_densenet_name(name): value for name, value in state.items()}
        return {name: value for name, value in renamed.items() if not name.startswith("classifier")}


class SmallResNet(Backbone):
    """A residual network small enough to train on a CPU in minutes.

    One basic block in each of four stages of `width` to 8 x `width` channels; last stride 1.
    """

    _stage_ends = (4, 5, 6)

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        body = nn.Sequential(
            nn.Conv2d(3, width, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        )
        channels = width
        for stage, stride in enumerate((2, 2, 2, 1)):
            body.append(_basic_block(channels, width * 2**stage, stride))
            channels = width * 2**stage
        self.num_features = channels
        self.stage_channels = (width, 2 * width, 4 * width, 8 * width)
        self.body = body

    def _without_classifier(self, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return state


def build_backbone(name: BackboneName, *, last_stride: int = 1, stem_relu: bool = True) -> Backbone:
    """Build a backbone with random weights.

    Args:
        name: "resnet50", "densenet121" or "small".
        last_stride: Of ResNet-50's last stage.
        stem_relu: Whether ResNet-50's stem has its ReLU.

    Raises:
        UsageError: The backbone has no such option.
    """
    check_backbone(name, last_stride=last_stride, stem_relu=stem_relu)
    if name == "resnet50":
        return ResNet50(last_stride=last_stride, stem_relu=stem_relu)
    if name == "densenet121":
        return DenseNet121()
    return SmallResNet()


def check_backbone(
    name: BackboneName,
    *,
    last_stride: int = 1,
    stem_relu: bool = True,
    image_size: tuple[int, int] | None = None,
) -> None:
    """Refuse options that a backbone would ignore, and images that are too small for it.

    Args:
        name: "resnet50", "densenet121" or "small".
        last_stride: As `build_backbone` has it.
        stem_relu: Likewise.
        image_size: Height and width of its images in pixels, where they are known.

    Raises:
        UsageError: An option of ResNet-50 is set for another backbone, or an image would shrink to
            nothing.
    """
    if name != "resnet50":
        for option, value, left_alone in (
            ("last_stride", last_stride, 1),
            ("stem_relu", stem_relu, True),
        ):
            if value != left_alone:
                raise UsageError(
                    f"--set {option}={json.dumps(value)}: an option of backbone=resnet50 alone, "
                    f"and backbone={name} would ignore it; leave it at {json.dumps(left_alone)}"
                )
    if name == "densenet121" and image_size and min(image_size) < SMALLEST_DENSENET_IMAGE:
        height, width = image_size
        raise UsageError(
            f"images of {height}x{width} are too small for backbone=densenet121, which halves them "
            f"five times: height and width must be at least {SMALLEST_DENSENET_IMAGE}"
        )


def _basic_block(inputs: int, outputs: int, stride: int) -> nn.Module:
    shortcut = None
    if stride != 1 or inputs != outputs:
        shortcut = nn.Sequential(
            nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
        )
    block: nn.Module = BasicBlock(inputs, outputs, stride, shortcut)
    return block


def _without_head(network: nn.Module, head: tuple[str, ...]) -> nn.Sequential:
    body = nn.Sequential()
    for name, module in network.named_children():
        if name not in head:
            body.add_module(name, module)
    return body


def _modern_densenet_name(name: str) -> str:
    """Torchvision's DenseNet files still write `norm.1` where the modules are called `norm1`."""
    for layer in ("norm", "relu", "conv"):
        for number in ("1", "2"):
            name = name.replace(f".{layer}.{number}.", f".{layer}{number}.")
    return name
