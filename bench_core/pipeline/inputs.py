"""The dataset of a run: the user's root folder, or the synthetic stand-in, made once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench_core.contracts.dataset import Dataset, DatasetSpec
from bench_core.contracts.errors import DataError, UsageError
from bench_core.contracts.images import ResizeFilter
from bench_core.contracts.method import Selection
from bench_core.contracts.protocol import EvaluationProtocol, ProtocolSpec, Trial
from bench_core.data.cache import ImageStore, open_images
from bench_core.data.degraded import ImageSource, open_degraded
from bench_core.data.fingerprint import fingerprint
from bench_core.data.image_folders import is_synthetic
from bench_core.data.opening import open_dataset, readable
from bench_core.data.verification.first_look import look_at
from bench_core.loading import load_protocol
from bench_core.pipeline.stand_in import open_stand_in
from bench_core.plugins import Registry
from bench_core.system.escaping import terminal_name

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoredImages:
    """The images that a protocol scores, as a model sees them.

    Attributes:
        table: Their rows of the image table, or the whole of it.
        rows: Where they stand in `table` and in `store`.
        store: Decoded images of every row of `table`.
    """

    table: pd.DataFrame
    rows: NDArray[np.int64]
    store: ImageStore


@dataclass(frozen=True, kw_only=True)
class RunInputs:
    """A protocol and the dataset that it is run on.

    Attributes:
        spec: The dataset's spec.
        dataset: What was read.
        fingerprint: SHA-256 (hex) of its content.
        protocol: The protocol, bound to the split files of the dataset.
        cache: Folder for decoded images.
        findings: What differs from the published dataset, one line each (see `look_at`).
    """

    spec: DatasetSpec
    dataset: Dataset
    fingerprint: str
    protocol: EvaluationProtocol
    cache: Path
    findings: tuple[str, ...] = ()

    def images(self, size: tuple[int, int], resize_filter: ResizeFilter = "bilinear") -> ImageStore:
        """Return the decoded images at a size (height, width); see `open_images`."""
        return open_images(self.dataset, self.fingerprint, size, self.cache, resize_filter)

    def scored_images(
        self,
        rows: NDArray[np.int64],
        size: tuple[int, int],
        resize_filter: ResizeFilter = "bilinear",
        keep_in: Path | None = None,
    ) -> ScoredImages:
        """Return images as the protocol has them scored: degraded, where it degrades them.

        Args:
            rows: Row positions of the images in the dataset.
            size: Height and width in pixels.
            resize_filter: How they are brought to the size.
            keep_in: Folder for degraded images; None for that of decoded ones.

        Raises:
            DataError: An image is damaged; the message names it.
            PluginError: The degradation breaks its contract.
        """
        degradation = self.protocol.spec.degradation
        if degradation is None:
            store = self.images(size, resize_filter)
            return ScoredImages(table=self.dataset.images, rows=rows, store=store)
        source = ImageSource(
            dataset=self.dataset,
            fingerprint=self.fingerprint,
            size=size,
            cache=self.cache,
            resize_filter=resize_filter,
        )
        return ScoredImages(
            table=self.dataset.images.iloc[rows].reset_index(drop=True),
            rows=np.arange(len(rows)),
            store=open_degraded(source, rows, degradation, keep_in),
        )

    def training_splits(self, selection: Selection) -> list[str]:
        """Return the training split of each trial.

        Raises:
            UsageError: The selection needs validation people, and the dataset has none.
        """
        spec = self.protocol.spec
        trials = range(spec.num_trials)
        if selection == "validation":
            return [validation_split(spec) for _ in trials]
        return [self.protocol.training_split(trial) for trial in trials]

    def validation_trial(self) -> Trial:
        """Return the rows of the validation queries and gallery."""
        return self.protocol.validation_trial(self.dataset.images)


def open_inputs(
    registry: Registry, protocol: ProtocolSpec, root: Path | None, cache: Path
) -> RunInputs:
    """Read the dataset of a protocol.

    Args:
        registry: Where the dataset's plugin is found.
        protocol: The protocol to run.
        root: The dataset's root; without it the synthetic stand-in is used, and made if needed.
        cache: Folder for what can be made again.

    Raises:
        DataError: The root is no such dataset, or the stand-in is damaged.
        UsageError: No root was given and the dataset has no stand-in.
    """
    spec = registry.dataset(protocol.dataset)
    if root is None:
        dataset, content = open_stand_in(spec, cache)
    else:
        _check_folder(root)
        dataset = open_dataset(spec, root)
        content = fingerprint(dataset, cache)
    findings = look_at(spec, dataset)
    tell_findings(spec, dataset.root, findings)
    return RunInputs(
        spec=spec,
        dataset=dataset,
        fingerprint=content,
        protocol=load_protocol(protocol, dataset.splits),
        cache=cache,
        findings=findings,
    )


def usual_preset(root: Path | None) -> str:
    """Return the preset for data where none was asked for.

    Args:
        root: The dataset's root; None for synthetic people that are made where they are needed.
    """
    return "quick" if root is None or is_synthetic(root) else "paper"


def _check_folder(root: Path) -> None:
    with readable(root):
        if not root.is_dir():
            raise DataError(f"--data {root} is not a folder")


def tell_findings(spec: DatasetSpec, root: Path, findings: Sequence[str]) -> None:
    """Say on standard error what differs from the published dataset, a line each."""
    for finding in findings:
        sys.stderr.write(f"Note: {spec.title} in {terminal_name(str(root))}, {finding}\n")


def validation_split(spec: ProtocolSpec) -> str:
    """Return the name of the training split that holds validation people out.

    Raises:
        UsageError: There is none.
    """
    if spec.validation_split is None:
        raise UsageError(
            f"--select validation: {spec.id} has no validation people; use --select last (models "
            "are never selected on test people)"
        )
    return spec.validation_split
