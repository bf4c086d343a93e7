"""Features as the official SYSU-MM01 evaluation takes them: a MATLAB file for each camera.

Layout of Wu et al., https://github.com/wuancong/SYSU-MM01, folder evaluation: in `NAME_camC.mat`,
row i of `feature{id}` is the feature of the i-th image of identity id in camera C.

AlignGAN and JSIA write the same layout from Python, with rows in descending order of files. Counts
and features are then as plausible as before, so nothing in them shows it: who reads files that
MATLAB did not write has to know.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from bench_core.contracts.errors import DataError
from bench_core.features.reading import RowOrderError
from bench_core.features.table import DEFAULT_METRIC, FeatureTable
from bench_core.system.foreign_files import quoted
from bench_core.system.matlab import OtherVariable
from bench_core.system.matlab_files import is_written_by_matlab, load_variable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from bench_core.contracts.images import Modality
    from bench_core.contracts.method import Metric
    from bench_core.features.reading import RowOrder

Matrix: TypeAlias = "NDArray[np.floating[Any]]"

VARIABLE = "feature"
_STEM_OF_DESCENDING = "feature"
"""NAME of the files that AlignGAN and JSIA write."""
_MOST_NAMES = 5
# "._x_cam1.mat" and the like are leftovers of desktop file managers.
_FILE_NAME = re.compile(r"(?!\.).*_cam[0-9]+\.mat")


@dataclass(frozen=True, eq=False)
class _Entry:
    """The images of one identity in one camera: float (n, D), n > 0."""

    path: Path
    camera: int
    identity: int
    matrix: Matrix

    def __str__(self) -> str:
        return f"{self.path}: {VARIABLE}{{{self.identity}}}"


def read_official_features(
    folder: Path,
    camera_modalities: Mapping[int, Modality],
    metric: Metric | None = None,
    row_order: RowOrder | None = None,
) -> FeatureTable:
    """Read a folder of MATLAB files, one for each camera.

    A camera that a protocol does not need may have no file, and an identity no entry in a camera;
    the protocol checks that all the images are there that it needs.

    Args:
        folder: Holds NAME_cam1.mat, NAME_cam2.mat and so on, with one NAME. Each has a cell
            `feature` of n x D matrices, single or double: entry i is identity i, row j its j-th
            image (index j - 1). Entries of identities without images are empty.
        camera_modalities: Modality of each camera of the dataset.
        metric: Metric of the features; euclidean, that of the official evaluation, by default.
        row_order: How rows stand in an entry, for files that MATLAB did not write; where it is
            given, a note says which it was.

    Returns:
        The features, (N, 1, D), in order of camera, identity and index.

    Raises:
        DataError: There is no such file, more than one for a camera, a file is unreadable, or an
            entry is not what it must be.
        RowOrderError: Nothing shows how rows stand, and `row_order` does not say it.
    """
    files = camera_files(folder, camera_modalities)
    entries = [entry for camera, path in files.items() for entry in _read_camera(path, camera)]
    foreign = [path for path in files.values() if not is_written_by_matlab(path)]
    if foreign and row_order is None:
        raise _unknown_order(folder, foreign[0])
    if not entries:
        raise DataError(f"{folder}: the feature files hold no feature")
    _check_dimensions(entries)
    step = -1 if row_order == "descending" else 1
    features = np.concatenate([entry.matrix[::step] for entry in entries])
    table = _image_table(entries, camera_modalities)
    return FeatureTable(
        features=features[:, np.newaxis],
        table=table,
        metric=metric or DEFAULT_METRIC,
        source=folder,
        notes=tuple(_tell_order(folder, row_order, is_shown=not foreign)),
    )


def has_camera_files(names: Collection[str]) -> bool:
    """Tell by the names in a folder whether it is of this layout."""
    return any(_FILE_NAME.fullmatch(name) for name in names)


def _unknown_order(folder: Path, foreign: Path) -> RowOrderError:
    """Return the error of files whose order of rows nothing shows."""
    likely = ""
    if _name(foreign) == _STEM_OF_DESCENDING:
        likely = " (they are named as AlignGAN's and JSIA's are, which are descending)"
    return RowOrderError(
        f"{folder}: {foreign.name} was not written by MATLAB, and programs in Python write the "
        "rows of an identity in the order of its files or against it, which features cannot "
        f"show{likely}: give --row-order ascending or --row-order descending"
    )


def _tell_order(folder: Path, order: RowOrder | None, *, is_shown: bool) -> Iterator[str]:
    """Say in which order rows were taken, where somebody said it."""
    if order is not None:
        why = "MATLAB wrote them, whose rows are ascending" if is_shown else "they do not show it"
        yield (
            f"the rows of {folder.name} stand in {order} order of images, as --row-order says of "
            f"these files ({why})"
        )


def camera_files(folder: Path, cameras: Mapping[int, Modality]) -> dict[int, Path]:
    """Return the file of each camera that has one, in order of camera.

    Raises:
        DataError: There is none, more than one for a camera, or one of an unknown camera.
    """
    try:
        found = sorted(path for path in folder.iterdir() if _FILE_NAME.fullmatch(path.name))
    except OSError as error:
        raise DataError(f"cannot read {folder}: {error.strerror or error}") from error
    if not found:
        own = sorted(path.name for path in folder.glob("*.npz"))
        hint = f"; of {quoted(own[0])} and the like name one alone" if own else ""
        raise DataError(
            f"{folder} holds no feature file: expected "
            f"{', '.join(f'NAME_cam{camera}.mat' for camera in cameras)}{hint}"
        )
    names = {_name(path) for path in found}
    if len(names) > 1:
        raise DataError(
            f"{folder} holds features of more than one NAME_camC.mat: "
            f"{', '.join(sorted(names)[:_MOST_NAMES])}; keep those of one in a folder of their own"
        )
    files: dict[int, Path] = {}
    for path in found:
        camera = _camera(path)
        if camera not in cameras:
            raise DataError(
                f"{path}: there is no camera {camera} (known: {', '.join(map(str, cameras))})"
            )
        if camera in files:
            raise DataError(f"{files[camera]} and {path.name} are both of camera {camera}")
        files[camera] = path
    return dict(sorted(files.items()))


def _name(path: Path) -> str:
    return path.name.rpartition("_cam")[0]


def _camera(path: Path) -> int:
    return int(path.stem.rpartition("_cam")[2])


def _read_camera(path: Path, camera: int) -> Iterator[_Entry]:
    cell = load_variable(path, VARIABLE)
    if not isinstance(cell, np.ndarray) or cell.dtype != object:
        raise DataError(
            f"{path}: '{VARIABLE}' is not a cell; {VARIABLE}{{i}} must be the matrix of identity i"
        )
    if cell.size and max(cell.shape) != cell.size:
        raise DataError(
            f"{path}: '{VARIABLE}' is a cell of {' x '.join(map(str, cell.shape))}, expected one "
            "entry for each identity"
        )
    for identity, matrix in enumerate(cell.ravel(), start=1):
        if isinstance(matrix, OtherVariable) or matrix.size:
            entry = _Entry(path, camera, identity, matrix)
            _check_entry(entry)
            yield entry


def _check_entry(entry: _Entry) -> None:
    matrix: Matrix | OtherVariable = entry.matrix
    if isinstance(matrix, OtherVariable) or matrix.dtype.kind != "f":
        raise DataError(f"{entry} must be a full matrix of single or double, not {_kind(matrix)}")
    if matrix.ndim != 2:
        raise DataError(
            f"{entry} is {' x '.join(map(str, matrix.shape))}, expected one row an image"
        )
    wrong = np.flatnonzero(~np.isfinite(matrix).all(axis=1))
    if wrong.size:
        raise DataError(
            f"{entry} has NaN or infinite values in {wrong.size} of {len(matrix)} rows, the first "
            f"is row {wrong[0] + 1}; the model that made them has diverged"
        )


def _kind(matrix: NDArray[Any] | OtherVariable) -> str:
    if isinstance(matrix, OtherVariable):
        return matrix.kind
    return "cell" if matrix.dtype == object else str(matrix.dtype)


def _check_dimensions(entries: list[_Entry]) -> None:
    first = entries[0]
    for entry in entries:
        if entry.matrix.shape[1] != first.matrix.shape[1]:
            raise DataError(
                f"{entry} has {entry.matrix.shape[1]} dimensions, but "
                f"{VARIABLE}{{{first.identity}}} of {first.path.name} has {first.matrix.shape[1]}"
            )


def _image_table(entries: list[_Entry], modalities: Mapping[int, Modality]) -> pd.DataFrame:
    lengths = [len(entry.matrix) for entry in entries]
    cameras = [entry.camera for entry in entries]
    return pd.DataFrame(
        {
            "identity": np.repeat([entry.identity for entry in entries], lengths),
            "camera": np.repeat(cameras, lengths),
            "modality": np.repeat(
                np.array([modalities[camera] for camera in cameras], dtype=object), lengths
            ),
            "index": np.concatenate([np.arange(length) for length in lengths]),
        }
    )
