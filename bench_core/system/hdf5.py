"""Reads numeric variables, text and cells of MATLAB files of version 7.3, which are HDF5 files.

What MATLAB writes is let through and nothing else: no links, no data in other files, no filters
that are loaded as libraries, and no more memory than the size of the file makes likely. The library
that reads the structure of the file is written in C, as its reader of version 7 is not.
"""

from __future__ import annotations

import importlib.util
import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from bench_core.contracts.errors import DataError
from bench_core.system.foreign_files import is_bomb, open_given, quoted
from bench_core.system.matlab_elements import (
    MOST_CELL_ENTRIES,
    MOST_CELLS_DEEP,
    MalformedError,
    OtherVariable,
    Reading,
    TextVariable,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

_NUMERIC = frozenset(
    {
        "single",
        "double",
        "logical",
        *(f"{u}int{size}" for u in ("", "u") for size in (8, 16, 32, 64)),
    }
)
_OWN_FILTERS = frozenset({1, 2, 3})
"""Deflation, shuffling and checksums: what MATLAB writes. Others are loaded as libraries."""
_HOUSEKEEPING = "#"
"""How names of groups start that are no variables, such as "#refs#", which holds cells' entries."""
_MOST_DIMENSIONS = 32


def list_hdf5_variables(path: Path) -> tuple[str, ...]:
    """Return the names of the variables of a file of version 7.3.

    Raises:
        DataError: The file is unreadable or damaged, or h5py is not installed.
    """
    with _opened(path) as file:
        return tuple(name for name in file if not name.startswith(_HOUSEKEEPING))


def load_hdf5_variables(path: Path, wanted: Collection[str]) -> dict[str, object]:
    """Load those of some variables that a file of version 7.3 has.

    Returns:
        As `bench_core.system.matlab.load_matlab_variable`, by name.

    Raises:
        DataError: The file is unreadable, damaged or not as MATLAB writes it, or h5py is not
            installed.
    """
    with _opened(path) as file:
        found = [name for name in wanted if file.get(name, getlink=True) is not None]
        return {name: _variable(file, name) for name in found}


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a file; what is wrong with it, now or in the block, becomes an error that names it."""
    if importlib.util.find_spec("h5py") is None:
        raise DataError(
            f"{path} is an HDF5 file, as MATLAB files of version 7.3 are, which needs h5py: "
            "install it with pip install 'vireid-bench[hdf5]', or save the file in MATLAB with "
            "save(..., '-v7')"
        )
    import h5py

    with open_given(path) as source:
        try:
            with h5py.File(source, "r") as file:
                yield file
        except MalformedError as error:
            raise DataError(f"{path}: {error}") from error
        # A malformed file surfaces in the library as nearly any exception.
        except Exception as error:
            reason = quoted((str(error) or type(error).__name__).splitlines()[0])
            raise DataError(
                f"{path} is no MATLAB file of version 7.3 (HDF5), or it is damaged: {reason}"
            ) from error


def _variable(file: Any, name: str) -> object:
    import h5py

    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        raise MalformedError(
            f"'{name}' is a link to data elsewhere, which is never followed; save the data itself"
        )
    return _value(file, file[name], name, Reading("<"), 0)


def _value(file: Any, item: Any, name: str, reading: Reading, depth: int) -> object:
    import h5py

    kind = _matlab_class(item, name)
    if not isinstance(item, h5py.Dataset):
        return OtherVariable(kind)
    _check_storage(file, item, name)
    if "MATLAB_empty" in item.attrs:
        return _empty(item, kind, name)
    if kind == "cell":
        return _cell(file, item, name, reading, depth)
    if kind == "char":
        return _text(item, name)
    if kind not in _NUMERIC or item.dtype.kind not in "iufb":
        return OtherVariable(kind if kind not in _NUMERIC else "complex")
    return item[()].T


def _matlab_class(item: Any, name: str) -> str:
    kind = item.attrs.get("MATLAB_class")
    if not isinstance(kind, bytes | str | np.bytes_):
        raise MalformedError(
            f"'{name}' does not say what it is in MATLAB, so that rows and columns cannot be told "
            "apart; save it with numpy.savez, or in MATLAB with save(..., '-v7')"
        )
    return kind.decode("latin-1") if isinstance(kind, bytes) else str(kind)


def _check_storage(file: Any, item: Any, name: str) -> None:
    """Refuse data that lie in other files, that need a library, or that would fill the memory."""
    if item.external or item.is_virtual:
        raise MalformedError(f"'{name}' lies in another file, which is never opened")
    plan = item.id.get_create_plist()
    filters = {plan.get_filter(number)[0] for number in range(plan.get_nfilters())}
    if not filters <= _OWN_FILTERS:
        raise MalformedError(f"'{name}' is packed as MATLAB never does; save it with MATLAB")
    packed = min(item.id.get_storage_size(), file.id.get_filesize())
    if is_bomb(packed, item.nbytes):
        raise MalformedError(f"'{name}' would unpack from {packed} to {item.nbytes} bytes")


def _empty(item: Any, kind: str, name: str) -> object:
    """Return an array without entries: what is stored is its dimensions."""
    shape = item[()] if item.size <= _MOST_DIMENSIONS and item.dtype.kind in "iu" else np.ones(1)
    if math.prod(shape.tolist()):
        raise MalformedError(f"'{name}' is said to be empty, and is not")
    if kind == "char":
        return TextVariable()
    return np.empty((0, 0), dtype=object if kind == "cell" else np.float64)


def _cell(file: Any, item: Any, name: str, reading: Reading, depth: int) -> NDArray[np.object_]:
    """Read the entries of a cell; each is a reference to data in the same file."""
    import h5py

    if h5py.check_ref_dtype(item.dtype) is not h5py.Reference:
        raise MalformedError(f"'{name}' is a cell whose entries are no references")
    reading.num_entries += item.size
    if depth >= MOST_CELLS_DEEP or reading.num_entries > MOST_CELL_ENTRIES:
        raise MalformedError(f"'{name}' has more, or deeper, cells than features need")
    references = item[()].T
    entries = np.empty(references.size, dtype=object)
    for number, reference in enumerate(references.ravel()):
        if not reference:
            raise MalformedError(f"entry {number + 1} of '{name}' refers to nothing")
        entries[number] = _value(file, file[reference], name, reading, depth + 1)
    return entries.reshape(references.shape)


def _text(item: Any, name: str) -> OtherVariable:
    """Read a char array of two dimensions, whose characters are numbers of 16 bits."""
    if item.ndim != 2:
        return OtherVariable("char")
    if item.dtype != np.uint16:
        raise MalformedError(f"'{name}' holds text as {item.dtype}")
    rows = np.ascontiguousarray(item[()].T.astype("<u2"))
    return TextVariable(rows=tuple(row.tobytes().decode("utf-16-le", "replace") for row in rows))
