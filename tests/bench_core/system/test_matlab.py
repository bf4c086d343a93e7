"""Variables of MATLAB files, and files that hold none."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from bench_core.contracts.errors import DataError
from bench_core.system.matlab import (
    OtherVariable,
    TextVariable,
    list_matlab_variables,
    load_matlab_variable,
    load_matlab_variables,
)

HEADER = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"
MATRIX, COMPRESSED = 14, 15


def test_a_variable_is_read_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "file.mat"
    savemat(path, {"one": np.ones((2, 3)), "two": np.zeros((1, 1))})
    np.testing.assert_array_equal(load_matlab_variable(path, "one"), np.ones((2, 3)))


def test_a_variable_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "file.mat"
    savemat(path, {"features": np.ones((2, 3))})
    with pytest.raises(DataError, match=r"file\.mat holds no variable 'feature'; .* 'features'$"):
        load_matlab_variable(path, "feature")


def test_version_7_3_is_refused_with_the_command_that_helps(tmp_path: Path) -> None:
    path = tmp_path / "file.mat"
    path.write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(512))
    with pytest.raises(DataError) as error:
        load_matlab_variable(path, "feature")
    assert str(error.value) == (
        f"{path} is a MATLAB file of version 7.3 (HDF5); save it in MATLAB with "
        "save('file.mat', 'feature', '-v7')"
    )


def cell(*entries: object) -> np.ndarray:
    content = np.empty((len(entries), 1), dtype=object)
    content[:, 0] = entries
    return content


def element(kind: int, data: bytes) -> bytes:
    """Make an element: its tag and its data, filled up."""
    return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)


def variable(class_: int, shape: tuple[int, ...], *parts: bytes, name: bytes = b"x") -> bytes:
    """Make the content of a variable."""
    flags = element(6, struct.pack("<II", class_, 0))
    dimensions = element(5, struct.pack(f"<{len(shape)}i", *shape))
    return b"".join([flags, dimensions, element(1, name), *parts])


@pytest.fixture
def read(tmp_path: Path) -> Callable[[bytes], object]:
    """Read the variable x of a file of this content."""

    def read(content: bytes) -> object:
        path = tmp_path / "file.mat"
        path.write_bytes(content)
        return load_matlab_variable(path, "x")

    return read


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    "value",
    [
        np.arange(24.0).reshape(2, 3, 4),
        np.ones((3, 1), dtype=np.float32),
        np.arange(6, dtype=np.int16).reshape(3, 2),
        np.array([[2**63 + 1]], dtype=np.uint64),
        np.array([[1 + 2j, 3]]),
        np.zeros((10, 0)),
    ],
)
def test_numbers_are_those_of_scipy(tmp_path: Path, value: np.ndarray, packed: bool) -> None:
    path = tmp_path / "file.mat"
    savemat(path, {"other": np.ones((1, 1)), "x": value}, do_compression=packed)
    found = load_matlab_variable(path, "x")
    assert isinstance(found, np.ndarray)
    np.testing.assert_array_equal(found, loadmat(path)["x"])
    assert found.dtype == value.dtype


def test_cells_of_cells_keep_their_order(tmp_path: Path) -> None:
    path = tmp_path / "file.mat"
    grid = np.array([[1.0, 2.0], [3.0, 4.0]], dtype=object)
    savemat(path, {"x": cell(grid, np.zeros((0, 0)), np.arange(3))})
    found = load_matlab_variable(path, "x")
    assert isinstance(found, np.ndarray)
    assert found.shape == (3, 1)
    assert [[float(entry[0, 0]) for entry in row] for row in found[0, 0]] == [[1, 2], [3, 4]]
    assert found[1, 0].shape == (0, 0)


def test_doubles_that_matlab_stored_in_fewer_bytes_are_doubles(
    read: Callable[[bytes], object],
) -> None:
    content = variable(6, (1, 3), element(2, bytes([7, 8, 9])))
    found = read(HEADER + element(MATRIX, content))
    assert isinstance(found, np.ndarray)
    assert found.dtype == np.float64
    assert found.tolist() == [[7, 8, 9]]


def test_an_entry_that_nothing_was_put_into_is_empty(read: Callable[[bytes], object]) -> None:
    found = read(HEADER + element(MATRIX, variable(1, (1, 1), element(MATRIX, b""))))
    assert isinstance(found, np.ndarray)
    assert found[0, 0].shape == (0, 0)


def test_files_of_processors_of_the_other_byte_order_are_read(
    read: Callable[[bytes], object],
) -> None:
    parts = [(6, struct.pack(">II", 6, 0)), (5, struct.pack(">ii", 1, 2)), (1, b"x")]
    parts.append((9, struct.pack(">dd", 1.5, -2)))
    content = b"".join(
        struct.pack(">II", kind, len(data)) + data + bytes(-len(data) % 8) for kind, data in parts
    )
    header = HEADER[:124] + b"\x01\x00MI"
    found = read(header + struct.pack(">II", MATRIX, len(content)) + content)
    assert isinstance(found, np.ndarray)
    assert found.tolist() == [[1.5, -2]]


@pytest.mark.parametrize(("value", "kind"), [({"field": 1}, "struct"), (np.array([[1]]), None)])
def test_other_classes_are_named(tmp_path: Path, value: object, kind: str | None) -> None:
    path = tmp_path / "file.mat"
    savemat(path, {"x": value})
    found = load_matlab_variable(path, "x")
    assert found == OtherVariable(kind) if kind else isinstance(found, np.ndarray)


def test_the_oldest_version_is_read(tmp_path: Path) -> None:
    path = tmp_path / "file.mat"
    savemat(path, {"x": np.arange(6.0).reshape(2, 3)}, format="4")
    np.testing.assert_array_equal(load_matlab_variable(path, "x"), np.arange(6.0).reshape(2, 3))


def nested(depth: int) -> bytes:
    content = variable(6, (0, 0), element(9, b""), name=b"")
    for _ in range(depth):
        content = variable(1, (1, 1), element(MATRIX, content))
    return content


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (element(MATRIX, variable(6, (2, 2), element(9, bytes(24)))), "4 numbers take 24 bytes"),
        (element(MATRIX, variable(6, (-1, 2), element(9, b""))), "has the dimensions"),
        (element(MATRIX, variable(6, (2**30,) * 3, element(9, b""))), "has the dimensions"),
        (element(MATRIX, variable(6, (0,) + (2**31 - 1,) * 9)), "has the dimensions"),
        (element(MATRIX, variable(6, (3,), element(9, bytes(24)))), "has no dimensions"),
        (element(MATRIX, variable(1, (2**20, 1))), "a cell of 1048576 entries has 0 bytes"),
        (
            element(MATRIX, variable(1, (1, 1), element(9, bytes(8)))),
            "stands where an entry belongs",
        ),
        (
            element(MATRIX, variable(6, (1, 1), element(1024, bytes(8)))),
            "stands where numbers belong",
        ),
        (element(MATRIX, variable(99, (1, 1))), "no class of number 99"),
        (element(MATRIX, b"\x06\x00\x00\x00\xff\xff\xff\x7f"), "longer than the variable"),
        (element(MATRIX, b"\x06\x00\x08\x00" + bytes(4)), "longer than its place"),
        (element(MATRIX, b"\x06"), "an element is missing"),
        (
            element(MATRIX, variable(1, (2**20 + 1, 1), element(MATRIX, b"") * (2**20 + 1))),
            "more than 1048576 entries",
        ),
        (element(MATRIX, nested(17)), "nested more than 16 deep"),
        (
            element(MATRIX, variable(6, (1, 1), element(9, bytes(8))))[:-16],
            "ends within a variable",
        ),
        (element(9, bytes(8)), "type 9 stands where a variable belongs"),
        (b"\x0e\x00\x00", "ends within a variable"),
        (element(COMPRESSED, b"no deflate"), "incorrect header check"),
        (element(COMPRESSED, zlib.compress(bytes(3))), "compressed variable is empty"),
        (element(COMPRESSED, zlib.compress(struct.pack("<II", 9, 8))), "type 9, not a variable"),
        (
            element(COMPRESSED, zlib.compress(struct.pack("<II", MATRIX, 2**31) + bytes(2**20))),
            "would unpack to 2147483648",
        ),
        (
            element(COMPRESSED, zlib.compress(struct.pack("<II", MATRIX, 500) + bytes(9))),
            "compressed variable is cut short",
        ),
    ],
)
def test_every_size_is_checked_before_it_is_used(
    read: Callable[[bytes], object], content: bytes, reason: str
) -> None:
    with pytest.raises(DataError, match=rf"no MATLAB file .*, or it is damaged: .*{reason}"):
        read(HEADER + content)


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """Change some bytes or tags, or cut, double or drop a piece."""
    changed = bytearray(content)
    for _ in range(int(rng.integers(1, 4))):
        place = int(rng.integers(0, len(changed)))
        match int(rng.integers(0, 5)):
            case 0:
                changed[place] = int(rng.integers(0, 256))
            case 1:
                word = int(rng.choice([0, 1, 9, 14, 15, 2**16, 2**31 - 1, 2**31, 2**32 - 1]))
                changed[place & ~3 : (place & ~3) + 4] = struct.pack("<I", word)
            case 2:
                del changed[place : place + int(rng.integers(1, 40))]
            case 3:
                changed[place:place] = changed[place : place + int(rng.integers(1, 40))]
            case _:
                del changed[max(place, 130) :]
    return bytes(changed)


@pytest.mark.parametrize("packed", [False, True])
def test_no_damage_ends_in_anything_but_an_error_of_one_line(
    read: Callable[[bytes], object], packed: bool
) -> None:
    buffer = io.BytesIO()
    value = cell(cell(np.ones((2, 3)), np.zeros((0, 0))), np.arange(4, dtype=np.uint8))
    savemat(buffer, {"y": "text", "x": value}, do_compression=packed)  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(400):
        try:
            read(mutated(buffer.getvalue(), rng))
        except DataError as error:
            assert "\n" not in str(error)
            refused += 1
    assert refused > 50


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"<!DOCTYPE html>\n" * 40, "a web page; download the file itself"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer; fetch"),
        (b"\x89HDF\r\n\x1a\n" + bytes(600), "an HDF5 file"),
        (bytes(600), "nothing but zero bytes"),
        (b"", "empty"),
    ],
)
def test_a_file_that_is_something_else_is_named(
    read: Callable[[bytes], object], content: bytes, what: str
) -> None:
    with pytest.raises(DataError, match=rf"file\.mat is no MATLAB file .*: it is {what}"):
        read(content)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "file.mat")
    with pytest.raises(DataError, match=r"file\.mat: It is a named pipe, not a regular file"):
        load_matlab_variable(tmp_path / "file.mat", "x")


@pytest.mark.parametrize("content", [b"", b"no matrix", b"x" * 600])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file.mat"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"file\.mat is no MATLAB file of version 7 or older"):
        load_matlab_variable(path, "feature")


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.mat"
    savemat(path, {"feature": np.ones((200, 3))})
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(DataError, match=r"file\.mat is no MATLAB file"):
        load_matlab_variable(path, "feature")


def test_a_missing_file_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*none\.mat: No such file"):
        load_matlab_variable(tmp_path / "none.mat", "feature")


@pytest.mark.parametrize("packed", [False, True])
def test_text_is_read_as_rows_of_one_length(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "file.mat"
    savemat(path, {"x": ["cam1/a.jpg", "ä"], "y": "one"}, do_compression=packed)
    assert load_matlab_variable(path, "x") == TextVariable(rows=("cam1/a.jpg", "ä".ljust(10)))
    assert load_matlab_variable(path, "y") == TextVariable(rows=("one",))


def test_text_in_a_cell_is_read(tmp_path: Path) -> None:
    path = tmp_path / "file.mat"
    savemat(path, {"x": np.array(["a", "bc"], dtype=object)})
    found = load_matlab_variable(path, "x")
    assert isinstance(found, np.ndarray)
    assert found.ravel().tolist() == [TextVariable(rows=("a",)), TextVariable(rows=("bc",))]


@pytest.mark.parametrize("options", [{}, {"do_compression": True}, {"format": "4"}])
def test_variables_are_listed_and_some_are_loaded(
    tmp_path: Path, options: dict[str, object]
) -> None:
    path = tmp_path / "file.mat"
    large = np.arange(40_000.0).reshape(200, 200)
    savemat(path, {"a": large, "b": np.ones((1, 2)), "c": large}, **options)
    assert list_matlab_variables(path) == ("a", "b", "c")
    found = load_matlab_variables(path, ["c", "b", "none"])
    assert set(found) == {"b", "c"}
    np.testing.assert_array_equal(found["c"], large)


def test_two_variables_of_one_name_are_refused(tmp_path: Path) -> None:
    path, other = tmp_path / "file.mat", tmp_path / "other.mat"
    savemat(path, {"x": np.ones((1, 1))})
    savemat(other, {"x": np.ones((2, 2))})
    path.write_bytes(path.read_bytes() + other.read_bytes()[128:])
    with pytest.raises(DataError, match="there are two variables 'x'"):
        load_matlab_variables(path, ["x", "y"])
