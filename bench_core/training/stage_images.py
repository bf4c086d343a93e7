"""The training images of a stage: the rows of its batches, and what is known of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bench_core.contracts.errors import PluginError
from bench_core.contracts.images import INFRARED, MODALITIES, VISIBLE, Modality
from bench_core.data.sampling import BatchRows
from bench_core.training.batches import Notes
from bench_core.training.data import TrainingData
from bench_core.training.samplers import ClusterSampler, SampledImages, Sampler
from bench_core.training.stages import Stage

Array = NDArray[np.int64]
NO_LABELS = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class EpochBatches:
    """What the batches of an epoch are drawn by.

    Attributes:
        steps: How many there are, as its sampler says.
        rows: Draws their rows with a generator, one batch after another.
    """

    steps: int
    rows: Callable[[np.random.Generator], Iterator[BatchRows]]


class StageImages:
    """The training images of a stage.

    Attributes:
        labels: What the stage may know of who is who: by modality the training labels, or the
            pseudo-labels that were assigned.
        cameras: By modality, the cameras of its images; nothing where they are not known.
        counts: By modality, how many images it has.
    """

    def __init__(self, data: TrainingData, stage: Stage) -> None:
        self._data, self._stage = data, stage
        self.labels: dict[Modality, Array] = dict(data.labels) if stage.labelled else {}
        self.cameras: Mapping[Modality, Array] = data.cameras
        self.counts: Mapping[Modality, int] = {m: len(data.rows[m]) for m in MODALITIES}
        # Rows of a modality among those of the dataset, which need not rise.
        self._order = {modality: np.argsort(data.rows[modality]) for modality in MODALITIES}
        own = stage.sampler is not None or not stage.labelled
        self._balanced = None if own else data.sampler(stage.sampling)

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch as far as they are known before any begins."""
        if self._balanced is not None:
            return self._balanced.steps_per_epoch
        return self._sampled().steps_per_epoch

    @property
    def pseudo_labels(self) -> dict[str, torch.Tensor]:
        """By modality, what its images were last assigned, int64 (N,)."""
        if self._stage.labelled:
            return {}
        return {modality: torch.from_numpy(each) for modality, each in self.labels.items()}

    def restore(self, labels: Mapping[str, torch.Tensor]) -> None:
        """Take over the `pseudo_labels` of a checkpoint."""
        self.labels = {modality: labels[modality].numpy() for modality in MODALITIES}

    def pixels_of(self, modality: Modality, rows: Array) -> NDArray[np.uint8]:
        """Return decoded images (B, H, W, 3) of rows of a modality."""
        return np.asarray(self._data.pixels[self._data.rows[modality][rows]])

    def assign(self, labels: Mapping[Modality, NDArray[Any] | torch.Tensor]) -> None:
        """Take pseudo-labels; see `Epoch.assign`."""
        if self._stage.labelled:
            raise PluginError(
                f"the stage '{self._stage.name}' has labels and takes no pseudo-labels; declare it "
                "with labelled=False"
            )
        for modality, count in self.counts.items():
            given = np.asarray(labels.get(modality, NO_LABELS))
            if given.shape != (count,) or not np.issubdtype(given.dtype, np.integer):
                raise PluginError(
                    f"epoch.assign needs an integer for each of {count} {modality} images, and got "
                    f"{given.dtype} of shape {given.shape}"
                )
        self.labels = {m: np.asarray(labels[m]).astype(np.int64) for m in MODALITIES}

    def begin(self) -> EpochBatches:
        """Return what the batches of an epoch are drawn by, from what is known now."""
        if self._balanced is not None:
            return EpochBatches(self._balanced.steps_per_epoch, self._balanced.epoch)
        sampler = (self._stage.sampler or ClusterSampler)(self._sampled())
        return EpochBatches(sampler.steps_per_epoch, lambda random: self._drawn(sampler, random))

    def _sampled(self) -> SampledImages:
        return SampledImages(
            labels=self.labels,
            cameras=self.cameras,
            counts=self.counts,
            sampling=self._stage.sampling,
        )

    def notes(self, batch: BatchRows) -> Notes:
        """Say of the images of a batch where they are from, and who they are as far as known."""
        rows = {VISIBLE: self._found(VISIBLE, batch.visible)}
        rows[INFRARED] = self._found(INFRARED, batch.infrared)
        return Notes(
            rows=rows,
            cameras={m: self.cameras[m][rows[m]] for m in rows if m in self.cameras},
            labels_of={m: self.labels[m][rows[m]] for m in rows if m in self.labels},
        )

    def _found(self, modality: Modality, rows: Array) -> Array:
        """Return the places of rows of the dataset among the training images of a modality."""
        order = self._order[modality]
        found: Array = order[np.searchsorted(self._data.rows[modality], rows, sorter=order)]
        return found

    def _drawn(self, sampler: Sampler, random: np.random.Generator) -> Iterator[BatchRows]:
        """Yield the batches of a method's own sampler as rows of the dataset."""
        for visible, infrared in sampler.epoch(random):
            self._check(VISIBLE, visible)
            self._check(INFRARED, infrared)
            labels = NO_LABELS
            if self._stage.labelled:
                first, second = self.labels[VISIBLE][visible], self.labels[INFRARED][infrared]
                labels = first if np.array_equal(first, second) else NO_LABELS
            yield BatchRows(
                visible=self._data.rows[VISIBLE][visible],
                infrared=self._data.rows[INFRARED][infrared],
                labels=labels,
            )

    def _check(self, modality: Modality, rows: Any) -> None:
        """Refuse what a sampler may not yield."""
        sampling, count = self._stage.sampling, self.counts[modality]
        size = sampling.identities * sampling.images
        given = np.asarray(rows)
        if given.shape != (size,) or not np.issubdtype(given.dtype, np.integer):
            raise PluginError(
                f"the sampler of the stage '{self._stage.name}' yielded {given.dtype} of shape "
                f"{given.shape} as {modality} rows; it must yield {size} integers, as its sampling "
                f"of {sampling.identities} identities x {sampling.images} images says"
            )
        if given.min() < 0 or given.max() >= count:
            raise PluginError(
                f"the sampler of the stage '{self._stage.name}' yielded a {modality} row that is "
                f"none of the {count} from 0 to {count - 1}"
            )
