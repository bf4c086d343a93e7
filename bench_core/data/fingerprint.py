"""The fingerprint of a dataset: the same on every machine for the same files."""

from __future__ import annotations

import hashlib
import json
import os
import unicodedata
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from bench_core.contracts.dataset import Dataset
from bench_core.contracts.errors import DataError
from bench_core.files import hash_file, write_json
from bench_core.progress import progress

if TYPE_CHECKING:
    import pandas as pd


def fingerprint(dataset: Dataset, cache: Path) -> str:
    """Hash every image of a dataset.

    The hash is remembered in `cache` for as long as no file's size or time changes.

    Args:
        dataset: The dataset.
        cache: Folder for the remembered hashes.

    Returns:
        SHA-256 (hex); see `fingerprint_of_contents`.

    Raises:
        DataError: An image cannot be read.
    """
    memory = _memory(dataset, cache)
    remembered = _recall(memory)
    if remembered is not None:
        return remembered
    paths = [dataset.root / path for path in dataset.images["path"]]
    with ThreadPoolExecutor() as pool:
        contents = list(
            progress(pool.map(_hash_image, paths), total=len(paths), description="fingerprint")
        )
    value = fingerprint_of_contents(dataset.images, contents)
    write_json(memory, {"fingerprint": value})
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


def remember_fingerprint(dataset: Dataset, cache: Path, value: str) -> None:
    """Remember a fingerprint that was computed from the files as they are now.

    Raises:
        DataError: An image cannot be read.
        BenchError: The cache cannot be written.
    """
    write_json(_memory(dataset, cache), {"fingerprint": value})


def _memory(dataset: Dataset, cache: Path) -> Path:
    """Return the file that remembers the fingerprint while no image changes."""
    status = [_stat(dataset.root / path) for path in dataset.images["path"]]
    columns = (dataset.images[name] for name in ("path", "identity", "camera"))
    sizes, times = [file.st_size for file in status], [file.st_mtime_ns for file in status]
    digest = _digest(zip(*columns, sizes, times, strict=True), str(dataset.root.resolve()))
    return cache / "fingerprints" / f"{digest}.json"


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
        return hash_file(path)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error


def _recall(memory: Path) -> str | None:
    """Return the remembered fingerprint; a damaged memory is as good as none."""
    try:
        value = json.loads(memory.read_text())["fingerprint"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return value if isinstance(value, str) else None
