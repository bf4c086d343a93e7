"""Features of image files, kept in parts: each is a folder that is written whole or not at all.

A row is a file with its features. What was extracted before a process was killed is in the parts
that it wrote, and the next one goes on with the rest. A damaged part is as good as none.

Letters in shapes: N files of a part, V views, D dimensions.
"""

from __future__ import annotations

import os
import shutil
import uuid
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench_core.contracts.errors import BenchError
from bench_core.evaluation.nearest import FeaturePart, squared_lengths
from bench_core.image_search.inspection import SeenFile
from bench_core.image_search.listing import ImageFile
from bench_core.system.files import (
    check_room,
    folder_written_whole,
    remove_abandoned,
    temporary_beside,
    write_atomically,
)
from bench_core.system.foreign_files import open_regular
from bench_core.system.processes import locked

PART_ROWS = 512
"""Files of a whole part."""
SEARCHES_FOLDER = "searches"
_FEATURES_FILE = "features.npy"
_FILES_FILE = "files.npz"
_DIGEST_BYTES = 32
_MORE_ROOM = "make room, or give --no-cache to keep nothing"
_DAMAGE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


@dataclass(frozen=True, kw_only=True, eq=False)
class KeptPart:
    """Files with their features.

    Attributes:
        files: N files.
        features: Theirs, float32 (N, V, D); memory-mapped where they lie on a disk.
        squares: float64 (N, V), the squared length of each view.
        folder: Where they lie; None where they are kept in memory alone.
    """

    files: tuple[SeenFile, ...]
    features: NDArray[np.float32]
    squares: NDArray[np.float64]
    folder: Path | None = None

    @classmethod
    def of(cls, files: Sequence[SeenFile], features: NDArray[np.float32]) -> KeptPart:
        """Return files with their features (N, V, D), in memory."""
        return cls(files=tuple(files), features=features, squares=squared_lengths(features))

    @classmethod
    def joined(cls, parts: Sequence[KeptPart], num_first: int) -> tuple[KeptPart, KeptPart]:
        """Return the first rows of some parts, and the others, in memory; both may be empty.

        Args:
            parts: One at least.
            num_first: How many rows are the first.
        """
        files = tuple(seen for part in parts for seen in part.files)
        features = np.concatenate([part.features for part in parts])
        squares = np.concatenate([part.squares for part in parts])
        first, others = (
            cls(files=files[rows], features=features[rows], squares=squares[rows])
            for rows in (slice(num_first), slice(num_first, None))
        )
        return first, others

    @property
    def searchable(self) -> FeaturePart:
        """What is searched."""
        return FeaturePart(self.features, self.squares)

    def chosen(self, rows: NDArray[np.int64]) -> KeptPart:
        """Return some rows, in memory."""
        return KeptPart(
            files=tuple(self.files[row] for row in rows),
            features=np.asarray(self.features[rows]),
            squares=self.squares[rows],
        )


class FeatureShelf:
    """Where the features of a folder's images are kept, for one model.

    Args:
        folder: On a disk, of one model, one modality and one folder; None for memory alone.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    @contextmanager
    def opened(self) -> Iterator[list[KeptPart]]:
        """Keep other processes out, and give the parts that there are.

        Raises:
            BenchError: The folder cannot be written.
        """
        folder = self._folder
        with nullcontext() if folder is None else locked(folder):
            yield [] if folder is None else list(_read_parts(folder))

    def keep(self, part: KeptPart, num_more: int = 0) -> KeptPart:
        """Write a part, and return it as it lies on the disk.

        Args:
            part: In memory.
            num_more: How many files will follow; a disk without room for all is refused now.

        Raises:
            BenchError: It cannot be written.
        """
        if self._folder is None:
            return part
        folder = self._folder / uuid.uuid4().hex
        row_bytes = part.features[:1].nbytes + part.squares[:1].nbytes
        check_room(folder, row_bytes * (len(part.files) + num_more), _MORE_ROOM)
        with folder_written_whole(folder) as temporary:
            write_atomically(temporary / _FEATURES_FILE, lambda file: np.save(file, part.features))
            write_atomically(
                temporary / _FILES_FILE, lambda file: np.savez(file, **_as_arrays(part))
            )
        return _read_part(folder)

    def forget(self, parts: Sequence[KeptPart]) -> None:
        """Remove parts; a process that has them mapped keeps what it sees.

        Raises:
            BenchError: One cannot be removed.
        """
        for part in parts:
            if part.folder is not None:
                _discard(part.folder)


def _read_parts(folder: Path) -> Iterator[KeptPart]:
    """Read the parts of a folder; what is damaged, or left by a killed process, is removed."""
    remove_abandoned(folder)
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or not path.is_dir():
            continue
        try:
            yield _read_part(path)
        except _DAMAGE:
            _discard(path)


def _read_part(folder: Path) -> KeptPart:
    """Map a part.

    Raises:
        OSError: A file is missing.
        ValueError: A file is damaged, or they do not fit each other.
    """
    features = np.load(folder / _FEATURES_FILE, mmap_mode="r", allow_pickle=False)
    with (
        open_regular(folder / _FILES_FILE) as file,  # NumPy leaves open what is no archive
        np.load(file, allow_pickle=False) as arrays,
    ):
        files = tuple(_files_of(arrays["names"], arrays["facts"], arrays["digests"]))
        squares = arrays["squares"]
    whole = features.ndim == 3 and features.dtype == np.float32 and len(features) == len(files)
    if not (whole and files and squares.shape == features.shape[:2]):
        raise ValueError(f"{folder} is damaged")
    return KeptPart(files=files, features=features.view(np.ndarray), squares=squares, folder=folder)


def _as_arrays(part: KeptPart) -> dict[str, Any]:
    names = b"\0".join(os.fsencode(seen.file.name) for seen in part.files)
    facts = [(*seen.file.facts, seen.file.certain, seen.gray) for seen in part.files]
    digests = b"".join(seen.digest for seen in part.files)
    return {
        "names": np.frombuffer(names, dtype=np.uint8),
        "facts": np.array(facts, dtype=np.uint64),
        "digests": np.frombuffer(digests, dtype=np.uint8).reshape(-1, _DIGEST_BYTES),
        "squares": part.squares,
    }


def _files_of(
    names: NDArray[np.uint8], facts: NDArray[np.uint64], digests: NDArray[np.uint8]
) -> Iterator[SeenFile]:
    texts = [os.fsdecode(name) for name in names.tobytes().split(b"\0")]
    for name, (*stated, certain, gray), digest in zip(texts, facts.tolist(), digests, strict=True):
        size, modified, changed, inode = stated
        file = ImageFile(name=name, facts=(size, modified, changed, inode), certain=bool(certain))
        yield SeenFile(file=file, digest=digest.tobytes(), gray=bool(gray))


def _discard(folder: Path) -> None:
    """Remove a part; it loses its name first, so that nobody reads one that is half removed."""
    try:
        shutil.rmtree(folder.rename(temporary_beside(folder)))
    except FileNotFoundError:  # somebody cleared the cache
        return
    except OSError as error:
        raise BenchError(f"cannot remove {folder}: {error.strerror or error}") from error
