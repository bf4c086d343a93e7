"""Reads numeric variables and cells of MATLAB files.

The binary format is that of "MAT-File Format", The MathWorks: a header, then elements, each a tag
(type and number of bytes) with its data. Every size is checked before it is used, because the
readers of scipy trust them and can end the process.

Nothing in a file is executed.
"""

from __future__ import annotations

import io
import math
import warnings
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from scipy.io import loadmat

from bench_core.contracts.errors import DataError
from bench_core.system.foreign_files import HEAD_BYTES, is_bomb, open_given, quoted, recognise

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

_HEADER_BYTES = 128
_TAG_BYTES = 8
_MATRIX, _COMPRESSED = 14, 15
"""Types of the elements that are variables."""
_STORED = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
}
"""Types of numbers, by the type of an element."""
_NUMERIC = {
    6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8",
}  # fmt: skip
"""Types of numbers, by the class of a matrix."""
_CELL = 1
_OTHER_CLASSES = {
    2: "struct", 3: "object", 4: "char", 5: "sparse", 16: "function handle", 17: "object",
    18: "object",
}  # fmt: skip
_COMPLEX = 1 << 11
_DEEPEST = 16
_MOST_DIMENSIONS = 32
_MOST_ENTRIES = 2**50
"""More than any memory holds, and few enough for numpy to lay out an empty array of this shape."""
_MOST_CELL_ENTRIES = 2**20
"""A hundred times as many as there are people and cameras in any dataset of the field."""
_BYTES_PER_READ = 2**20
_MOST_NAMES = 5


class _MalformedError(Exception):
    """The content is not what its tags say."""


@dataclass(frozen=True)
class OtherVariable:
    """A variable, or an entry of a cell, that is neither numbers nor a cell.

    Attributes:
        kind: Its class in MATLAB, such as "struct", "char" or "sparse".
    """

    kind: str


