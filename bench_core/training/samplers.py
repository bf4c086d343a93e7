"""What a stage draws its batches from and by: its own sampler, or identities or clusters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from bench_core.configuration import FrozenModel
from bench_core.contracts.errors import TrainingError
from bench_core.contracts.images import MODALITIES, Modality
from bench_core.data.sampling import Deck

Rows: TypeAlias = NDArray[np.int64]
"""Of images: their places among the training images of their modality, from 0."""

NO_CLUSTER = -1
"""The pseudo-label of an image that belongs to no cluster."""


class SamplingConfig(FrozenModel):
    """How a batch is drawn.

    Attributes:
        identities: P, identities in a batch.
        images: K, images of each identity and modality.
        steps_per_epoch: Batches in an epoch; by default as many as the larger modality needs.
    """

    identities: int = Field(default=8, ge=2)
    images: int = Field(default=4, ge=1)
    steps_per_epoch: int | None = Field(default=None, ge=1)


@dataclass(frozen=True, kw_only=True)
class SampledImages:
    """The training images as a sampler sees them; entry i of an array is that of row i.

    Attributes:
        labels: For each modality, int64 training labels; in a stage without labels the
            pseudo-labels that its `begin` gave, -1 for none, and nothing before it gave some.
        cameras: For each modality, int64 numbers of the images' cameras, where they are known.
        counts: For each modality, how many images it has.
        sampling: What the stage asks for.
    """

    labels: Mapping[Modality, NDArray[np.int64]]
    cameras: Mapping[Modality, NDArray[np.int64]]
    counts: Mapping[Modality, int]
    sampling: SamplingConfig

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch: what is asked for, or as many as the larger modality needs."""
        batch = self.sampling.identities * self.sampling.images
        return self.sampling.steps_per_epoch or -(-max(self.counts.values()) // batch)


class Sampler(Protocol):
    """Draws the batches of an epoch; the same generator always gives the same batches."""

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch, for progress and schedules; an epoch may end earlier."""
        ...

    def epoch(self, generator: np.random.Generator) -> Iterator[tuple[Rows, Rows]]:
        """Yield the rows of the visible and of the infrared images of each batch, P x K of both.

        They show the same identity entry by entry, or the batch has no `labels`, but only
        `labels_of` its modalities.
        """
        ...


SamplerFactory: TypeAlias = Callable[[SampledImages], Sampler]
"""Makes the sampler of an epoch, when it begins."""


class ClusterSampler:
    """Draws P clusters of each modality and K images of each of them, by pseudo-labels.

    Clusters come in a random order, each once before any comes again; so do the images of one. The
    clusters of both modalities have nothing to do with each other.

    Raises:
        TrainingError: A modality has no cluster.
    """

    def __init__(self, images: SampledImages) -> None:
        self._sampling = images.sampling
        self.steps_per_epoch = images.steps_per_epoch
        self._members = {modality: _members(images, modality) for modality in MODALITIES}

    def epoch(self, generator: np.random.Generator) -> Iterator[tuple[Rows, Rows]]:
        """Yield the rows of each batch; see `Sampler`."""
        decks = {
            modality: [Deck(rows, generator) for rows in members]
            for modality, members in self._members.items()
        }
        clusters = {m: Deck(np.arange(len(each)), generator) for m, each in decks.items()}
        number, size = self._sampling.identities, self._sampling.images
        for _ in range(self.steps_per_epoch):
            visible, infrared = (
                np.concatenate([decks[m][i].deal(size) for i in clusters[m].deal(number)])
                for m in MODALITIES
            )
            yield visible, infrared


def _members(images: SampledImages, modality: Modality) -> list[Rows]:
    """Return the rows of each cluster of a modality."""
    if modality not in images.labels:
        raise TrainingError(
            "a stage without labels draws its batches by pseudo-labels, and has none: give them "
            "with epoch.assign in its begin, or give the stage a sampler"
        )
    labels = images.labels[modality]
    found = np.unique(labels[labels != NO_CLUSTER])
    if not len(found):
        raise TrainingError(f"clustering left every {modality} image without a cluster")
    return [np.flatnonzero(labels == label) for label in found]
