"""Reads the identity lists of SYSU-MM01: text or MATLAB files of identity numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench_core import DataError
from bench_core.datasets import load_matlab_variable, read_identity_list

if TYPE_CHECKING:
    from pathlib import Path


def read_identities(folder: Path, name: str) -> tuple[int, ...] | None:
    """Read an identity list from `name`.txt, `name`.mat, or both.

    Text is a list of numbers separated by commas or white space; a MATLAB file holds a numeric
    array `id`.

    Args:
        folder: The folder of the split files.
        name: File name without suffix, such as "test_id".

    Returns:
        The identities, ascending and each once; None where neither file exists.

    Raises:
        DataError: A file is unreadable, empty or holds something else than identities, or the
            two files disagree.
    """
    text, matlab = folder / f"{name}.txt", folder / f"{name}.mat"
    from_text = read_identity_list(text) if text.exists() else None
    from_matlab = _read_matlab(matlab) if matlab.exists() else None
    if from_text is None or from_matlab is None:
        return from_text or from_matlab
    if from_text != from_matlab:
        differing = min(set(from_text) ^ set(from_matlab))
        raise DataError(
            f"{text} and {matlab.name} disagree: identity {differing} is in only one of them; "
            "remove the wrong file"
        )
    return from_text


def _read_matlab(path: Path) -> tuple[int, ...]:
    values = np.asarray(load_matlab_variable(path, "id"))
    if values.dtype.kind not in "iuf":
        raise DataError(f"{path}: variable 'id' is not an array of numbers")
    for value in values.ravel():
        if not (value >= 0 and value == np.floor(value) and value < 1e9):
            raise DataError(f"{path}: '{value}' is not an identity number")
    if not values.size:
        raise DataError(f"{path} lists no identity; restore the file from the dataset's archive")
    return tuple(sorted({int(value) for value in values.ravel()}))
