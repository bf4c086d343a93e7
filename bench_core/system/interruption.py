"""How a command is stopped from outside: by Ctrl-C, or by a signal to end."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
AGAIN_SECONDS = 0.01


class Stopped(KeyboardInterrupt):
    """A signal to end arrived; raised wherever the program is, so that it cleans up.

    Attributes:
        exit_code: What the process ends with: 128 and the number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.strsignal(number))
        self.exit_code = 128 + number


class _State:
    """Whether this module handles signals, and the first that arrived."""

    handling = False
    stopped: Stopped | None = None


def end_at_once() -> None:
    """From now on a signal ends the process where it stands: there is nothing to clean up.

    Processes that are forked off end as processes do.
    """
    if not _State.handling:
        os.register_at_fork(after_in_child=_handle_as_usual)
    _State.handling = True
    _handle_with(_end)


@contextmanager
def cleaning_up() -> Iterator[None]:
    """Within this block a signal raises `Stopped`; after it, the process ends at once again."""
    before = sys.unraisablehook

    def hook(unraisable: sys.UnraisableHookArgs) -> None:
        # Python swallows what a destructor or a callback raises; the signal must not be lost.
        if isinstance(unraisable.exc_value, Stopped):
            signal.setitimer(signal.ITIMER_REAL, AGAIN_SECONDS)
        else:
            before(unraisable)

    sys.unraisablehook = hook
    signal.signal(signal.SIGALRM, _raise_again)
    _handle_with(_raise)
    try:
        yield
    finally:
        end_at_once()
        signal.setitimer(signal.ITIMER_REAL, 0)
        sys.unraisablehook = before


def stopped() -> Stopped | None:
    """Return the signal that arrived; None where there was none."""
    return _State.stopped


def from_outside(error: BaseException) -> bool:
    """Say whether an exception is a signal from outside, and not one that some code raised."""
    if _State.handling:
        return isinstance(error, Stopped)
    return isinstance(error, KeyboardInterrupt)


def _handle_as_usual() -> None:
    _handle_with(signal.SIG_DFL)


def _handle_with(handler: signal._HANDLER) -> None:
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup asks, or a shell for "&"
            signal.signal(number, handler)


def _end(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001
    os._exit(128 + number)


def _raise(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001
    _State.stopped = _State.stopped or Stopped(number)
    raise _State.stopped


def _raise_again(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    if _State.stopped is not None:
        raise _State.stopped


def raising_packages(traceback: TracebackType | None) -> Iterator[str]:
    """Yield the packages that an exception passed through, the one that raised it last."""
    while traceback is not None:
        yield str(traceback.tb_frame.f_globals.get("__name__", "")).partition(".")[0]
        traceback = traceback.tb_next
