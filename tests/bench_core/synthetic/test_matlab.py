"""MATLAB files."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat

from bench_core.contracts.errors import BenchError
from bench_core.synthetic.matlab import write_identities, write_permutations


def test_identities_load_as_a_row_of_uint16(tmp_path: Path) -> None:
    write_identities(tmp_path / "test_id.mat", [6, 10, 333])
    loaded = loadmat(tmp_path / "test_id.mat")["id"]
    assert loaded.dtype == np.uint16
    assert loaded.tolist() == [[6, 10, 333]]


def test_permutations_load_as_cells_of_cells(tmp_path: Path) -> None:
    rows = np.array([[2, 1], [1, 2]], dtype=np.uint8)
    empty = np.empty((2, 0), dtype=np.uint8)
    write_permutations(tmp_path / "rand_perm_cam.mat", [[rows, empty], [empty]])
    cell = loadmat(tmp_path / "rand_perm_cam.mat")["rand_perm_cam"]
    assert cell.shape == (2, 1)
    assert cell[0, 0].shape == (2, 1)
    assert cell[1, 0].shape == (1, 1)
    assert cell[0, 0][0, 0].dtype == np.uint8
    assert cell[0, 0][0, 0].tolist() == rows.tolist()
    assert cell[0, 0][1, 0].shape == (2, 0)


def test_the_bytes_do_not_depend_on_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_identities(tmp_path / "now.mat", [1, 2])
    monkeypatch.setattr(time, "asctime", lambda *_: "Thu Jan  1 00:00:00 1970")
    write_identities(tmp_path / "then.mat", [1, 2])
    assert (tmp_path / "now.mat").read_bytes() == (tmp_path / "then.mat").read_bytes()
    assert b"MATLAB 5.0 MAT-file" in (tmp_path / "now.mat").read_bytes()[:116]


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "exp").write_text("not a folder")
    with pytest.raises(BenchError, match=r"cannot write .*test_id\.mat"):
        write_identities(tmp_path / "exp" / "test_id.mat", [1])
