"""Variables of the MATLAB files that Python writes with scipy: features, whole numbers, text.

What Python saves comes back in other shapes: a list of N numbers as (1, N), N texts as the rows of
a char array, filled up with blanks, or as a cell of N.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bench_core.contracts.errors import DataError
from bench_core.features.table import FloatArray, as_views
from bench_core.system.matlab import OtherVariable, TextVariable, no_variable
from bench_core.system.matlab_files import list_variables, load_variables

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_LARGEST_EXACT = 2**53
"""Whole numbers beyond it are not exact as float64."""


def load_all(path: Path, names: Sequence[str]) -> dict[str, object]:
    """Load variables, all of which must be there.

    Raises:
        DataError: The file is unreadable, or lacks one; the message says what it holds.
    """
    found = load_variables(path, names)
    for name in names:
        if name not in found:
            raise no_variable(path, name, list_variables(path))
    return found


def features_of(variables: dict[str, object], name: str) -> FloatArray:
    """Return features as (N, 1, D); a single row stays one.

    Raises:
        DataError: They are no matrix of float32 or float64, or it is empty.
    """
    values = variables[name]
    if not isinstance(values, np.ndarray) or values.dtype.kind != "f" or values.ndim != 2:
        raise DataError(
            f"'{name}' must be a matrix of single or double, one row an image, not "
            f"{describe(values)}"
        )
    if not values.size:
        raise DataError(f"'{name}' is empty")
    return as_views(values)


def whole_numbers_of(variables: dict[str, object], name: str, rows: int) -> NDArray[np.int64]:
    """Return whole numbers, one for each row of the features, int64 (rows,).

    Raises:
        DataError: They are no whole numbers, or more or fewer.
    """
    values = variables[name]
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "iuf":
        raise DataError(f"'{name}' must be whole numbers, not {describe(values)}")
    _check_number(name, values.size, rows)
    flat = values.ravel(order="F")
    exact = (flat == np.floor(flat)) & (np.abs(flat.astype(np.float64)) < _LARGEST_EXACT)
    wrong = np.flatnonzero(~exact)
    if wrong.size:
        raise DataError(f"'{name}' holds {flat[wrong[0]]}, which is no whole number")
    return flat.astype(np.int64)


def texts_of(variables: dict[str, object], name: str, rows: int) -> list[str]:
    """Return texts, one for each row of the features, without blanks around them.

    Raises:
        DataError: They are no texts, or more or fewer.
    """
    values = variables[name]
    if isinstance(values, TextVariable):
        texts = list(values.rows)
    elif isinstance(values, np.ndarray) and values.dtype == object:
        texts = [_text(entry, name) for entry in values.ravel(order="F")]
    else:
        raise DataError(f"'{name}' must be text, not {describe(values)}")
    _check_number(name, len(texts), rows)
    return [text.strip(" \0") for text in texts]


def describe(values: object) -> str:
    """Say what a variable is, for a message: its class or type, and the shape of an array."""
    if not isinstance(values, np.ndarray):
        return values.kind if isinstance(values, OtherVariable) else type(values).__name__
    kind = "cell" if values.dtype == object else str(values.dtype)
    return f"{kind} of {' x '.join(map(str, values.shape))}"


def _text(entry: Any, name: str) -> str:
    """Return the text of an entry of a cell; some writers nest a cell of one in it."""
    if isinstance(entry, np.ndarray) and entry.dtype == object and entry.size == 1:
        entry = entry.item()
    if not isinstance(entry, TextVariable) or len(entry.rows) != 1:
        raise DataError(f"an entry of the cell '{name}' is no line of text, but {describe(entry)}")
    return entry.rows[0]


def _check_number(name: str, found: int, rows: int) -> None:
    if found != rows:
        raise DataError(f"'{name}' has {found} entries for features of {rows} rows")
