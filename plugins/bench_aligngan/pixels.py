"""The pixel alignment module P (Sec. 3.1): G_p from RGB to infrared, and G_p' back."""

from __future__ import annotations

import torch
from torch import nn

from bench_aligngan.batches import SignedBatch
from bench_aligngan.config import AlignGANConfig
from bench_aligngan.networks import build_generator
from bench_core.methods import Losses, recompute, reconstruction_loss


class PixelModule:
    """P. All images are (B, 3, H, W) in [-1, 1].

    Attributes:
        networks: Both generators by name.
    """

    def __init__(self, config: AlignGANConfig) -> None:
        self._to_infrared = build_generator(config)
        self._to_visible = build_generator(config)
        self._recomputed = config.recompute_activations
        self._has_same_modality_loss = config.same_modality_weight > 0
        self.networks: dict[str, nn.Module] = {
            "generator_to_infrared": self._to_infrared,
            "generator_to_visible": self._to_visible,
        }

    def fake_infrared(self, visible: torch.Tensor) -> torch.Tensor:
        """Return X'_ir = G_p(X_rgb)."""
        return self._run(self._to_infrared, visible)

    def fake_visible(self, infrared: torch.Tensor) -> torch.Tensor:
        """Return G_p'(X_ir)."""
        return self._run(self._to_visible, infrared)

    def fake_infrared_of_all(self, visible: torch.Tensor, num_learned: int) -> torch.Tensor:
        """Return X'_ir, through which the gradient reaches G_p from the first images alone.

        Args:
            visible: X_rgb.
            num_learned: How many of them P learns from.
        """
        learned = self.fake_infrared(visible[:num_learned])
        if num_learned == len(visible):
            return learned
        with torch.no_grad():
            others = self.fake_infrared(visible[num_learned:])
        return torch.cat([learned, others])

    def reconstruction_losses(
        self, batch: SignedBatch, fake_infrared: torch.Tensor, fake_visible: torch.Tensor
    ) -> Losses:
        """Return L_cyc (Eq. 1) and, where it has a weight, CycleGAN's identity loss.

        Args:
            batch: X_rgb and X_ir.
            fake_infrared: G_p(X_rgb).
            fake_visible: G_p'(X_ir).
        """
        restored_visible = self.fake_visible(fake_infrared)
        restored_infrared = self.fake_infrared(fake_visible)
        losses = {"cycle": _distance(batch, restored_visible, restored_infrared)}
        if self._has_same_modality_loss:
            losses["same-modality"] = _distance(
                batch, self.fake_visible(batch.visible), self.fake_infrared(batch.infrared)
            )
        return losses

    def _run(self, generator: nn.Module, images: torch.Tensor) -> torch.Tensor:
        if self._recomputed and torch.is_grad_enabled():
            return recompute(generator, images)
        translated: torch.Tensor = generator(images)
        return translated


def _distance(batch: SignedBatch, visible: torch.Tensor, infrared: torch.Tensor) -> torch.Tensor:
    restored = reconstruction_loss(visible, batch.visible)
    return restored + reconstruction_loss(infrared, batch.infrared)
