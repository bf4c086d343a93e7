"""The elements of which a MATLAB file of version 5 to 7 is made, and the values they hold.

Every size is checked before it is used.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

TAG_BYTES = 8
MATRIX, COMPRESSED = 14, 15
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
_CELL, _CHAR = 1, 4
_OTHER_CLASSES = {
    2: "struct", 3: "object", 5: "sparse", 16: "function handle", 17: "object", 18: "object",
}  # fmt: skip
_ENCODINGS = {
    1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32",
}  # fmt: skip
"""How characters are stored, by the type of an element; without a mark of the byte order."""
_COMPLEX = 1 << 11
MOST_CELLS_DEEP = 16
_MOST_DIMENSIONS = 32
_MOST_ENTRIES = 2**50
"""More than any memory holds, and few enough for numpy to lay out an empty array of this shape."""
MOST_CELL_ENTRIES = 2**20
"""A hundred times as many as there are people and cameras in any dataset of the field."""


class MalformedError(Exception):
    """The content is not what its tags say."""


@dataclass(frozen=True)
class OtherVariable:
    """A variable, or an entry of a cell, that is neither numbers nor a cell.

    Attributes:
        kind: Its class in MATLAB, such as "struct", "char" or "sparse".
    """

    kind: str


@dataclass(frozen=True)
class TextVariable(OtherVariable):
    """A char array of two dimensions.

    Attributes:
        rows: Its rows, as many characters each; shorter texts are filled up with blanks.
    """

    kind: str = "char"
    rows: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Matrix:
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
    def read(cls, content: memoryview, byte_order: str) -> Matrix:
        """Read flags, dimensions and name."""
        if not content:  # An entry that nothing was ever put into.
            return cls("", 6, is_complex=False, shape=(0, 0), content=content)
        _, flags, content = _element(content, byte_order)
        if len(flags) < 4:
            raise MalformedError("a variable has no class")
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
        raise MalformedError("a variable has no dimensions")
    shape = tuple(np.frombuffer(dimensions, f"{byte_order}i4").tolist())
    if min(shape) < 0 or math.prod(filter(None, shape)) > _MOST_ENTRIES:
        raise MalformedError(f"a variable has the dimensions {shape}")
    return shape


def _element(content: memoryview, byte_order: str) -> tuple[int, memoryview, memoryview]:
    """Return the type of the first element, its data, and what follows it."""
    if len(content) < TAG_BYTES:
        raise MalformedError("an element is missing")
    first, size = np.frombuffer(content[:TAG_BYTES], f"{byte_order}u4").tolist()
    if first >> 16:  # At most four bytes of data stand within the tag.
        kind, size = first & 0xFFFF, first >> 16
        if size > 4:
            raise MalformedError("an element is longer than its place")
        return kind, content[4 : 4 + size], content[TAG_BYTES:]
    if size > len(content) - TAG_BYTES:
        raise MalformedError("an element is longer than the variable that it is part of")
    end = TAG_BYTES + size
    # Data are filled up to whole tags, but for those of the last element of some writers.
    return first, content[TAG_BYTES:end], content[end + -size % TAG_BYTES :]


@dataclass
class Reading:
    """How far a variable is read.

    Attributes:
        byte_order: Of its numbers.
        num_entries: Entries of cells so far.
    """

    byte_order: str
    num_entries: int = 0


def value_of(matrix: Matrix, reading: Reading, depth: int = 0) -> object:
    """Return what a variable or an entry holds: numbers, a cell of such, or an `OtherVariable`.

    Args:
        matrix: The variable or the entry.
        reading: How far the variable is read; it is changed.
        depth: In how many cells it is.

    Raises:
        MalformedError: The content is not what its tags say.
    """
    if matrix.kind == _CELL:
        return _cell(matrix, reading, depth)
    if matrix.kind in _NUMERIC:
        return _numbers(matrix, reading.byte_order)
    if matrix.kind == _CHAR:
        return _text(matrix, reading.byte_order)
    if matrix.kind in _OTHER_CLASSES:
        return OtherVariable(_OTHER_CLASSES[matrix.kind])
    raise MalformedError(f"there is no class of number {matrix.kind}")


def _cell(matrix: Matrix, reading: Reading, depth: int) -> NDArray[np.object_]:
    """Read the entries of a cell, in the order of memory: the first dimension runs fastest."""
    if depth >= MOST_CELLS_DEEP:
        raise MalformedError(f"cells are nested more than {MOST_CELLS_DEEP} deep")
    count, content = math.prod(matrix.shape), matrix.content
    if count * TAG_BYTES > len(content):
        raise MalformedError(f"a cell of {count} entries has {len(content)} bytes")
    reading.num_entries += count
    if reading.num_entries > MOST_CELL_ENTRIES:
        raise MalformedError(f"its cells have more than {MOST_CELL_ENTRIES} entries")
    entries = np.empty(count, dtype=object)
    for number in range(count):
        kind, entry, content = _element(content, reading.byte_order)
        if kind != MATRIX:
            raise MalformedError(f"an element of type {kind} stands where an entry belongs")
        entries[number] = value_of(Matrix.read(entry, reading.byte_order), reading, depth + 1)
    return entries.reshape(matrix.shape, order="F")


def _numbers(matrix: Matrix, byte_order: str) -> NDArray[Any]:
    count, content = math.prod(matrix.shape), matrix.content
    values: NDArray[Any] = np.empty(0)
    if count or content:
        values, content = _part(content, byte_order, count)
    values = values.astype(_NUMERIC[matrix.kind], copy=False)
    if matrix.is_complex:
        imaginary, _ = _part(content, byte_order, count)
        values = values + 1j * imaginary
    return values.reshape(matrix.shape, order="F")


def _text(matrix: Matrix, byte_order: str) -> OtherVariable:
    """Read a char array, whose first dimension runs fastest, as rows of text."""
    count = math.prod(matrix.shape)
    if len(matrix.shape) != 2:
        return OtherVariable("char")
    if not count:
        return TextVariable(rows=("",) * min(matrix.shape[0], MOST_CELL_ENTRIES))
    kind, data, _ = _element(matrix.content, byte_order)
    if kind not in _ENCODINGS:
        raise MalformedError(f"an element of type {kind} stands where text belongs")
    encoding = _ENCODINGS[kind]
    if encoding in {"utf-16", "utf-32"}:
        encoding += "-le" if byte_order == "<" else "-be"
    characters = bytes(data).decode(encoding, "replace")
    if len(characters) != count:
        raise MalformedError(f"{count} characters take {len(data)} bytes of {encoding}")
    return TextVariable(
        "char", tuple(characters[row :: matrix.shape[0]] for row in range(matrix.shape[0]))
    )


def _part(content: memoryview, byte_order: str, count: int) -> tuple[NDArray[Any], memoryview]:
    """Read the real or the imaginary part, whatever type it is stored as, and what follows it."""
    kind, data, content = _element(content, byte_order)
    if kind not in _STORED:
        raise MalformedError(f"an element of type {kind} stands where numbers belong")
    stored = np.dtype(f"{byte_order}{_STORED[kind]}")
    if len(data) != count * stored.itemsize:
        raise MalformedError(f"{count} numbers take {len(data)} bytes of type {stored.name}")
    return np.frombuffer(data, stored), content
