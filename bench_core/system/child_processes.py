"""Programs of strangers: heard as they print, and ended with their children whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

_SHOWN = 2000
"""Characters of what a process printed that are kept."""
_GRACE_SECONDS = 10.0
"""For what was printed last to arrive."""


@contextmanager
def ended_with_us(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End a process, and those that it started, whatever ends the block.

    Args:
        process: Started with `start_new_session=True`.
    """
    try:
        yield
    finally:
        _kill_group(process)
        process.wait()


class Printed:
    """What a process printed.

    Attributes:
        count: How many characters.
        end: The last of them.
    """

    count = 0
    end = ""

    def hear(self, stream: IO[bytes]) -> None:
        """Read until nobody has the other end any more."""
        with stream:
            while block := os.read(stream.fileno(), 2**16):
                text = block.decode(errors="replace")
                self.count += len(text)
                self.end = (self.end + text)[-_SHOWN:]


@contextmanager
def heard(stream: IO[bytes] | None, process: subprocess.Popen[bytes]) -> Iterator[Printed]:
    """Hear what a process prints, so that it waits for no reader; end it after the block.

    Args:
        stream: Its standard output or error, a pipe.
        process: Started with `start_new_session=True`.
    """
    printed = Printed()
    listener = threading.Thread(target=printed.hear, args=(stream,), daemon=True)
    listener.start()
    yield printed
    _kill_group(process)  # its children may hold the pipe open
    listener.join(timeout=_GRACE_SECONDS)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
