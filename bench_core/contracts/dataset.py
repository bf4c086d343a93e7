"""What a dataset is: a root folder that can be read as an image table and its split files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bench_core.contracts.images import Modality  # fields of specs are checked by their types

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

SYNTHETIC_MARKER = "synthetic.json"
"""The file at the root of a rendered dataset."""

IMPORT_RECORD = "import.json"
"""The file at the root of a dataset whose images are not its owners' files."""

SCALES = TINY, DEMO, FULL = ("tiny", "demo", "full")
"""How large a rendered dataset is: for tests, for a training of minutes, as the real one."""

USUAL_DATASET = "sysu-mm01"
"""Id of the dataset in whose tree people are rendered where none is named."""


@dataclass(frozen=True, kw_only=True)
class PublishedCount:
    """A number that the dataset's authors publish, and that a copy of it is checked against.

    Attributes:
        subset: Name of one of `DatasetReader.subsets`, such as "training".
        modality: Modality of the images that are counted; None counts both.
        images: Number of images.
        identities: Number of identities, where it is published.
        note: What is known about copies that differ, in one sentence; empty where nothing is.
    """

    subset: str
    modality: Modality | None
    images: int
    identities: int | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class DatasetSpec:
    """A dataset as its plugin registers it; nothing here imports the reader.

    Attributes:
        id: Short name, such as "sysu-mm01".
        title: Name for people.
        paper: The publication that introduced the dataset.
        source: Where its owners publish it.
        synthetic: "module:NAME" of the `bench_core.synthetic.Layout` by which people are rendered
            for it; None where it has no synthetic stand-in.
        reader: "module:Class" of a `DatasetReader`.
        camera_modalities: Modality of each camera, where a camera has one: it lets features be
            scored that come as a file for each camera. Empty where cameras see both.
        folders: Folders below a root by which a copy of the dataset is recognised.
        published: Counts of the real dataset.
        exports: By format, as `bench data export` names it, "module:function" of what plans it
            from the `Dataset`: a `bench_core.datasets.ExportPlan`.
        imports: By format, as `bench data import` names it, "module:function" of what plans a root
            from a `bench_core.datasets.ImportSource`: a `bench_core.datasets.ImportPlan`.
    """

    id: str
    title: str
    paper: str
    source: str
    synthetic: str | None
    reader: str
    camera_modalities: Mapping[int, Modality] = field(default_factory=dict)
    folders: tuple[str, ...] = ()
    published: tuple[PublishedCount, ...] = ()
    exports: Mapping[str, str] = field(default_factory=dict)
    imports: Mapping[str, str] = field(default_factory=dict)


class Splits(Protocol):
    """The split files of a dataset, in whatever form its plugin keeps them."""

    def digest(self) -> str:
        """Return a SHA-256 (hex) of the content that decides training rows and galleries."""
        ...


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A dataset that was read from a root folder.

    Attributes:
        id: Id of its `DatasetSpec`.
        root: The folder that the paths of `images` are relative to.
        images: Image table (see `bench_core.contracts.images`), sorted by path.
        splits: The split files, as read by the dataset's plugin.
        synthetic: Whether the images were rendered by `bench data synth`.
        findings: What the reader saw that may make a score another one than that of the published
            dataset without keeping it from being computed, such as names that say something else
            than the place of a file; one line each. Results record them, and `bench data verify`
            reports them as problems.
    """

    id: str
    root: Path
    images: pd.DataFrame
    splits: Splits
    synthetic: bool
    findings: tuple[str, ...] = ()


class DatasetReader(Protocol):
    """Reads a root folder; constructed without arguments."""

    def read(self, root: Path) -> Dataset:
        """Read the images and splits below `root`.

        Raises:
            DataError: `root` is not this dataset; the message says what is missing.
        """
        ...

    def read_splits(self, directory: Path) -> Splits:
        """Read split files alone, for scoring features without the images.

        Raises:
            DataError: A split file is missing or malformed.
        """
        ...

    def subsets(self, dataset: Dataset) -> Mapping[str, NDArray[np.int64]]:
        """Return the row positions of the named subsets that `DatasetSpec.published` counts.

        Args:
            dataset: What `read` returned.

        Returns:
            By name, such as "training" or "query", row positions in `dataset.images`.
        """
        ...
