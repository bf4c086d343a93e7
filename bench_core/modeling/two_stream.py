"""A backbone whose first layers are there twice, once for each modality."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import nn

from bench_core.contracts.images import INFRARED, MODALITIES, VISIBLE, Modality
from bench_core.modeling.backbones import Backbone, SplitStage
from bench_core.modeling.pretrained import PretrainedWeights
from bench_core.modeling.weights_files import Fit


class TwoStream(nn.Module):
    """A backbone with a stem for each modality and the layers behind it for both.

    Args:
        backbone: What is split; it becomes a part of this network, register it nowhere else.
        stage: The last stage that each modality has for itself; 0 for the stem alone.

    Attributes:
        num_features: D, length of the pooled feature.
        stems: By modality: normalised images (B, 3, H, W) -> maps. Both start from the same
            weights.
        shared: Such maps of either modality, or of both joined -> feature maps (B, D, h, w).
    """

    def __init__(self, backbone: Backbone, stage: SplitStage = 0) -> None:
        super().__init__()
        first, self.shared = backbone.split(stage)
        self.stems = nn.ModuleDict({VISIBLE: first, INFRARED: copy.deepcopy(first)})
        self.num_features = backbone.num_features
        # Reached by its parts alone: as a module, each layer would be saved under two names.
        self._backbone = (backbone,)

    def forward(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Return feature maps (B, D, h, w) of normalised images of one modality."""
        maps: torch.Tensor = self.shared(self.stems[modality](images))
        return maps

    def both(self, visible: torch.Tensor, infrared: torch.Tensor) -> torch.Tensor:
        """Return feature maps of both modalities, visible ones first: (2B, D, h, w).

        They go through the shared layers together, and so share batch statistics there.
        """
        images = {VISIBLE: visible, INFRARED: infrared}
        stems = [self.stems[modality](images[modality]) for modality in MODALITIES]
        maps: torch.Tensor = self.shared(torch.cat(stems))
        return maps

    def fit(self, tensors: Mapping[str, torch.Tensor]) -> Fit:
        """Say which tensors of a weights file both stems and the rest would load, and which not."""
        return self._backbone[0].fit(tensors)

    def load_pretrained(self, weights: PretrainedWeights) -> None:
        """Load pretrained weights of the backbone, into both stems.

        Raises:
            UsageError: ImageNet weights were asked for and there are none.
            CheckpointError: The weights cannot be had, or do not fit.
        """
        self._backbone[0].load_pretrained(weights)
        self.stems[INFRARED].load_state_dict(self.stems[VISIBLE].state_dict())
