"""Every format that features are read from, in one list, each recognised by its content."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from bench_core.contracts.errors import DataError, UsageError
from bench_core.features import given_matlab, manifest, path_matlab
from bench_core.features.given import GivenFeatures, read_given_features
from bench_core.features.matlab import camera_files, has_camera_files, read_official_features
from bench_core.features.table import FeatureTable, read_features
from bench_core.system.foreign_files import open_given, quoted
from bench_core.system.matlab_files import is_matlab, list_variables, read_head

if TYPE_CHECKING:
    from bench_core.features.reading import ReadingChoices

Features: TypeAlias = FeatureTable | GivenFeatures
_MOST_NAMES = 6


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What is seen of a path before its features are read.

    Attributes:
        path: The file or the folder.
        kind: "folder", "matlab", "npy" or "zip"; "other" for what no features are in.
        names: What it holds: files of a folder, variables, or members without ".npy".
    """

    path: Path
    kind: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FeatureFormat:
    """A format of features.

    Attributes:
        title: What it is, for people.
        recognise: Returns by what a path is known to be of this format; None where it is not.
        read: Reads a path that was recognised.
        takes_row_order: Whether the order of rows may be given, because the files may not show it.
        files: Returns the files that are read of a path that was recognised, in their order.
    """

    title: str
    recognise: Callable[[Sight], str | None]
    read: Callable[[Path, ReadingChoices], Features]
    takes_row_order: bool = False
    files: Callable[[Path, ReadingChoices], Sequence[Path]] = lambda path, _: (path,)


def _is_official(sight: Sight) -> str | None:
    if sight.kind == "folder" and has_camera_files(sight.names):
        return "a file NAME_camC.mat for each camera"
    return None


def _is_path_matlab(sight: Sight) -> str | None:
    if sight.kind == "folder" and path_matlab.find_path_files(sight.path):
        return f"MATLAB files with {_shown(path_matlab.KEYS)}"
    if sight.kind == "matlab" and path_matlab.holds_path_features(sight.names):
        return f"the variables {_shown(_both(path_matlab.KEYS, sight))}"
    return None


def _is_hicmd(sight: Sight) -> str | None:
    paths = _both(given_matlab.PATH_KEYS, sight)
    if sight.kind == "matlab" and paths and _both(given_matlab.KEYS, sight):
        return f"the variables {_shown(_both(given_matlab.KEYS, sight))} and {_shown(paths)}"
    return None


def _is_given_matlab(sight: Sight) -> str | None:
    found = _both(given_matlab.KEYS, sight)
    if sight.kind == "matlab" and {"query_f", "gallery_f"} & set(found):
        return f"the variables {_shown(found)}, and no paths"
    return None


def _is_array(sight: Sight) -> str | None:
    if sight.kind == "npy":
        return f"a single array, with the manifest {manifest.find_manifest(sight.path).name}"
    return None


def _is_given_npz(sight: Sight) -> str | None:
    if sight.kind == "zip" and "role" in sight.names and "index" not in sight.names:
        return "the array role in the place of modality and index"
    return None


def _is_npz(sight: Sight) -> str | None:
    if sight.kind == "zip" and "features" in sight.names:
        return "the array features among named ones"
    return None


FORMATS: tuple[FeatureFormat, ...] = (
    FeatureFormat(
        title="official folder of MATLAB files",
        recognise=_is_official,
        read=lambda path, choices: read_official_features(
            path, choices.cameras_for(path, "a folder"), choices.metric, choices.row_order
        ),
        takes_row_order=True,
        files=lambda path, choices: tuple(
            camera_files(path, choices.cameras_for(path, "a folder")).values()
        ),
    ),
    FeatureFormat(
        title="MATLAB files with paths (LuckyDC, SIM)",
        recognise=_is_path_matlab,
        read=lambda path, choices: path_matlab.read_path_features(
            path, choices.cameras_for(path, "MATLAB files with paths"), choices.metric
        ),
        files=lambda path, _: path_matlab.path_files(path),
    ),
    FeatureFormat(
        title="MATLAB file of query and gallery with paths (HiCMD)",
        recognise=_is_hicmd,
        read=lambda path, choices: given_matlab.read_hicmd(
            path, choices.cameras_for(path, "a MATLAB file with paths"), choices.metric
        ),
    ),
    FeatureFormat(
        title="MATLAB file of query and gallery, as given (pytorch_result.mat)",
        recognise=_is_given_matlab,
        read=lambda path, choices: given_matlab.read_given_matlab(path, choices.metric),
    ),
    FeatureFormat(
        title="array with a manifest",
        recognise=_is_array,
        read=lambda path, choices: manifest.read_array_with_manifest(path, choices.metric),
        files=lambda path, _: (path, manifest.find_manifest(path)),
    ),
    FeatureFormat(
        title=".npz of query and gallery, as given",
        recognise=_is_given_npz,
        read=lambda path, choices: read_given_features(path, choices.metric),
    ),
    FeatureFormat(
        title=".npz of images",
        recognise=_is_npz,
        read=lambda path, choices: read_features(path, choices.metric),
    ),
)
"""In the order in which a path is held against them; the first that knows it reads it."""


