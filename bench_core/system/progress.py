"""Progress bars: on standard error, with an estimate of the time left."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NoReturn, TextIO, TypeVar, overload

if TYPE_CHECKING:
    from bench_core.system.progress_bar import ProgressBar

Item = TypeVar("Item")

REFRESH_SECONDS_IN_LOGS = 15.0
_CURSOR_UP = "\x1b[A"
"""What a bar within another one writes to get back to it."""


class _Lines:
    """A log file, where a bar cannot redraw itself: each state becomes a line."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> None:
        if state := text.replace(_CURSOR_UP, "").strip("\r\n "):
            self._file.write(f"{state}\n")

    def flush(self) -> None:
        self._file.flush()


@overload
def progress(
    items: Iterable[Item],
    *,
    total: int | None = None,
    description: str,
    unit: str = "image",
    initial: int = 0,
) -> ProgressBar[Item]: ...


@overload
def progress(
    items: None = None,
    *,
    total: int | None = None,
    description: str,
    unit: str = "image",
    initial: int = 0,
) -> ProgressBar[NoReturn]: ...


def progress(
    items: Iterable[Any] | None = None,
    *,
    total: int | None = None,
    description: str,
    unit: str = "image",
    initial: int = 0,
) -> ProgressBar[Any]:
    """Wrap an iterable (or count by hand with `update`) in a progress bar on standard error.

    On a terminal the bar redraws itself; in a log file or a CI job it prints a line now and then.
    A bar within another one vanishes when it is done.

    Args:
        items: What to iterate over, if anything.
        total: Number of items, where `items` does not tell.
        description: What is being done, such as "decoding".
        unit: What is being counted.
        initial: How many were done before this call, for a resumed job.

    Returns:
        The bar, which is also a context manager.
    """
    from bench_core.system.progress_bar import ProgressBar

    interactive = sys.stderr.isatty()
    return ProgressBar(
        items,
        total=total,
        desc=description,
        unit=f" {unit}",
        initial=initial,
        leave=None,
        file=sys.stderr if interactive else _Lines(sys.stderr),
        dynamic_ncols=interactive,
        mininterval=0.2 if interactive else REFRESH_SECONDS_IN_LOGS,
        maxinterval=10.0 if interactive else REFRESH_SECONDS_IN_LOGS,
    )
