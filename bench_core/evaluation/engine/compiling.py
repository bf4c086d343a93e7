"""How loops are compiled, once for all processes."""

from __future__ import annotations

import pickle
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import llvmlite
import numba
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

from bench_core.evaluation.engine.code_store import CodeStore, hash_names
from bench_core.system.cache_folder import cache_directory

if TYPE_CHECKING:
    from collections.abc import Callable

Kernel = TypeVar("Kernel", bound="Callable[..., Any]")

_COMPILE: Any = numba.njit
_RESULT: Any = CompileResult
_SERIALIZE: Any = dumps
"""Parts of numba that lack types. What the last two make is unpickled, and our own: `CodeStore`."""


def compiled(function: Kernel) -> Kernel:
    """Compile a function when it is first called, and keep the code for the next process.

    It then runs without the interpreter's lock, so that threads can share its work.
    """
    return _compiled(function, no_cpython_wrapper=False)


def compiled_part(function: Kernel) -> Kernel:
    """Compile a function that compiled ones alone call; what Python would call it by takes time."""
    return _compiled(function, no_cpython_wrapper=True)


def _compiled(function: Kernel, *, no_cpython_wrapper: bool) -> Kernel:
    kernel: Any = _COMPILE(
        nogil=True,
        error_model="numpy",
        no_cfunc_wrapper=True,
        no_cpython_wrapper=no_cpython_wrapper,
    )(function)
    kernel._cache = _KeptCode(function)
    result: Kernel = kernel
    return result


class _KeptCode:
    """What numba asks for code before it compiles a function, and gives the code to afterwards.

    It takes the place of numba's own cache, which unpickles what it finds in any folder, and ends
    the process where a file is damaged or the disk is full.
    """

    cache_path = None

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def load_overload(self, signature: object, target: Any) -> CompileResult | None:
        """Return the code of a function for some types of arguments, if it is kept."""
        target.refresh()
        content = _store().read(self._name(signature, target.codegen()))
        if content is None:
            _announce()
            return None
        result: CompileResult = _RESULT._rebuild(target, *pickle.loads(content))  # noqa: S301
        return result

    def save_overload(self, signature: object, result: Any) -> None:
        """Keep the code of a function for some types of arguments."""
        name = self._name(signature, result.library.codegen)
        _store().write(name, _SERIALIZE(result._reduce()))

    def enable(self) -> None:
        """Do what numba expects; code is always kept."""

    disable = flush = enable

    def _name(self, signature: object, codegen: Any) -> str:
        """Name all that the code depends on: sources, versions, processor and types."""
        name = f"{self._function.__module__}.{self._function.__qualname__}"
        what = hash_names(_sources(), name, repr(signature), repr(codegen.magic_tuple()))
        return f"{self._function.__name__.strip('_')}-{what}"


@cache
def _announce() -> None:
    """Say once, on a terminal and in a log alike, why the first scoring takes longer than others.

    In one line that stays: what watches a log takes silence for a process that hangs.
    """
    sys.stderr.write("compiling the loops of such scoring, once: this takes about 4 seconds\n")
    sys.stderr.flush()


@cache
def _store() -> CodeStore:
    # Numba's own setting, NUMBA_CACHE_DIR, names another place.
    folder = numba.config.CACHE_DIR or cache_directory()  # type: ignore[attr-defined]
    return CodeStore(Path(folder))


@cache
def _sources() -> str:
    """Name the code of this package, any of which a loop may call, and what compiles it."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    versions = (sys.version, numba.__version__, llvmlite.__version__)
    return hash_names(*versions, *(file.read_text(encoding="utf-8") for file in files))
