"""The fingerprint of a dataset: the same on every machine for the same files."""

from __future__ import annotations

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench_core.contracts.dataset import Dataset
from bench_core.contracts.errors import DataError
from bench_core.files import hash_file, write_json
from bench_core.progress import progress


def fingerprint(dataset: Dataset, cache: Path) -> str:
    """Hash every image of a dataset.

    The hash covers the relative path, identity, camera and bytes of each image. Split files are
    no part of it: a gallery draw changes no training. The hash is remembered in `cache` for as
    long as no file's size or time changes.

    Args:
        dataset: The dataset.
        cache: Folder for the remembered hashes.

    Returns:
        SHA-256 (hex).

    Raises:
        DataError: An image cannot be read.
    """
    memory = cache / "fingerprints" / f"{_stat_digest(dataset)}.json"
    remembered = _recall(memory)
    if remembered is not None:
        return remembered
    value = _content_digest(dataset)
    write_json(memory, {"fingerprint": value})
    return value


def _content_digest(dataset: Dataset) -> str:
    paths = [dataset.root / path for path in dataset.images["path"]]
    with ThreadPoolExecutor() as pool:
        hashes = list(
            progress(pool.map(_hash_image, paths), total=len(paths), description="fingerprint")
        )
    digest = hashlib.sha256()
    columns = (dataset.images[name] for name in ("path", "identity", "camera"))
    for path, identity, camera, content in zip(*columns, hashes, strict=True):
        digest.update(f"{path}\0{identity}\0{camera}\0{content}\n".encode())
    return digest.hexdigest()


def _stat_digest(dataset: Dataset) -> str:
    digest = hashlib.sha256(str(dataset.root.resolve()).encode())
    columns = (dataset.images[name] for name in ("path", "identity", "camera"))
    for path, identity, camera in zip(*columns, strict=True):
        status = _stat(dataset.root / path)
        line = f"{path}\0{identity}\0{camera}\0{status.st_size}\0{status.st_mtime_ns}\n"
        digest.update(line.encode())
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
