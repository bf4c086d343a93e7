"""A classifier for each modality, and slow copies of both by which they teach each other.

MPANet (Wu et al. 2021, "modality learning") and DNS (Jiang et al. 2024, domain distillation).
"""

from __future__ import annotations

import copy

import torch
from torch import nn

from bench_core.contracts.images import INFRARED, MODALITIES, VISIBLE, Modality
from bench_core.modeling.losses import identity_loss, prediction_divergence

OTHER = {VISIBLE: INFRARED, INFRARED: VISIBLE}
"""Of each modality the other one."""


class ModalityClassifiers(nn.Module):
    """Identity classifiers W_v and W_i without bias, and moving averages W'_v and W'_i of them.

    Args:
        num_features: D, length of the feature.
        num_identities: N.
        std: Standard deviation of the weights at the start; None for PyTorch's own start.

    Attributes:
        own: By modality, the classifiers that learn.
        averaged: By modality, their moving averages, which do not.
    """

    def __init__(self, num_features: int, num_identities: int, std: float | None = None) -> None:
        super().__init__()
        self.own = nn.ModuleDict(
            {name: nn.Linear(num_features, num_identities, bias=False) for name in MODALITIES}
        )
        if std is not None:
            for classifier in self.own.values():
                nn.init.normal_(classifier.weight, std=std)  # type: ignore[arg-type]
        self.averaged = copy.deepcopy(self.own).requires_grad_(False)  # noqa: FBT003

    @torch.no_grad()
    def average(self, rate: float | torch.Tensor) -> None:
        """Move the averages towards the classifiers: W' <- (1 - rate) W' + rate W.

        Args:
            rate: A number, or a scalar tensor on the device of the classifiers.
        """
        for slow, fast in zip(self.averaged.parameters(), self.own.parameters(), strict=True):
            share = rate.to(slow.dtype) if isinstance(rate, torch.Tensor) else rate
            slow.lerp_(fast, share)

    def losses(
        self, features: torch.Tensor, modality: Modality, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the losses of the features of one modality.

        Args:
            features: (B, D).
            modality: Theirs.
            labels: int64 (B,).

        Returns:
            The identity loss of the modality's own classifier, and KL(p || p') of its prediction p
            from the prediction p' of the other modality's average, which gets no gradient; each a
            mean over the batch.
        """
        logits = self.own[modality](features)
        with torch.no_grad():
            taught = self.averaged[OTHER[modality]](features)
        return identity_loss(logits, labels), prediction_divergence(logits, taught)
