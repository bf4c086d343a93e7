"""The fingerprint of a dataset: the same on every machine for the same files."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
import unicodedata
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench_core.contracts.dataset import Dataset
from bench_core.contracts.errors import DataError
from bench_core.system.files import write_json
from bench_core.system.foreign_files import open_regular, read_regular
from bench_core.system.progress import progress

if TYPE_CHECKING:
    import pandas as pd

SETTLING_NANOSECONDS = 2_000_000_000
"""The coarsest step of a file system's clock, FAT's."""
MOST_MEMORY_BYTES = 1 << 12
COARSE_NANOSECONDS = 10_000_000
"""The finest step in which file systems without a time of change keep that of modification."""


@dataclass(frozen=True)
class Snapshot:
    """The images of a dataset at one moment, as the file system describes them.

    Attributes:
        key: SHA-256 (hex) of what it says of them and of their rows in the image table.
        is_certain: Whether a later change of any of them is bound to change the key.
    """

    key: str
    is_certain: bool


def fingerprint(dataset: Dataset, cache: Path) -> str:
    """Hash every image of a dataset.

    The hash is remembered in `cache` for as long as the file system shows no change; where it
    could miss one (see `take_snapshot`), every image is hashed each time.

    Args:
        dataset: The dataset.
        cache: Folder for the remembered hashes.

    Returns:
        SHA-256 (hex); see `fingerprint_of_contents`.

    Raises:
        DataError: An image cannot be read.
    """
    snapshot = take_snapshot(dataset)
    remembered = _recall(_memory(snapshot, cache))
    if snapshot.is_certain and remembered is not None:
        return remembered
    paths = [dataset.root / path for path in dataset.images["path"]]
    with ThreadPoolExecutor() as pool:
        contents = list(
            progress(pool.map(_hash_image, paths), total=len(paths), description="fingerprint")
        )
    value = fingerprint_of_contents(dataset.images, contents)
    remember_fingerprint(snapshot, cache, value)
    return value


def fingerprint_of_contents(images: pd.DataFrame, contents: Sequence[str]) -> str:
    """Hash what the images of a dataset are: the same on every machine for the same files.

    The hash covers the relative path, identity, camera and bytes of each image, whatever the order
    of the rows and however the file system composes accents (paths count in Unicode's NFC). Split
    files are no part of it: a gallery draw changes no training.

    Args:
        images: Image table.
        contents: SHA-256 (hex) of each image's bytes, in the order of the table.

    Returns:
        SHA-256 (hex).
    """
    paths = [unicodedata.normalize("NFC", path) for path in images["path"]]
    return _digest(zip(paths, images["identity"], images["camera"], contents, strict=True))


def take_snapshot(dataset: Dataset) -> Snapshot:
    """Ask the file system for the size, number and times of every image.

    The time of modification alone proves nothing: `cp -p`, `rsync -a` and unpacking set it, and all
    bitmaps of RegDB have one size. What programs cannot set is the time of the last change
    (ctime). It is in doubt where a file changed so lately that another change could get the same
    time, where it lies in the future, or where the file system keeps no such time of its own (FAT
    and SFTP repeat the time of modification, in steps of 10 ms or more).

    Raises:
        DataError: An image is missing, or its folder cannot be read.
    """
    now = time.time_ns()
    status = [_stat(dataset.root / path) for path in dataset.images["path"]]
    columns = (dataset.images[name].tolist() for name in ("path", "identity", "camera"))
    facts = [
        (file.st_size, file.st_mtime_ns, file.st_ctime_ns, file.st_ino, file.st_dev)
        for file in status
    ]
    rows = [(*row, *fact) for *row, fact in zip(*columns, facts, strict=True)]
    settled = all(file.st_ctime_ns < now - SETTLING_NANOSECONDS for file in status)
    return Snapshot(
        key=_digest(rows, f"2\0{dataset.root.resolve()}"),
        is_certain=settled and _changes_are_dated(status),
    )


def remember_fingerprint(snapshot: Snapshot, cache: Path, value: str) -> None:
    """Remember the fingerprint of images for as long as they do not change.

    Args:
        snapshot: Taken before the first image was read; one in doubt is not remembered.
        cache: Folder for the remembered hashes.
        value: The fingerprint.

    Raises:
        BenchError: The cache cannot be written.
    """
    if snapshot.is_certain:
        write_json(_memory(snapshot, cache), {"fingerprint": value})


def _memory(snapshot: Snapshot, cache: Path) -> Path:
    """Return the file that remembers a fingerprint."""
    return cache / "fingerprints" / f"{snapshot.key}.json"


def _changes_are_dated(status: Sequence[os.stat_result]) -> bool:
    """Tell whether any file shows a time of change that is not a copy of another time."""
    return any(
        file.st_ctime_ns != file.st_mtime_ns or file.st_ctime_ns % COARSE_NANOSECONDS
        for file in status
    )


def _digest(rows: Iterable[Sequence[object]], start: str = "") -> str:
    """Hash the text of rows, in ascending order."""
    digest = hashlib.sha256(start.encode("utf-8", "surrogateescape"))
    for line in sorted("\0".join(map(str, row)) for row in rows):
        digest.update(f"{line}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _stat(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error


def _hash_image(path: Path) -> str:
    try:
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error


def _recall(memory: Path) -> str | None:
    """Return the remembered fingerprint; a damaged memory is as good as none."""
    try:
        value = json.loads(read_regular(memory, MOST_MEMORY_BYTES))["fingerprint"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return value if isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) else None
