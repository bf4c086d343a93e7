"""Tensors of both modalities, side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, Self

import torch


class Pair(NamedTuple):
    """A tensor for each modality, the batch first; entry i of both shows one person."""

    visible: torch.Tensor
    infrared: torch.Tensor

    @classmethod
    def parted(cls, joined: torch.Tensor) -> Self:
        """Part a batch, the visible half first."""
        return cls(*joined.chunk(2))

    def joined(self) -> torch.Tensor:
        """Return one batch, the visible half first."""
        return torch.cat(self)

    def swapped(self) -> Pair:
        """Return each modality's tensor in the place of the other's."""
        return Pair(visible=self.infrared, infrared=self.visible)

    def detached(self) -> Pair:
        """Return the values, without what made them."""
        return Pair(*(part.detach() for part in self))

    def map(self, change: Callable[[torch.Tensor], torch.Tensor]) -> Pair:
        """Return what `change` makes of each modality's tensor."""
        return Pair(change(self.visible), change(self.infrared))


def by_modality(
    run: Callable[[torch.Tensor], torch.Tensor],
    joined: torch.Tensor,
    statistics: Literal["shared", "separate"],
) -> torch.Tensor:
    """Run what normalises by the batch on both modalities, together or each by itself.

    Args:
        run: From a batch to a batch.
        joined: The visible half first.
        statistics: Whether both share the statistics of their batch.
    """
    if statistics == "shared":
        return run(joined)
    return Pair.parted(joined).map(run).joined()
