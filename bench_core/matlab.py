"""Reads variables of MATLAB files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scipy.io import loadmat

from bench_core.contracts.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path


def load_matlab_variable(path: Path, variable: str) -> object:
    """Load one variable of a MATLAB file (version 7 or older); nothing in it is executed.

    Args:
        path: The file.
        variable: Name of the variable.

    Returns:
        The variable: a numeric array of two or more dimensions, or for a cell an object array.

    Raises:
        DataError: The file is unreadable, malformed, of a newer version, or has no such variable.
    """
    try:
        with path.open("rb") as file:
            # The stubs leave out open files; by itself loadmat hides why a path cannot be opened.
            content = loadmat(file, variable_names=[variable])  # type: ignore[arg-type]
    except NotImplementedError as error:
        raise DataError(
            f"{path} is a MATLAB file of version 7.3 (HDF5); save it in MATLAB with "
            f"save('{path.name}', '{variable}', '-v7')"
        ) from error
    # A malformed file surfaces in the parser as nearly any exception, an OSError included.
    except Exception as error:
        if isinstance(error, OSError) and error.strerror:
            raise DataError(f"cannot read {path}: {error.strerror}") from error
        raise DataError(
            f"{path} is no MATLAB file of version 7 or older: {_first_line(error)}"
        ) from error
    if variable not in content:
        raise DataError(f"{path} holds no variable '{variable}'")
    found: object = content[variable]
    return found


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
