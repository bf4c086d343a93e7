"""The networks of Wu et al.: what each modality has for itself, and what both share."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import torch
from torch import nn
from torchvision.models.resnet import BasicBlock, ResNet

from bench_core import INFRARED, VISIBLE, Modality
from bench_core.methods import (
    Backbone,
    PretrainedWeights,
    SplitStage,
    TwoStream,
    build_backbone,
    gray_value,
)

Residual: TypeAlias = Literal["resnet6", "resnet50", "small"]
"""The backbones that these networks can have."""

BOTH: tuple[Modality, ...] = (VISIBLE, INFRARED)
"""The order of modalities in a batch."""


class Gray(nn.Module):
    """The one channel of a grey image."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map images (B, 3, H, W) in [0, 1] to grey ones (B, 1, H, W), likewise."""
        return gray_value(images)


class ZeroPadded(nn.Module):
    """A grey image in one of two channels; the other, which is the other modality's, is zero.

    Args:
        channel: 0 for visible images, 1 for infrared ones.
    """

    def __init__(self, channel: int) -> None:
        super().__init__()
        self.channel = channel
        self.gray = Gray()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map images (B, 3, H, W) in [0, 1] to (B, 2, H, W)."""
        gray = self.gray(images)
        channels = [torch.zeros_like(gray), torch.zeros_like(gray)]
        channels[self.channel] = gray
        return torch.cat(channels, 1)


class ResNet6(Backbone):
    """ResNet's stem of a 7x7 convolution, and four stages of one basic block each.

    Stages have 64 to 512 channels and strides 1, 2, 2 and 2.
    """

    stem_channels = 64
    stage_channels = (64, 128, 256, 512)
    _stage_ends = (4, 5, 6, 7)

    def __init__(self) -> None:
        super().__init__()
        network = ResNet(BasicBlock, [1, 1, 1, 1])
        self.num_features = network.fc.in_features
        self.body = nn.Sequential()
        for name, module in network.named_children():
            if name not in ("avgpool", "fc"):
                self.body.add_module(name, module)

    def _without_classifier(self, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {name: value for name, value in state.items() if not name.startswith("fc.")}


class OtherInput(Backbone):
    """A backbone for images of another number of channels than three.

    Pretrained kernels of its first convolution are averaged over their three channels, and each
    channel here starts from the average (InnovArul/rgb_IR_personreid does so).

    Args:
        backbone: What is changed; its layers become this backbone's.
        channels: Of images.
    """

    def __init__(self, backbone: Backbone, channels: int) -> None:
        super().__init__()
        self.body = backbone.body
        self.num_features = backbone.num_features
        self.stem_channels, self.stage_channels = backbone.stem_channels, backbone.stage_channels
        self.imagenet = backbone.imagenet
        self._stage_ends = backbone._stage_ends
        self._original = (backbone,)  # its layers are registered here, under the same names
        convolution: Any
        self._first, convolution = next(iter(self.body.named_children()))
        self._channels = channels
        changed = nn.Conv2d(
            channels,
            convolution.out_channels,
            convolution.kernel_size,
            stride=convolution.stride,
            padding=convolution.padding,
            bias=False,
        )
        nn.init.kaiming_normal_(changed.weight, mode="fan_out", nonlinearity="relu")
        setattr(self.body, self._first, changed)

    def _without_classifier(self, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        state = self._original[0]._without_classifier(state)
        kernels = state.get(name := f"{self._first}.weight")
        if kernels is None or kernels.ndim != 4:
            return state
        averaged = kernels.mean(1, keepdim=True).expand(-1, self._channels, -1, -1)
        return {**state, name: averaged}


def residual_backbone(
    name: Residual, channels: int, *, last_stride: int = 1, stem_relu: bool = True
) -> Backbone:
    """Build a backbone with random weights.

    Args:
        name: Which one.
        channels: Of the images that it sees.
        last_stride: Of ResNet-50's last stage.
        stem_relu: Whether ResNet-50's stem has its ReLU.
    """
    if name == "resnet6":
        known: Backbone = ResNet6()
    else:
        known = build_backbone(name, last_stride=last_stride, stem_relu=stem_relu)
    return known if channels == 3 else OtherInput(known, channels)


class SharedBackbone(nn.Module):
    """One backbone for both modalities, which have nothing for themselves but a form of images.

    Args:
        visible: From visible images (B, 3, H, W) in [0, 1] to what the backbone sees of them.
        infrared: The same for infrared ones.
        backbone: Embeds both.

    Attributes:
        num_features: D, length of the pooled feature.
    """

    def __init__(self, visible: nn.Module, infrared: nn.Module, backbone: Backbone) -> None:
        super().__init__()
        self.inputs = nn.ModuleDict({VISIBLE: visible, INFRARED: infrared})
        self.backbone = backbone
        self.num_features = backbone.num_features

    def forward(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Return feature maps (B, D, h, w) of images of one modality."""
        maps: torch.Tensor = self.backbone.body(self.inputs[modality](images))
        return maps

    def both(self, visible: torch.Tensor, infrared: torch.Tensor) -> torch.Tensor:
        """Return feature maps of both modalities, visible ones first: (2B, D, h, w).

        They go through the backbone together, and so share batch statistics.
        """
        images = {VISIBLE: visible, INFRARED: infrared}
        seen = [self.inputs[modality](images[modality]) for modality in BOTH]
        maps: torch.Tensor = self.backbone.body(torch.cat(seen))
        return maps


class TwoInputs(TwoStream):
    """Two streams of different inputs: three channels of visible images, one of infrared ones.

    Args:
        visible: A backbone for three channels, of which the shared layers are.
        infrared: The same for one channel; its layers behind the split are not used.
        stage: The last stage that each modality has for itself; 0 for the stem alone.
    """

    def __init__(self, visible: Backbone, infrared: Backbone, stage: SplitStage) -> None:
        super().__init__(visible, stage)
        own, _ = infrared.split(stage)
        self.stems[INFRARED] = nn.Sequential(Gray(), *own)
        self._infrared = (infrared,)

    def load_pretrained(self, weights: PretrainedWeights) -> None:
        """Load pretrained weights into both streams; see `OtherInput` for that of one channel.

        Raises:
            UsageError: ImageNet weights were asked for and there are none.
            CheckpointError: The weights cannot be had, or do not fit.
        """
        for backbone in (*self._backbone, *self._infrared):
            backbone.load_pretrained(weights)