def load_matlab_variable(path: Path, variable: str) -> object:
    """Load one variable of a MATLAB file (version 7 or older); nothing in it is executed.

    Args:
        path: The file.
        variable: Name of the variable.

    Returns:
        The variable: a numeric array of two or more dimensions, for a cell an object array of
        such, or else an `OtherVariable`.

    Raises:
        DataError: The file is unreadable, malformed, of a newer version, or has no such variable.
    """
    with open_given(path) as file:
        try:
            head = file.read(HEAD_BYTES)
            _check_version(path, head, variable)
            file.seek(0)
            return (
                _load_oldest(path, file, variable) if 0 in head[:4] else _load(path, file, variable)
            )
        except OSError as error:
            raise DataError(f"cannot read {path}: {error.strerror or error}") from error
        except (_MalformedError, zlib.error, MemoryError) as error:
            raise DataError(
                f"{path} is no MATLAB file of version 7 or older, or it is damaged: "
                f"{_first_line(error)}"
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


def _load(path: Path, file: BinaryIO, variable: str) -> object:
    byte_order = "<" if file.read(_HEADER_BYTES)[126:128] == b"IM" else ">"
    names = []
    for content in _variables(file, byte_order):
        matrix = _Matrix.read(content, byte_order)
        if matrix.name == variable:
            return _value(matrix, _Reading(byte_order), 0)
        names.append(matrix.name)
    raise _no_variable(path, variable, names)


def _no_variable(path: Path, variable: str, names: list[str]) -> DataError:
    shown = ", ".join(quoted(name) for name in names[:_MOST_NAMES])
    others = (
        f"; it holds {shown}{' and others' if len(names) > _MOST_NAMES else ''}" if names else ""
    )
    return DataError(f"{path} holds no variable '{variable}'{others}")


def _load_oldest(path: Path, file: BinaryIO, variable: str) -> object:
    """Load a variable of a file of version 4, whose reader is plain Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            content = loadmat(io.BytesIO(file.read()), variable_names=[variable])  # type: ignore[arg-type]
    # A malformed file surfaces in the reader as nearly any exception.
    except Exception as error:
        raise _MalformedError(_first_line(error)) from error
    if variable not in content:
        raise DataError(f"{path} holds no variable '{variable}'")
    found: object = content[variable]
    return found if isinstance(found, np.ndarray) else OtherVariable("sparse")


def _variables(file: BinaryIO, byte_order: str) -> Iterator[memoryview]:
    """Read the content of each variable, without its tag."""
    while tag := file.read(_TAG_BYTES):
        if len(tag) < _TAG_BYTES:
            raise _MalformedError("it ends within a variable")
        kind, size = np.frombuffer(tag, f"{byte_order}u4").tolist()
        if kind not in {_MATRIX, _COMPRESSED}:
            raise _MalformedError(f"an element of type {kind} stands where a variable belongs")
        # Asked for more than there is, reading takes what there is.
        content = _read_at_most(file, size)
        yield memoryview(content if kind == _MATRIX else _decompress(content, byte_order))


def _read_at_most(file: BinaryIO, size: int) -> bytes:
    position = file.tell()
    if size > file.seek(0, io.SEEK_END) - position:
        raise _MalformedError("it ends within a variable")
    file.seek(position)
    return file.read(size)


def _decompress(content: bytes, byte_order: str) -> bytearray:
    """Unpack a variable, and take its tag off."""
    unpacking = zlib.decompressobj()
    tag = unpacking.decompress(content[:_BYTES_PER_READ], _TAG_BYTES)
    if len(tag) < _TAG_BYTES:
        raise _MalformedError("a compressed variable is empty")
    kind, size = np.frombuffer(tag, f"{byte_order}u4").tolist()
    if kind != _MATRIX:
        raise _MalformedError(f"a compressed element is of type {kind}, not a variable")
    if is_bomb(len(content), size):
        raise _MalformedError(f"a variable of {len(content)} bytes would unpack to {size}")
    unpacked = bytearray()
    packed, start = unpacking.unconsumed_tail, _BYTES_PER_READ
    while packed and len(unpacked) < size:
        unpacked += unpacking.decompress(packed, size - len(unpacked))
        packed, start = content[start : start + _BYTES_PER_READ], start + _BYTES_PER_READ
    if len(unpacked) < size:
        raise _MalformedError("a compressed variable is cut short")
    return unpacked


@dataclass(frozen=True, eq=False)
class _Matrix:
    """A variable, or an entry of a cell.

    Attributes:
        name: Its name; entries of a cell have none.
        kind: Class, a number of the format.
        is_complex: Whether an imaginary part follows the real one.
        shape: Two or more dimensions.
        content: The elements that follow.
    """

    name: str
    kind: int
    is_complex: bool
    shape: tuple[int, ...]
    content: memoryview

    @classmethod
    def read(cls, content: memoryview, byte_order: str) -> _Matrix:
        """Read flags, dimensions and name."""
        if not content:  # An entry that nothing was ever put into.
            return cls("", 6, is_complex=False, shape=(0, 0), content=content)
        _, flags, content = _element(content, byte_order)
        if len(flags) < 4:
            raise _MalformedError("a variable has no class")
        flag_bits = int(np.frombuffer(flags[:4], f"{byte_order}u4")[0])
        kind = flag_bits & 0xFF
        if kind in {17, 18}:  # Objects of the newer kinds have no dimensions.
            return cls("", kind, is_complex=False, shape=(), content=content)
        stored, dimensions, content = _element(content, byte_order)
        shape = _shape(stored, dimensions, byte_order)
        _, name, content = _element(content, byte_order)
        return cls(
            bytes(name).decode("utf-8", "replace"), kind, bool(flag_bits & _COMPLEX), shape, content
        )


def _shape(stored: int, dimensions: memoryview, byte_order: str) -> tuple[int, ...]:
    if (
        stored not in {5, 6}
        or len(dimensions) % 4
        or not 2 <= len(dimensions) // 4 <= _MOST_DIMENSIONS
    ):
        raise _MalformedError("a variable has no dimensions")
    shape = tuple(np.frombuffer(dimensions, f"{byte_order}i4").tolist())
    if min(shape) < 0 or math.prod(filter(None, shape)) > _MOST_ENTRIES:
        raise _MalformedError(f"a variable has the dimensions {shape}")
    return shape


def _element(content: memoryview, byte_order: str) -> tuple[int, memoryview, memoryview]:
    """Return the type of the first element, its data, and what follows it."""
    if len(content) < _TAG_BYTES:
        raise _MalformedError("an element is missing")
    first, size = np.frombuffer(content[:_TAG_BYTES], f"{byte_order}u4").tolist()
    if first >> 16:  # At most four bytes of data stand within the tag.
        kind, size = first & 0xFFFF, first >> 16
        if size > 4:
            raise _MalformedError("an element is longer than its place")
        return kind, content[4 : 4 + size], content[_TAG_BYTES:]
    if size > len(content) - _TAG_BYTES:
        raise _MalformedError("an element is longer than the variable that it is part of")
    end = _TAG_BYTES + size
    # Data are filled up to whole tags, but for those of the last element of some writers.
    return first, content[_TAG_BYTES:end], content[end + -size % _TAG_BYTES :]


@dataclass
class _Reading:
    """How far a variable is read.

    Attributes:
        byte_order: Of its numbers.
        num_entries: Entries of cells so far.
    """

    byte_order: str
    num_entries: int = 0


def _value(matrix: _Matrix, reading: _Reading, depth: int) -> object:
    if matrix.kind == _CELL:
        return _cell(matrix, reading, depth)
    if matrix.kind in _NUMERIC:
        return _numbers(matrix, reading.byte_order)
    if matrix.kind in _OTHER_CLASSES:
        return OtherVariable(_OTHER_CLASSES[matrix.kind])
    raise _MalformedError(f"there is no class of number {matrix.kind}")


def _cell(matrix: _Matrix, reading: _Reading, depth: int) -> NDArray[np.object_]:
    """Read the entries of a cell, in the order of memory: the first dimension runs fastest."""
    if depth >= _DEEPEST:
        raise _MalformedError(f"cells are nested more than {_DEEPEST} deep")
    count, content = math.prod(matrix.shape), matrix.content
    if count * _TAG_BYTES > len(content):
        raise _MalformedError(f"a cell of {count} entries has {len(content)} bytes")
    reading.num_entries += count
    if reading.num_entries > _MOST_CELL_ENTRIES:
        raise _MalformedError(f"its cells have more than {_MOST_CELL_ENTRIES} entries")
    entries = np.empty(count, dtype=object)
    for number in range(count):
        kind, entry, content = _element(content, reading.byte_order)
        if kind != _MATRIX:
            raise _MalformedError(f"an element of type {kind} stands where an entry belongs")
        entries[number] = _value(_Matrix.read(entry, reading.byte_order), reading, depth + 1)
    return entries.reshape(matrix.shape, order="F")


def _numbers(matrix: _Matrix, byte_order: str) -> NDArray[Any]:
    count, content = math.prod(matrix.shape), matrix.content
    values: NDArray[Any] = np.empty(0)
    if count or content:
        values, content = _part(content, byte_order, count)
    values = values.astype(_NUMERIC[matrix.kind], copy=False)
    if matrix.is_complex:
        imaginary, _ = _part(content, byte_order, count)
        values = values + 1j * imaginary
    return values.reshape(matrix.shape, order="F")


def _part(content: memoryview, byte_order: str, count: int) -> tuple[NDArray[Any], memoryview]:
    """Read the real or the imaginary part, whatever type it is stored as, and what follows it."""
    kind, data, content = _element(content, byte_order)
    if kind not in _STORED:
        raise _MalformedError(f"an element of type {kind} stands where numbers belong")
    stored = np.dtype(f"{byte_order}{_STORED[kind]}")
    if len(data) != count * stored.itemsize:
        raise _MalformedError(f"{count} numbers take {len(data)} bytes of type {stored.name}")
    return np.frombuffer(data, stored), content


def _first_line(error: BaseException) -> str:
    return quoted((str(error) or type(error).__name__).splitlines()[0])
