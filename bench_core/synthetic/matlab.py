"""MATLAB files of the structure that SYSU-MM01's authors publish, with reproducible bytes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from scipy.io import savemat

from bench_core.system.files import write_atomically

HEADER_BYTES = 116
HEADER_TEXT = b"MATLAB 5.0 MAT-file, Platform: vireid-bench, Created on: not recorded"


def write_identities(path: Path, identities: Sequence[int]) -> None:
    """Write a split file: variable `id`, a 1 x n uint16 matrix.

    Args:
        path: The `.mat` file.
        identities: Identity numbers, in the order to be written.
    """
    write_mat(path, {"id": np.asarray([identities], dtype=np.uint16)})


def write_permutations(path: Path, cameras: Sequence[Sequence[NDArray[np.uint8]]]) -> None:
    """Write `rand_perm_cam.mat`: a cell of cameras, each a cell by identity.

    Args:
        path: The `.mat` file.
        cameras: For each camera, for each identity from 1, a uint8 matrix (trials, n): row t
            orders the n images for trial t, counted from 1; (trials, 0) without images.
    """
    cells = _column_cell([_column_cell(identities) for identities in cameras])
    write_mat(path, {"rand_perm_cam": cells})


def write_mat(path: Path, variables: dict[str, NDArray[Any]]) -> None:
    """Write variables as a MATLAB 5 file whose bytes depend on nothing but them.

    Args:
        path: The `.mat` file.
        variables: Arrays by name.

    Raises:
        BenchError: The file cannot be written.
    """
    buffer = io.BytesIO()
    savemat(buffer, variables)  # type: ignore[arg-type]  # the stubs leave out open files
    # scipy notes the time of writing in the descriptive text that starts the file.
    content = HEADER_TEXT.ljust(HEADER_BYTES) + buffer.getvalue()[HEADER_BYTES:]
    write_atomically(path, lambda file: _write(file, content))


def _write(file: BinaryIO, content: bytes) -> None:
    file.write(content)


def _column_cell(items: Sequence[NDArray[Any]]) -> NDArray[np.object_]:
    cell = np.empty((len(items), 1), dtype=object)
    for row, item in enumerate(items):
        cell[row, 0] = item
    return cell
