"""How loops are compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numba

if TYPE_CHECKING:
    from collections.abc import Callable

Kernel = TypeVar("Kernel", bound="Callable[..., Any]")


def compiled(function: Kernel) -> Kernel:
    """Compile a function when it is first called, and keep the code for the next process.

    It then runs without the interpreter's lock, so that threads can share its work. Numba makes
    kept code anew when the function's file changes, but not when the file of another compiled
    function that it calls does: those that call each other must share a file.
    """
    kernel: Any
    try:
        kernel = numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:
        # Nowhere to keep it: neither beside the file nor in the user's cache folder.
        kernel = numba.njit(nogil=True)(function)
    result: Kernel = kernel
    return result
