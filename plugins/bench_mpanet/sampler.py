"""The batches of MPANet: as many images of one modality as of the other, none twice an epoch."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, count, islice

import numpy as np

from bench_core import INFRARED, VISIBLE, DataError
from bench_core.methods import Rows, SampledImages

Chunk = tuple[Rows, Rows]


class ChunkSampler:
    """Deals the images of each identity into chunks of K + K, and batches of P chunks.

    Each epoch, an identity's larger modality is reduced at random to the size of the smaller, and
    both are cut into chunks of K; what is left over waits for another epoch. Batches take a chunk
    of each of P random identities, until fewer than P have one.

    An identity with fewer than K images in its smaller modality has one chunk an epoch, in which
    its images come again as often as needed; the authors' code fails on some of these.

    With `steps_per_epoch` an epoch has so many batches: dealing begins anew as often as needed.

    Args:
        images: What is drawn from, with labels.

    Raises:
        DataError: There are fewer than P identities, or one lacks a modality.
    """

    def __init__(self, images: SampledImages) -> None:
        sampling, labels = images.sampling, images.labels
        self._number, self._size = sampling.identities, sampling.images
        self._steps = sampling.steps_per_epoch
        people = np.union1d(labels[VISIBLE], labels[INFRARED])
        if self._number > len(people):
            raise DataError(
                f"a batch takes {self._number} identities but the training split has "
                f"{len(people)}; lower it with --set sampling.identities={len(people)}"
            )
        self._people = [
            (np.flatnonzero(labels[VISIBLE] == one), np.flatnonzero(labels[INFRARED] == one))
            for one in people
        ]
        for label, both in zip(people, self._people, strict=True):
            if not all(map(len, both)):
                raise DataError(
                    f"the training identity of label {label} has no image in a modality; restore "
                    "its images or remove it from the split"
                )

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch: as many as are asked for, or the most that chance can make."""
        if self._steps is not None:
            return self._steps
        chunks = np.array([max(min(map(len, both)) // self._size, 1) for both in self._people])
        # T batches need P T chunks, of which an identity gives at most T.
        steps = 1
        while np.minimum(chunks, steps + 1).sum() >= self._number * (steps + 1):
            steps += 1
        return steps

    def epoch(self, generator: np.random.Generator) -> Iterator[tuple[Rows, Rows]]:
        """Yield the rows of each batch, identity by identity; see `Sampler`."""
        if self._steps is None:
            yield from self._dealt_once(generator)
            return
        rounds = chain.from_iterable(self._dealt_once(generator) for _ in count())
        yield from islice(rounds, self._steps)

    def _dealt_once(self, generator: np.random.Generator) -> Iterator[tuple[Rows, Rows]]:
        chunks = [self._chunks(both, generator) for both in self._people]
        while True:
            ready = [place for place, each in enumerate(chunks) if each]
            if len(ready) < self._number:
                return
            chosen = generator.choice(ready, self._number, replace=False)
            visible, infrared = zip(*(chunks[place].pop() for place in chosen), strict=True)
            yield np.concatenate(visible), np.concatenate(infrared)

    def _chunks(self, both: Chunk, generator: np.random.Generator) -> list[Chunk]:
        """Deal the images of an identity."""
        number = max(min(map(len, both)) // self._size, 1)
        visible, infrared = (
            np.resize(generator.permutation(rows), number * self._size).reshape(number, -1)
            for rows in both
        )
        return list(zip(visible, infrared, strict=True))
