"""What a record is scored again with: the split files and, where they are at hand, the images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench_core.contracts.errors import BenchError, DataError, UsageError
from bench_core.data.opening import open_splits
from bench_core.pipeline.inputs import RunInputs, open_inputs
from bench_core.system.cache_folder import cache_directory

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench_core.contracts.dataset import Splits
    from bench_core.contracts.protocol import ProtocolSpec
    from bench_core.contracts.result import ResultRecord
    from bench_core.plugins import Registry


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoringInputs:
    """What features are scored with.

    Attributes:
        splits: The split files.
        digests: SHA-256 by which a record may know them: of a root, that of all its lists and that
            of those which scoring needs.
        name: Where they come from, for people.
        images: The dataset, where its root is at hand.
    """

    splits: Splits
    digests: frozenset[str]
    name: str
    images: RunInputs | None = None


def inputs_of_splits(registry: Registry, dataset: str, folder: Path) -> ScoringInputs:
    """Read split files alone.

    Args:
        registry: The plugins.
        dataset: Id of the dataset.
        folder: Where they lie; it may be a root, whose images are not looked at.

    Raises:
        DataError: A split file is missing, malformed or may not be read.
    """
    splits = open_splits(registry.dataset(dataset), folder)
    return ScoringInputs(splits=splits, digests=frozenset({splits.digest()}), name=str(folder))


def inputs_of_root(registry: Registry, protocol: ProtocolSpec, root: Path | None) -> ScoringInputs:
    """Read a dataset, its split files included.

    Args:
        registry: The plugins.
        protocol: The protocol.
        root: Its root; None for the rendered people that a run without a root uses, which are
            rendered where that was not yet done.

    Raises:
        DataError: The root is no such dataset.
        UsageError: The dataset has no rendered people.
    """
    images = open_inputs(registry, protocol, root, cache_directory())
    found = images.dataset
    splits = open_splits(images.spec, found.root)
    return ScoringInputs(
        splits=splits,
        digests=frozenset({splits.digest(), found.splits.digest()}),
        name=str(found.root) if root else f"the rendered people of {images.spec.title}",
        images=images,
    )


class InputsAtHand:
    """Finds for each record the split files that it was scored with.

    Args:
        registry: The plugins.
        folders: Folders of split files, or roots, of any datasets.

    Raises:
        UsageError: One is no folder.
    """

    def __init__(self, registry: Registry, folders: Sequence[Path]) -> None:
        for folder in folders:
            if not folder.is_dir():
                raise UsageError(f"--splits {folder} is not a folder")
        self._registry = registry
        self._folders = folders
        self._read: dict[str, list[ScoringInputs]] = {}
        self._rendered: dict[str, ScoringInputs | None] = {}

    def find(self, record: ResultRecord) -> ScoringInputs | None:
        """Return the split files of a record; None where those at hand are others.

        Those of rendered people need not be at hand: they are rendered again.
        """
        wanted, dataset = record.protocol.splits, record.dataset.id
        if dataset not in self._read:
            self._read[dataset] = self._of_dataset(dataset)
        candidates = [found for found in self._read[dataset] if wanted in found.digests]
        if not candidates and record.dataset.synthetic:
            rendered = self._rendered_people(record)
            candidates = [found for found in (rendered,) if found and wanted in found.digests]
        return candidates[0] if candidates else None

    def _of_dataset(self, dataset: str) -> list[ScoringInputs]:
        found = []
        for folder in self._folders:
            try:
                found.append(inputs_of_splits(self._registry, dataset, folder))
            except DataError:  # they are of another dataset, or none
                continue
        return found

    def _rendered_people(self, record: ResultRecord) -> ScoringInputs | None:
        if record.dataset.id not in self._rendered:
            protocol = self._registry.protocol(record.protocol.id)
            try:
                found = inputs_of_root(self._registry, protocol, None)
            except BenchError:  # the record stays unmarked, as where no split files are at hand
                found = None
            self._rendered[record.dataset.id] = found
        return self._rendered[record.dataset.id]
