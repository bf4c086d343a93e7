"""TONE's batches: pairs of a visible and an infrared image, half of them of one person."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bench_core import INFRARED, VISIBLE, DataError
from bench_core.methods import Rows, SampledImages
from bench_hcml.config import VisibleOrder


class PairSampler:
    """Goes through the visible images, and draws an infrared one for each.

    To the first half of a batch come images of the same people, to the other half any images,
    which are mostly of other people. The authors take the former at the same places of two lists
    in which person follows person alike; here any image of the person is drawn, as lists of other
    datasets have no such order. Visible images come once each before any comes again.

    Args:
        images: What is drawn from, with labels.
        order: How it goes through the visible images: "random", or "listed", as they stand in the
            dataset, where those of a person follow each other; an epoch starts at the first.

    Raises:
        DataError: A person has visible images alone.
    """

    def __init__(self, images: SampledImages, order: VisibleOrder = "random") -> None:
        self._order = order
        self._size = images.sampling.identities * images.sampling.images
        self.steps_per_epoch = images.steps_per_epoch
        self._labels = images.labels[VISIBLE]
        infrared = images.labels[INFRARED]
        self._others = len(infrared)
        self._of_person = {
            int(label): np.flatnonzero(infrared == label) for label in np.unique(self._labels)
        }
        for label, rows in self._of_person.items():
            if not len(rows):
                raise DataError(
                    f"the training identity of label {label} has no {INFRARED} image; restore its "
                    "images or remove it from the split"
                )

    def epoch(self, generator: np.random.Generator) -> Iterator[tuple[Rows, Rows]]:
        """Yield the rows of each batch; see `Sampler`."""
        number = self.steps_per_epoch * self._size
        order = self._visible(number, generator)
        for start in range(0, number, self._size):
            visible = order[start : start + self._size]
            half = self._size // 2
            same = [
                generator.choice(self._of_person[int(label)]) for label in self._labels[visible]
            ][:half]
            others = generator.integers(self._others, size=self._size - half)
            yield visible, np.concatenate([np.asarray(same, dtype=np.int64), others])

    def _visible(self, number: int, generator: np.random.Generator) -> NDArray[np.int64]:
        """Return the rows of so many visible images."""
        total = len(self._labels)
        if self._order == "listed":
            return np.arange(number) % total
        rounds = -(-number // total)
        return np.concatenate([generator.permutation(total) for _ in range(rounds)])[:number]