@dataclass(frozen=True, kw_only=True)
class FoundFeatures:
    """Features with what they were.

    Attributes:
        features: The features.
        format: Their format.
        evidence: By what it was recognised.
        files: The files that were read, in the order of the format.
    """

    features: Features
    format: FeatureFormat
    evidence: str
    files: tuple[Path, ...]


def read_any(path: Path, choices: ReadingChoices) -> FoundFeatures:
    """Read features of any format.

    Raises:
        DataError: The path is unreadable, of no known format, or not what its format must be.
        UsageError: A choice contradicts the features, does nothing for them, or is missing.
    """
    sight = look_at(path)
    for form in FORMATS:
        evidence = form.recognise(sight)
        if evidence is None:
            continue
        if choices.row_order is not None and not form.takes_row_order:
            raise UsageError(
                f"--row-order {choices.row_order}: {path} says which image each row is of, or "
                "needs no order; leave the option out"
            )
        return FoundFeatures(
            features=form.read(path, choices),
            format=form,
            evidence=evidence,
            files=tuple(form.files(path, choices)),
        )
    raise _unknown(sight, choices)


def look_at(path: Path) -> Sight:
    """Look at a path without reading its features.

    Raises:
        DataError: It is unreadable, or a MATLAB file that is damaged.
    """
    if os.path.isdir(path):  # noqa: PTH112  # false for any name, where is_dir() may raise
        try:
            return Sight(path=path, kind="folder", names=tuple(sorted(os.listdir(path))))  # noqa: PTH208
        except OSError as error:
            raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    head = read_head(path)
    if is_matlab(head):
        return Sight(path=path, kind="matlab", names=list_variables(path))
    if head.startswith(manifest.MAGIC):
        return Sight(path=path, kind="npy")
    return (
        Sight(path=path, kind="zip", names=_members(path))
        if head[:2] == b"PK"
        else Sight(path=path, kind="other")
    )


def _members(path: Path) -> tuple[str, ...]:
    """Return the arrays of an archive; none of one that is damaged, of which its reader tells."""
    with open_given(path) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                return tuple(name.removesuffix(".npy") for name in archive.namelist())
        except Exception:  # noqa: BLE001  # zipfile fails in nearly any way
            return ()


def _unknown(sight: Sight, choices: ReadingChoices) -> DataError:
    """Return the error of a path that no format knows: that of the reader that is closest."""
    if sight.kind == "matlab":
        hint = ""
        if "feature" in sight.names:
            hint = "; for the official layout name the folder, not the file of one camera"
        return DataError(
            f"{sight.path} is a MATLAB file without features of a known form: it holds "
            f"{_shown([quoted(name) for name in sight.names]) or 'nothing'}{hint}"
        )
    if sight.kind == "other" and manifest.is_beside_array(sight.path):
        return DataError(f"{sight.path} is a manifest: name the array beside it, the .npy")
    try:
        if sight.kind == "folder":
            read_official_features(sight.path, choices.cameras_for(sight.path, "a folder"))
        else:
            read_features(sight.path)
    except DataError as error:
        return error
    return DataError(f"{sight.path} has changed while it was read")


def _both(names: Sequence[str], sight: Sight) -> list[str]:
    return [name for name in names if name in sight.names]


def _shown(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more
