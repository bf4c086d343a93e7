"""How loops are compiled, and where compiled code is kept."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numba
import platformdirs

if TYPE_CHECKING:
    from collections.abc import Callable

Kernel = TypeVar("Kernel", bound="Callable[..., Any]")


def compiled(function: Kernel) -> Kernel:
    """Compile a function when it is first called, and keep the code for the next process.

    It then runs without the interpreter's lock, so that threads can share its work.
    """
    config: Any = numba.config  # its names are set when numba is imported
    folder = config.CACHE_DIR
    # Numba reads the setting here, and makes kept code anew only when the function's own file
    # changes: code of other sources of this package, which it may call, has a folder of its own.
    config.CACHE_DIR = str(Path(folder or _DEFAULT_FOLDER) / _SOURCES)
    kernel: Any
    try:
        kernel = numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # nowhere to keep it
        kernel = numba.njit(nogil=True)(function)
    finally:
        config.CACHE_DIR = folder
    result: Kernel = kernel
    return result


def _hash_sources() -> str:
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:16]


_SOURCES = _hash_sources()
_DEFAULT_FOLDER = Path(platformdirs.user_cache_dir("vireid-bench")) / "compiled"
