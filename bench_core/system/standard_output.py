"""Standard output belongs to the result of a command; what plugins print goes to standard error.

A plugin, or a library that it loads, may print at any time. A program that reads the one JSON
document of `--json` must not find it between two lines of such text.
"""

from __future__ import annotations

import codecs
import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from bench_core.contracts.errors import BenchError
from bench_core.system.escaping import terminal_text

OUTPUT, ERRORS = 1, 2
"""Descriptors of the standard streams."""
NAMES = frozenset({"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"})
READABLE = "bench-readable"
"""Name of the error handler for characters that the encoding of a terminal lacks."""
_PLAIN = {
    "\N{EN DASH}": "-",
    "\N{EM DASH}": "-",
    "\N{HORIZONTAL ELLIPSIS}": "...",
    "\N{PLUS-MINUS SIGN}": "+/-",
    "\N{MULTIPLICATION SIGN}": "x",
}
"""What stands for the signs of our tables where an encoding lacks them."""


@dataclass(frozen=True)
class _Result:
    """Where a command's result goes; None where standard output is closed."""

    stream: TextIO | None


_RESULT: ContextVar[_Result | None] = ContextVar("result", default=None)


def prepare() -> None:
    """Make the standard streams of this process fit for any text, and closed ones harmless.

    A file that is opened where a standard stream is closed would get its number, and then what is
    written to that stream.
    """
    for descriptor in (0, OUTPUT, ERRORS):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    codecs.register_error(READABLE, _readable)
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors=READABLE)


@contextmanager
def reserved() -> Iterator[None]:
    """Send what is written to standard output to standard error, except by `echo`.

    That holds for what C code and child processes write, too. A block within another changes
    nothing.
    """
    if _RESULT.get() is not None:
        yield
        return
    before = sys.stdout
    with _moved(before) as own:
        token = _RESULT.set(_Result(own))
        sys.stdout = sys.stderr
        try:
            yield
        finally:
            sys.stdout = before
            _RESULT.reset(token)


def echo(text: str = "", *, newline: bool = True) -> None:
    """Write a part of a command's result to standard output.

    Args:
        text: Lines; control characters in them are shown by their number.
        newline: Whether a line break follows.

    Raises:
        BenchError: Standard output is closed, or on a full disk.
        BrokenPipeError: The program that was to read it has ended.
    """
    result = _RESULT.get()
    stream = sys.stdout if result is None else result.stream
    if stream is None:
        raise BenchError("cannot write the result: standard output is closed")
    try:
        stream.write(terminal_text(text) + "\n" * newline)
        stream.flush()
    except OSError as error:
        _discard(stream)
        if isinstance(error, BrokenPipeError):
            raise
        raise BenchError(f"cannot write to standard output: {error.strerror}") from error


@contextmanager
def passed_on() -> Iterator[None]:
    """Give the standard output of this process to those that are started in this block."""
    if (own := result_descriptor()) == OUTPUT:
        yield
        return
    os.dup2(own, OUTPUT)
    try:
        yield
    finally:
        os.dup2(ERRORS, OUTPUT)


def finish() -> None:
    """Write what standard output still holds.

    Raises:
        BenchError: It is on a full disk.
        BrokenPipeError: The program that was to read it has ended.
    """
    if sys.stdout is not None:
        echo("", newline=False)


def settle() -> None:
    """Let no stream fail again at the end of the process, where Python changes the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if stream is None or stream.closed:
            continue
        try:
            stream.flush()
        except OSError:
            _discard(stream)


def is_standard_output(path: Path) -> bool:
    """Say whether a path is a name of standard output."""
    return str(path) in NAMES


def result_descriptor() -> int:
    """Return the descriptor of the file, pipe or terminal that results go to."""
    result = _RESULT.get()
    stream = sys.stdout if result is None else result.stream
    return OUTPUT if stream is None else stream.fileno()


@contextmanager
def _moved(stream: TextIO | None) -> Iterator[TextIO | None]:
    """Let the descriptor of standard output name standard error, and give a stream to the former.

    Where the stream is not that of the process, as in tests, it is given as it is.
    """
    if stream is None or not _is_of_process(stream):
        yield stream
        return
    stream.flush()
    own = os.fdopen(os.dup(OUTPUT), "w", encoding=stream.encoding, errors=stream.errors)
    with own:
        os.dup2(ERRORS, OUTPUT)
        try:
            yield own
        finally:
            stream.flush()  # what was written to it by way of sys.__stdout__
            ctypes.CDLL(None).fflush(None)  # C code keeps what it writes until its buffer is full
            os.dup2(own.fileno(), OUTPUT)


def _discard(stream: TextIO) -> None:
    """Let a stream that failed lead nowhere, so that what it holds fails no second time."""
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())


def _is_of_process(stream: TextIO) -> bool:
    try:
        return stream.fileno() == OUTPUT
    except (OSError, ValueError):
        return False


def _readable(error: UnicodeError) -> tuple[str, int]:
    """Stand in for what an encoding lacks: by a plain sign, or by the number as JSON writes it."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_PLAIN.get(character) or _number(character) for character in lacking), error.end


def _number(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))
