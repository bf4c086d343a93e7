"""MATLAB files of version 7.3: what is read of them, and what is never followed or unpacked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

from bench_core.contracts.errors import DataError
from bench_core.system import foreign_files, hdf5
from bench_core.system.hdf5 import list_hdf5_variables, load_hdf5_variables
from bench_core.system.matlab import TextVariable

h5py = pytest.importorskip("h5py", reason="the extra 'hdf5' is not installed")

Fill: TypeAlias = Callable[[Any], object]
HEADER = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM"


def write(path: Path, fill: Fill) -> Path:
    """Write a file with the header of MATLAB, and let a function fill it."""
    with h5py.File(path, "w", userblock_size=512) as file:
        fill(file)
    with path.open("r+b") as file:
        file.write(HEADER)
    return path


def put(file: Any, name: str, values: np.ndarray, kind: str, **options: Any) -> Any:
    """Store a variable as MATLAB does: transposed, with its class."""
    item = file.create_dataset(name, data=np.asarray(values).T, **options)
    item.attrs["MATLAB_class"] = np.bytes_(kind)
    return item


def put_cell(file: Any, name: str, entries: list[Any]) -> None:
    references = [file[f"#refs#/{entry}"].ref for entry in entries]
    stored = np.array(references, dtype=h5py.ref_dtype).reshape(1, -1)
    file.create_dataset(name, data=stored).attrs["MATLAB_class"] = np.bytes_("cell")


def load(path: Path, name: str = "x") -> Any:
    return load_hdf5_variables(path, [name])[name]


@pytest.mark.parametrize(
    ("kind", "dtype"), [("single", "f4"), ("double", "f8"), ("int32", "i4"), ("uint8", "u1")]
)
@pytest.mark.parametrize("options", [{}, {"compression": "gzip", "shuffle": True}])
def test_numbers_are_turned_back(
    tmp_path: Path, kind: str, dtype: str, options: dict[str, Any]
) -> None:
    values = np.arange(6, dtype=dtype).reshape(2, 3)
    path = write(tmp_path / "a.mat", lambda file: put(file, "x", values, kind, **options))
    np.testing.assert_array_equal(load(path), values)
    assert load(path).dtype == dtype


def test_variables_are_listed_without_the_housekeeping(tmp_path: Path) -> None:
    def fill(file: Any) -> None:
        put(file, "b", np.ones((1, 1)), "double")
        put(file, "a", np.ones((1, 1)), "double")
        put(file, "#refs#/a", np.ones((1, 1)), "double")

    path = write(tmp_path / "a.mat", fill)
    assert list_hdf5_variables(path) == ("a", "b")
    assert set(load_hdf5_variables(path, ["a", "none"])) == {"a"}


def test_text_is_read_row_by_row(tmp_path: Path) -> None:
    codes = np.array([[ord(character) for character in text] for text in ("ab ", "äöü")], "u2")
    path = write(tmp_path / "a.mat", lambda file: put(file, "x", codes, "char"))
    assert load(path) == TextVariable(rows=("ab ", "äöü"))


def test_a_cell_is_its_entries(tmp_path: Path) -> None:
    def fill(file: Any) -> None:
        put(file, "#refs#/a", np.array([[1.0, 2.0]]), "double")
        empty = put(file, "#refs#/b", np.array([0, 0], dtype="u8"), "double")
        empty.attrs["MATLAB_empty"] = 1
        put_cell(file, "x", ["a", "b"])

    found = load(write(tmp_path / "a.mat", fill))
    assert found.shape == (2, 1)
    np.testing.assert_array_equal(found[0, 0], [[1.0, 2.0]])
    assert found[1, 0].size == 0


def test_another_class_is_named(tmp_path: Path) -> None:
    def fill(file: Any) -> None:
        file.create_group("x").attrs["MATLAB_class"] = np.bytes_("struct")

    assert load(write(tmp_path / "a.mat", fill)).kind == "struct"


def soft(file: Any) -> None:
    put(file, "y", np.ones((1, 1)), "double")
    file["x"] = h5py.SoftLink("/y")


def elsewhere(file: Any) -> None:
    file["x"] = h5py.ExternalLink("/etc/passwd", "/y")


def stored_elsewhere(file: Any) -> None:
    item = file.create_dataset("x", (2, 2), "f8", external=[("/etc/passwd", 0, 32)])
    item.attrs["MATLAB_class"] = np.bytes_("double")


def virtual(file: Any) -> None:
    layout = h5py.VirtualLayout((2, 2), "f8")
    layout[:] = h5py.VirtualSource("/etc/passwd", "y", (2, 2))
    file.create_virtual_dataset("x", layout).attrs["MATLAB_class"] = np.bytes_("double")


def without_class(file: Any) -> None:
    file.create_dataset("x", data=np.ones((2, 2)))


def packed_otherwise(file: Any) -> None:
    put(file, "x", np.ones((2, 2)), "double", compression="lzf")


def bomb(file: Any) -> None:
    item = file.create_dataset("x", (2**16, 2**16), "f8", chunks=(2**10, 2**10))
    item.attrs["MATLAB_class"] = np.bytes_("double")


def null_entry(file: Any) -> None:
    stored = np.array([h5py.Reference()], dtype=h5py.ref_dtype)
    file.create_dataset("x", data=stored).attrs["MATLAB_class"] = np.bytes_("cell")


def cell_of_itself(file: Any) -> None:
    item = file.create_dataset("x", (1, 1), h5py.ref_dtype)
    item.attrs["MATLAB_class"] = np.bytes_("cell")
    item[0, 0] = item.ref


def region(file: Any) -> None:
    item = put(file, "y", np.ones((2, 2)), "double")
    stored = np.array([item.regionref[:1]], dtype=h5py.regionref_dtype)
    file.create_dataset("x", data=stored).attrs["MATLAB_class"] = np.bytes_("cell")


def not_empty(file: Any) -> None:
    put(file, "x", np.array([2, 2], dtype="u8"), "double").attrs["MATLAB_empty"] = 1


@pytest.mark.parametrize(
    ("fill", "message"),
    [
        (soft, "'x' is a link to data elsewhere, which is never followed"),
        (elsewhere, "'x' is a link to data elsewhere, which is never followed"),
        (stored_elsewhere, "'x' lies in another file, which is never opened"),
        (virtual, "'x' lies in another file, which is never opened"),
        (without_class, "'x' does not say what it is in MATLAB"),
        (packed_otherwise, "'x' is packed as MATLAB never does"),
        (bomb, r"'x' would unpack from \d+ to 34359738368 bytes"),
        (null_entry, "entry 1 of 'x' refers to nothing"),
        (cell_of_itself, "'x' has more, or deeper, cells than features need"),
        (region, "'x' is a cell whose entries are no references"),
        (not_empty, "'x' is said to be empty, and is not"),
    ],
)
def test_what_matlab_does_not_write_is_refused(tmp_path: Path, fill: Fill, message: str) -> None:
    path = write(tmp_path / "a.mat", fill)
    with pytest.raises(DataError, match=rf"a\.mat: {message}"):
        load(path)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_file_that_was_cut_is_refused(tmp_path: Path, share: float) -> None:
    values = np.random.default_rng(0).random((100, 100))
    path = write(tmp_path / "a.mat", lambda file: put(file, "x", values, "double"))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(DataError, match=r"a\.mat is no MATLAB file of version 7\.3 \(HDF5\), or"):
        load(path)


def test_without_the_library_the_way_out_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.mat", lambda file: put(file, "x", np.ones((1, 1)), "double"))
    monkeypatch.setattr(hdf5.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(
        DataError, match=r"a\.mat is an HDF5 file, .* 'vireid-bench\[hdf5\]', or .*'-v7'\)$"
    ):
        list_hdf5_variables(path)


def test_a_compressed_variable_of_equal_numbers_is_no_bomb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(file: Any) -> None:
        put(file, "x", np.zeros((500, 500)), "double", compression="gzip")

    path = write(tmp_path / "a.mat", fill)
    assert load(path).shape == (500, 500)
    monkeypatch.setattr(foreign_files, "_BOMB_BYTES", 1000)
    with pytest.raises(DataError, match=r"'x' would unpack from \d+ to 2000000 bytes"):
        load(path)
