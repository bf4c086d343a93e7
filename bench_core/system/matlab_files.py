"""Reads MATLAB files of every version: the one place that tells version 7.3 from older ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench_core.contracts.errors import DataError
from bench_core.system.foreign_files import HEAD_BYTES, open_given
from bench_core.system.matlab import list_matlab_variables, load_matlab_variables, no_variable

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_VERSIONS_5 = frozenset({b"\x00\x01IM", b"\x01\x00MI"})
_VERSIONS_7_3 = frozenset({b"\x00\x02IM", b"\x02\x00MI"})
_HEADERS_OF_MATLAB = (b"MATLAB 5.0 MAT-file, ", b"MATLAB 7.3 MAT-file, ")
"""How headers begin that MATLAB or Octave wrote; that of scipy has no comma."""


def read_head(path: Path) -> bytes:
    """Return the first bytes of a file, enough to tell what it is.

    Raises:
        DataError: It cannot be read, or is no regular file.
    """
    with open_given(path) as file:
        try:
            return file.read(HEAD_BYTES)
        except OSError as error:
            raise DataError(f"cannot read {path}: {error.strerror or error}") from error


def is_matlab(head: bytes) -> bool:
    """Tell whether a file is one of MATLAB, of version 5 to 7.3, or HDF5, by its first bytes."""
    return head[124:128] in _VERSIONS_5 or is_hdf5(head)


def is_hdf5(head: bytes) -> bool:
    """Tell whether a file is one of version 7.3 or another HDF5 file, by its first bytes."""
    return head[124:128] in _VERSIONS_7_3 or head.startswith(_SIGNATURE)


def is_written_by_matlab(path: Path) -> bool:
    """Tell whether the header of a file is that of MATLAB or Octave, not that of scipy.

    Raises:
        DataError: The file cannot be read.
    """
    return read_head(path).startswith(_HEADERS_OF_MATLAB)


def list_variables(path: Path) -> tuple[str, ...]:
    """Return the names of the variables of a file of any version.

    Raises:
        DataError: The file is unreadable or damaged, or its version needs a library that is not
            installed.
    """
    if is_hdf5(read_head(path)):
        from bench_core.system.hdf5 import list_hdf5_variables

        return list_hdf5_variables(path)
    return list_matlab_variables(path)


def load_variables(path: Path, wanted: Collection[str]) -> dict[str, object]:
    """Load those of some variables that a file of any version has.

    Returns:
        As `bench_core.system.matlab.load_matlab_variable`, by name.

    Raises:
        DataError: As `list_variables`.
    """
    if is_hdf5(read_head(path)):
        from bench_core.system.hdf5 import load_hdf5_variables

        return load_hdf5_variables(path, wanted)
    return load_matlab_variables(path, wanted)


def load_variable(path: Path, variable: str) -> object:
    """Load one variable of a file of any version.

    Raises:
        DataError: As `list_variables`, or there is no such variable.
    """
    found = load_variables(path, [variable])
    if variable not in found:
        raise no_variable(path, variable, list_variables(path))
    return found[variable]
