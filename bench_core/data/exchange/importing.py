"""From what other repositories train on to a root of a dataset."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench_core.contracts.dataset import IMPORT_RECORD, DatasetSpec
from bench_core.contracts.errors import UsageError
from bench_core.data.exchange.array_files import FORMAT, TrainingArrays, open_arrays
from bench_core.data.exchange.plans import ImportPlan, ImportSource
from bench_core.data.exchange.writing import (
    bytes_of_files,
    synthetic_markers,
    write_pictures,
    write_tree,
)
from bench_core.data.opening import open_dataset, readable
from bench_core.loading import load_object
from bench_core.system.files import (
    check_new_folder,
    check_room,
    folder_written_whole,
    remove_abandoned,
    write_json,
)


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What was made.

    Attributes:
        out: The root of the dataset.
        format: What it was made of.
        dataset: Id of the dataset.
        synthetic: Whether its people are rendered.
        images: Number of images.
        identities: Number of people.
        doubts: What differs from the dataset's own files, one sentence each.
    """

    out: Path
    format: str
    dataset: str
    synthetic: bool
    images: int
    identities: int
    doubts: tuple[str, ...]


def import_folder(
    spec: DatasetSpec,
    *,
    folder: Path,
    out: Path,
    format_: str,
    splits: Path | None = None,
    size: tuple[int, int] | None = None,
    one_camera: bool = False,
) -> Imported:
    """Make a root of a dataset of somebody else's format.

    The new root is read before it gets its name. Where its images are not the files of the dataset
    it holds an `IMPORT_RECORD`, by which every result on it says so.

    Args:
        spec: The dataset.
        folder: What is imported.
        out: The root to create; it must not exist, or be empty.
        format_: One of `spec.imports`.
        splits: Folder of the split files, or of one that holds them as a root does; None is
            `folder`.
        size: Height and width in pixels that arrays must have; None takes one that is known.
        one_camera: Whether all images of a modality may be said to be of one camera.

    Raises:
        UsageError: The dataset has no such format, an option does not apply, or `out` is not free.
        DataError: What is imported is not what it must be; the message names the file.
        BenchError: The disk is full or cannot be written; `out` is then as it was.
    """
    planner = _planner(spec, format_)
    check_new_folder(out)
    arrays = _arrays(folder, format_, size)
    source = ImportSource(
        folder=folder,
        splits=splits or folder,
        labels=arrays.labels if arrays else {},
        one_camera=one_camera,
    )
    with readable(folder):
        plan = planner(source)
    files = [*plan.files, *synthetic_markers([folder, source.splits], plan)]
    plan = replace(plan, files=files, doubts=[*_doubts_of_arrays(arrays), *plan.doubts])
    check_room(out, _num_bytes(plan, arrays))
    remove_abandoned(out.parent, out.name)
    with folder_written_whole(out) as root:
        _write(root, plan, format_, arrays)
        dataset = open_dataset(spec, root)
    return Imported(
        out=out,
        format=format_,
        dataset=spec.id,
        synthetic=dataset.synthetic,
        images=len(dataset.images),
        identities=dataset.images["identity"].nunique(),
        doubts=tuple(plan.doubts),
    )


def _planner(spec: DatasetSpec, format_: str) -> Callable[[ImportSource], ImportPlan]:
    if format_ not in spec.imports:
        formats = ", ".join(sorted(spec.imports)) or "none"
        raise UsageError(
            f"'{format_}' is not imported as {spec.title} (formats of this dataset: {formats}); "
            "docs/exchange.md says which there are, and why"
        )
    planner: Callable[[ImportSource], ImportPlan] = load_object(spec.imports[format_])
    return planner


def _arrays(folder: Path, format_: str, size: tuple[int, int] | None) -> TrainingArrays | None:
    if format_ == FORMAT:
        return open_arrays(folder, size)
    if size is not None:
        raise UsageError(
            f"--image-size: '{format_}' holds files, each of its own size; leave it out"
        )
    return None


def _doubts_of_arrays(arrays: TrainingArrays | None) -> Sequence[str]:
    if arrays is None:
        return ()
    size = "x".join(map(str, arrays.size))
    return [f"training images are pixels of arrays of {size}, not the files of the dataset"]


def _num_bytes(plan: ImportPlan, arrays: TrainingArrays | None) -> int:
    """Return at most how much is written: PNG files of noise are a little larger than it."""
    pixels = sum(math.prod(array.shape) for array in arrays.images.values()) if arrays else 0
    return bytes_of_files(plan) + pixels + pixels // 50


def _write(root: Path, plan: ImportPlan, format_: str, arrays: TrainingArrays | None) -> None:
    write_tree(root, plan)
    if arrays is not None:
        for modality, places in plan.pictures.items():
            write_pictures(root, arrays.images[modality], places, modality)
    if plan.doubts:
        record: dict[str, Any] = {"format": format_, "doubts": list(plan.doubts)}
        for folder in {"", *(place.rpartition("/")[0] for place in plan.texts)}:
            write_json(root / folder / IMPORT_RECORD, record)
