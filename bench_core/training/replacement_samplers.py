"""The batches of AGW's public code and of those who build on it, drawn anew for each batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

import numpy as np

from bench_core.contracts.errors import DataError
from bench_core.contracts.images import MODALITIES, Modality
from bench_core.training.samplers import Rows, SampledImages, SamplerFactory

ImageDraws: TypeAlias = Literal["once-each", "with-replacement", "without-replacement"]
"""How the images of an identity are drawn: each once before any comes again, over the batches of an
epoch, as the harness does by default; or for each batch by itself, with or without replacement."""


class BatchwiseSampler:
    """Draws each batch by itself: P identities without replacement, K images of each modality.

    An epoch has floor(N / (P K)) + 1 batches, N being the images of the larger modality. Where an
    identity has fewer than K images, they are drawn with replacement in any case.

    Args:
        images: What is drawn from, with labels.
        replacement: Whether an image can come twice among the K of an identity.

    Raises:
        DataError: There are fewer than P identities, or one has no image in a modality.
    """

    def __init__(self, images: SampledImages, *, replacement: bool) -> None:
        sampling = images.sampling
        self._number, self._size = sampling.identities, sampling.images
        self._replacement = replacement
        floor = max(images.counts.values()) // (self._number * self._size)
        self.steps_per_epoch = sampling.steps_per_epoch or floor + 1
        self._identities = np.unique(images.labels[MODALITIES[0]])
        if self._number > len(self._identities):
            raise DataError(
                f"a batch takes {self._number} identities but the training split has "
                f"{len(self._identities)}; lower it with "
                f"--set sampling.identities={len(self._identities)}"
            )
        self._rows = {modality: self._grouped(images, modality) for modality in MODALITIES}

    def epoch(self, generator: np.random.Generator) -> Iterator[tuple[Rows, Rows]]:
        """Yield the rows of each batch, identity by identity; see `Sampler`."""
        for _ in range(self.steps_per_epoch):
            chosen = generator.choice(self._identities, self._number, replace=False)
            visible, infrared = (
                np.concatenate(
                    [self._deal(self._rows[m][identity], generator) for identity in chosen]
                )
                for m in MODALITIES
            )
            yield visible, infrared

    def _deal(self, rows: Rows, generator: np.random.Generator) -> Rows:
        replace = self._replacement or len(rows) < self._size
        dealt: Rows = generator.choice(rows, self._size, replace=replace)
        return dealt

    def _grouped(self, images: SampledImages, modality: Modality) -> dict[int, Rows]:
        labels = images.labels[modality]
        grouped = {int(label): np.flatnonzero(labels == label) for label in self._identities}
        for label, rows in grouped.items():
            if not len(rows):
                raise DataError(
                    f"the training identity of label {label} has no {modality} image; restore its "
                    "images or remove it from the split"
                )
        return grouped


def sampler_of(draws: ImageDraws) -> SamplerFactory | None:
    """Return what a stage takes as its `sampler` for a way to draw images."""
    if draws == "once-each":
        return None
    return lambda images: BatchwiseSampler(images, replacement=draws == "with-replacement")
