"""Variables of MATLAB files, and files that hold none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from bench_core.contracts.errors import DataError
from bench_core.matlab import load_matlab_variable


def test_a_variable_is_read_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "file.mat"
    savemat(path, {"one": np.ones((2, 3)), "two": np.zeros((1, 1))})
    np.testing.assert_array_equal(load_matlab_variable(path, "one"), np.ones((2, 3)))


def test_a_variable_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "file.mat"
    savemat(path, {"features": np.ones((2, 3))})
    with pytest.raises(DataError, match=r"file\.mat holds no variable 'feature'$"):
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
