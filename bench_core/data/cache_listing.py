"""The caches of decoded images that there are, and clearing them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias

from bench_core.contracts.errors import BenchError, UsageError
from bench_core.data.cache import (
    DESCRIPTION_FILE,
    IMAGES_FOLDER,
    CacheDescription,
    discard,
    read_description,
)
from bench_core.system.processes import locked

CacheState: TypeAlias = Literal["whole", "unfinished", "damaged"]

EVERYTHING = "all"
UNFINISHED = re.compile(r"\.(\w+)\.\w+\.tmp")
"""Names of folders that are being written, or that a killed process left."""


@dataclass(frozen=True, kw_only=True)
class CacheEntry:
    """One cache of decoded images.

    Attributes:
        key: Its name, which `clear_caches` takes.
        path: Its folder.
        state: "whole"; "unfinished", which is being written or was left by a killed process; or
            "damaged". Only a whole one is ever used.
        num_bytes: Size on disk.
        used: When it was last opened.
        description: What it holds; None unless it is whole.
    """

    key: str
    path: Path
    state: CacheState
    num_bytes: int
    used: datetime
    description: CacheDescription | None

    def as_document(self) -> dict[str, Any]:
        """Return the entry as JSON values; those of the description are null without one."""
        known = self.description
        identity = known and known.identity
        return {
            "key": self.key,
            "state": self.state,
            "dataset": known and known.dataset,
            "synthetic": known and known.synthetic,
            "root": known and known.root,
            "fingerprint": identity and identity.fingerprint,
            "images": identity and identity.num_images,
            "image_size": identity and [identity.height, identity.width],
            "filter": identity and identity.resize_filter,
            "version": identity and identity.decoding_version,
            "made": known and known.made.isoformat(),
            "used": self.used.isoformat(),
            "bytes": self.num_bytes,
            "path": str(self.path),
        }


def list_caches(cache: Path) -> list[CacheEntry]:
    """List the caches of decoded images below the cache folder, the last used first.

    Raises:
        BenchError: The folder cannot be read.
    """
    images = cache / IMAGES_FOLDER
    try:
        folders = [path for path in images.iterdir() if path.is_dir()] if images.is_dir() else []
        entries = [entry for folder in folders if (entry := describe_cache(folder))]
    except OSError as error:
        raise BenchError(f"cannot read {images}: {error.strerror or error}") from error
    return sorted(entries, key=lambda entry: (entry.used, entry.key), reverse=True)


def describe_cache(folder: Path) -> CacheEntry | None:
    """Say what a folder of decoded images holds; None where another process just removed it."""
    unfinished = UNFINISHED.fullmatch(folder.name)
    description = None if unfinished else read_description(folder)
    newest = folder / DESCRIPTION_FILE if description else folder
    try:
        used = datetime.fromtimestamp(int(newest.stat().st_mtime), UTC)
        num_bytes = sum(file.stat().st_size for file in folder.iterdir())
    except FileNotFoundError:
        return None
    state: CacheState = "unfinished" if unfinished else "whole" if description else "damaged"
    return CacheEntry(
        key=unfinished[1] if unfinished else folder.name,
        path=folder,
        state=state,
        num_bytes=num_bytes,
        used=used,
        description=description,
    )


def clear_caches(cache: Path, keys: Sequence[str]) -> list[CacheEntry]:
    """Remove caches of decoded images, but none that another process is writing.

    Args:
        cache: Folder for the decoded images.
        keys: Keys, or how they begin where no other begins so; "all" stands for every one.

    Returns:
        What was removed.

    Raises:
        UsageError: A key names no cache, or more than one.
        BenchError: Another process writes one of them; the others are removed nevertheless.
    """
    entries = list_caches(cache)
    chosen = {key for text in keys for key in _matching(text, entries)}
    removed, failures = [], []
    for key in sorted(chosen):
        folder = cache / IMAGES_FOLDER / key
        try:
            with locked(folder, wait=False):
                discard(folder)
        except BenchError as error:
            failures.append(str(error))
        else:
            removed += [entry for entry in entries if entry.key == key]
    if failures:
        raise BenchError("; ".join(failures))
    return removed


def _matching(text: str, entries: Sequence[CacheEntry]) -> set[str]:
    keys = {entry.key for entry in entries}
    if text == EVERYTHING:
        return keys
    found = {key for key in keys if text and key.startswith(text)}
    if len(found) != 1:
        what = f"fits {len(found)} caches" if found else "names no cache"
        raise UsageError(f"--clear {text} {what}; 'bench data cache --list' shows their keys")
    return found
