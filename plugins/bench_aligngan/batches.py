"""A training batch in the range of the generators, and the part of it that P and D learn from."""

from __future__ import annotations

from typing import NamedTuple

import torch

from bench_core.methods import Batch, SamplingConfig, to_signed


class SignedBatch(NamedTuple):
    """A batch with images in [-1, 1]; entry i of all shows the same identity.

    Attributes:
        visible: X_rgb (M, 3, H, W).
        infrared: X_ir (M, 3, H, W).
        labels: int64 (M,).
    """

    visible: torch.Tensor
    infrared: torch.Tensor
    labels: torch.Tensor

    def first(self, number: int) -> SignedBatch:
        """Return the first entries."""
        return SignedBatch(*(part[:number] for part in self))


def signed(batch: Batch) -> SignedBatch:
    """Return a batch with images in [-1, 1]."""
    return SignedBatch(to_signed(batch.visible), to_signed(batch.infrared), batch.labels)


def pixels_first(batch: SignedBatch, num_images: int, part: SamplingConfig) -> SignedBatch:
    """Order a batch so that the part that P and D learn from comes first.

    Args:
        batch: Identities in blocks of `num_images`.
        num_images: K of the batch.
        part: The part: its first identities, and of each its first images, again in blocks.
    """
    places = torch.arange(len(batch.labels), device=batch.labels.device).view(-1, num_images)
    chosen, others = places[: part.identities], places[part.identities :]
    order = torch.cat(
        [chosen[:, : part.images].flatten(), chosen[:, part.images :].flatten(), others.flatten()]
    )
    return SignedBatch(*(each[order] for each in batch))
