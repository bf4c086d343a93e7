"""Reads numeric variables, text and cells of MATLAB files.

The binary format is that of "MAT-File Format", The MathWorks: a header, then elements, each a tag
(type and number of bytes) with its data. Every size is checked before it is used, because the
readers of scipy trust them and can end the process.

Nothing in a file is executed.
"""

from __future__ import annotations

import io
import warnings
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from scipy.io import loadmat, whosmat

from bench_core.contracts.errors import DataError
from bench_core.system.foreign_files import HEAD_BYTES, is_bomb, open_given, quoted, recognise
from bench_core.system.matlab_elements import (
    COMPRESSED,
    MATRIX,
    TAG_BYTES,
    MalformedError,
    Matrix,
    OtherVariable,
    Reading,
    TextVariable,
    value_of,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path


__all__ = [
    "OtherVariable",
    "TextVariable",
    "list_matlab_variables",
    "load_matlab_variable",
    "load_matlab_variables",
    "no_variable",
]

_HEADER_BYTES = 128
_BYTES_PER_READ = 2**20
_BYTES_OF_HEAD = 1024
"""Bytes of a variable in which its name and its dimensions are."""
_MOST_NAMES = 5


def load_matlab_variable(path: Path, variable: str) -> object:
    """Load one variable of a MATLAB file (version 7 or older); nothing in it is executed.

    Args:
        path: The file.
        variable: Name of the variable.

    Returns:
        The variable: a numeric array of two or more dimensions, for a cell an object array of
        such, a `TextVariable`, or else an `OtherVariable`.

    Raises:
        DataError: The file is unreadable, malformed, of a newer version, or has no such variable.
    """
    found, others = _load_some(path, [variable])
    if variable not in found:
        raise no_variable(path, variable, others)
    return found[variable]


def load_matlab_variables(path: Path, wanted: Collection[str]) -> dict[str, object]:
    """Load those of some variables that a file has, each as `load_matlab_variable` does.

    Raises:
        DataError: The file is unreadable, malformed or of a newer version.
    """
    return _load_some(path, wanted)[0]


def list_matlab_variables(path: Path) -> tuple[str, ...]:
    """Return the names of the variables of a file (version 7 or older), in their order.

    Of each variable only the head is unpacked.

    Raises:
        DataError: The file is unreadable, malformed or of a newer version.
    """
    with _reading(path, "feature") as (file, byte_order):
        if byte_order is None:
            with _oldest():
                return tuple(name for name, *_ in whosmat(io.BytesIO(file.read())))  # type: ignore[arg-type]
        heads = _variables(file, byte_order, _BYTES_OF_HEAD)
        return tuple(Matrix.read(head, byte_order).name for head in heads)


def no_variable(path: Path, variable: str, names: Collection[str]) -> DataError:
    """Return the error of a file without a variable; it shows what the file holds instead."""
    shown = ", ".join(quoted(name) for name in list(names)[:_MOST_NAMES])
    others = (
        f"; it holds {shown}{' and others' if len(names) > _MOST_NAMES else ''}" if names else ""
    )
    return DataError(f"{path} holds no variable '{variable}'{others}")


def _load_some(path: Path, wanted: Collection[str]) -> tuple[dict[str, object], list[str]]:
    """Load variables; return those that are there, and the names of others before the last."""
    with _reading(path, next(iter(wanted))) as (file, byte_order):
        if byte_order is None:
            return _load_oldest(file, wanted), []
        return _load(file, wanted, byte_order)


@contextmanager
def _reading(path: Path, variable: str) -> Iterator[tuple[BinaryIO, str | None]]:
    """Open a file after its header; its byte order is None where it is of version 4.

    Args:
        path: The file.
        variable: What is looked for in it, for the message of a newer version.
    """
    with open_given(path) as file:
        try:
            head = file.read(HEAD_BYTES)
            _check_version(path, head, variable)
            is_oldest = 0 in head[:4]
            file.seek(0 if is_oldest else _HEADER_BYTES)
            byte_order = "<" if head[126:128] == b"IM" else ">"
            yield file, None if is_oldest else byte_order
        except OSError as error:
            raise DataError(f"cannot read {path}: {error.strerror or error}") from error
        except (MalformedError, zlib.error, MemoryError) as error:
            raise DataError(
                f"{path} is no MATLAB file of version 7 or older, or it is damaged: "
                f"{_first_line(error)}; copy or download it again"
            ) from error


def _check_version(path: Path, head: bytes, variable: str) -> None:
    """Tell files of version 7.3 and other kinds of files."""
    version = head[124:128]
    if version in {b"\x00\x02IM", b"\x02\x00MI"}:
        raise DataError(
            f"{path} is a MATLAB file of version 7.3 (HDF5); save it in MATLAB with "
            f"save('{path.name}', '{variable}', '-v7')"
        )
    if version in {b"\x00\x01IM", b"\x01\x00MI"} and 0 not in head[:4]:
        return
    kind = recognise(head)
    # The oldest version starts with a number that has a byte of zero, as much else does.
    if kind or 0 not in head[:4]:
        raise DataError(
            f"{path} is no MATLAB file of version 7 or older{f': it is {kind}' if kind else ''}"
        )


def _load(
    file: BinaryIO, wanted: Collection[str], byte_order: str
) -> tuple[dict[str, object], list[str]]:
    found: dict[str, object] = {}
    others = []
    for content in _variables(file, byte_order):
        matrix = Matrix.read(content, byte_order)
        if matrix.name not in wanted:
            others.append(matrix.name)
            continue
        if matrix.name in found:
            raise MalformedError(f"there are two variables '{matrix.name}'")
        found[matrix.name] = value_of(matrix, Reading(byte_order))
        if len(found) == len(wanted):
            break
    return found, others


def _load_oldest(file: BinaryIO, wanted: Collection[str]) -> dict[str, object]:
    """Load variables of a file of version 4, whose reader is plain Python."""
    with _oldest():
        content = loadmat(io.BytesIO(file.read()), variable_names=list(wanted))  # type: ignore[arg-type]
    return {
        name: value if isinstance(value, np.ndarray) else OtherVariable("sparse")
        for name, value in content.items()
        if name in wanted
    }


@contextmanager
def _oldest() -> Iterator[None]:
    """Run scipy's reader of version 4: of a malformed file it raises nearly any exception."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield
    except Exception as error:
        raise MalformedError(_first_line(error)) from error


def _variables(
    file: BinaryIO, byte_order: str, most_bytes: int | None = None
) -> Iterator[memoryview]:
    """Read the content of each variable, without its tag; of long ones, where asked, the start."""
    while tag := file.read(TAG_BYTES):
        if len(tag) < TAG_BYTES:
            raise MalformedError("it ends within a variable")
        kind, size = np.frombuffer(tag, f"{byte_order}u4").tolist()
        if kind not in {MATRIX, COMPRESSED}:
            raise MalformedError(f"an element of type {kind} stands where a variable belongs")
        # Asked for more than there is, reading takes what there is.
        start = file.tell()
        content = _read_at_most(file, size, most_bytes)
        yield memoryview(
            content if kind == MATRIX else _decompress(content, byte_order, size, most_bytes)
        )
        file.seek(start + size)


def _read_at_most(file: BinaryIO, size: int, most_bytes: int | None) -> bytes:
    position = file.tell()
    if size > file.seek(0, io.SEEK_END) - position:
        raise MalformedError("it ends within a variable")
    file.seek(position)
    return file.read(size if most_bytes is None else min(size, most_bytes))


def _decompress(
    content: bytes, byte_order: str, packed_size: int, most_bytes: int | None
) -> bytearray:
    """Unpack a variable, or so much of it as is asked for, and take its tag off."""
    unpacking = zlib.decompressobj()
    tag = unpacking.decompress(content[:_BYTES_PER_READ], TAG_BYTES)
    if len(tag) < TAG_BYTES:
        raise MalformedError("a compressed variable is empty")
    kind, size = np.frombuffer(tag, f"{byte_order}u4").tolist()
    if kind != MATRIX:
        raise MalformedError(f"a compressed element is of type {kind}, not a variable")
    if is_bomb(packed_size, size):
        raise MalformedError(f"a variable of {packed_size} bytes would unpack to {size}")
    if most_bytes is not None:
        part = max(1, min(size, most_bytes))
        return bytearray(unpacking.decompress(unpacking.unconsumed_tail, part))
    unpacked = bytearray()
    packed, start = unpacking.unconsumed_tail, _BYTES_PER_READ
    while packed and len(unpacked) < size:
        unpacked += unpacking.decompress(packed, size - len(unpacked))
        packed, start = content[start : start + _BYTES_PER_READ], start + _BYTES_PER_READ
    if len(unpacked) < size:
        raise MalformedError("a compressed variable is cut short")
    return unpacked


def _first_line(error: BaseException) -> str:
    return quoted((str(error) or type(error).__name__).splitlines()[0])
