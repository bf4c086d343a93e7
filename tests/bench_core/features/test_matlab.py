"""The official folder of features: what it means, and what is wrong with one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat
from scipy.sparse import csc_array

from bench_core.contracts.errors import DataError
from bench_core.contracts.images import Modality
from bench_core.features.matlab import read_official_features
from bench_core.features.reading import RowOrder, RowOrderError

MODALITIES: dict[int, Modality] = {1: "visible", 2: "visible", 3: "infrared"}
EMPTY = np.zeros((0, 0))
MATLAB, SCIPY = b"MATLAB 5.0 MAT-file, Platform: GLNXA64", b"MATLAB 5.0 MAT-file Platform: posix"
"""How the headers of files begin that MATLAB and scipy write."""

Write = Callable[..., Path]


def cell(*entries: Any, row: bool = False) -> np.ndarray:
    """Make a MATLAB cell, a column unless a row is asked for."""
    content = np.empty(len(entries), dtype=object)
    for number, entry in enumerate(entries):
        content[number] = entry
    return content.reshape((1, -1) if row else (-1, 1))


def matrix(num_rows: int, start: float, dtype: type = np.float64) -> np.ndarray:
    """Make features of two dimensions that count from a number."""
    return np.arange(start, start + 2 * num_rows, dtype=dtype).reshape(num_rows, 2)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write one camera's file and return the folder."""

    def write(
        camera: int | str,
        feature: Any,
        *,
        name: str = "mine",
        variable: str = "feature",
        header: bytes = MATLAB,
    ) -> Path:
        path = tmp_path / f"{name}_cam{camera}.mat"
        savemat(path, {variable: feature})
        with path.open("r+b") as file:
            file.write(header)
        return tmp_path

    return write


def test_rows_are_images_and_entries_identities(write: Write) -> None:
    write(3, cell(EMPTY, matrix(1, 30)))
    folder = write(1, cell(matrix(2, 0), EMPTY, matrix(1, 10)))
    found = read_official_features(folder, MODALITIES)
    np.testing.assert_array_equal(
        found.features, np.array([[[0.0, 1]], [[2, 3]], [[10, 11]], [[30, 31]]])
    )
    assert found.table.to_dict("list") == {
        "identity": [1, 1, 3, 2],
        "camera": [1, 1, 1, 3],
        "modality": ["visible", "visible", "visible", "infrared"],
        "index": [0, 1, 0, 0],
    }
    assert found.metric == "euclidean"


def test_the_metric_can_be_given(write: Write) -> None:
    assert read_official_features(write(1, cell(matrix(2, 0))), MODALITIES, "cosine").metric == (
        "cosine"
    )


def test_a_row_of_entries_is_the_same_as_a_column(write: Write) -> None:
    folder = write(1, cell(matrix(2, 0), matrix(1, 10), row=True))
    assert read_official_features(folder, MODALITIES).table["identity"].tolist() == [1, 1, 2]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_is_kept(write: Write, dtype: type) -> None:
    folder = write(1, cell(matrix(2, 0, dtype)))
    assert read_official_features(folder, MODALITIES).features.dtype == dtype


def test_cameras_of_one_precision_each_are_widened(write: Write) -> None:
    write(1, cell(matrix(2, 0, np.float32)))
    folder = write(2, cell(matrix(2, 0)))
    assert read_official_features(folder, MODALITIES).features.dtype == np.float64


def test_other_files_are_left_alone(write: Write, tmp_path: Path) -> None:
    folder = write(1, cell(matrix(2, 0)))
    for name in ("notes.txt", "rand_perm_cam.mat", "._mine_cam1.mat", "mine_cam1.mat.bak"):
        (tmp_path / name).write_text("no feature")
    assert len(read_official_features(folder, MODALITIES).features) == 2


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        (matrix(2, 0), r"'feature' is not a cell; feature\{i\} must be the matrix of identity i"),
        (np.ones((2, 2), dtype=object), "'feature' is a cell of 2 x 2, expected one entry"),
        (cell(matrix(2, 0).astype(np.int32)), r"feature\{1\} must be a full matrix .*not int32"),
        (cell(matrix(2, 0) + 1j), r"feature\{1\} must be a full matrix .*not complex128"),
        (cell(csc_array(np.eye(2))), r"feature\{1\} must be a full matrix .*not sparse"),
        (cell(cell(EMPTY)), r"feature\{1\} must be a full matrix .*not cell"),
        (cell("text"), r"feature\{1\} must be a full matrix .*not char"),
        (cell(EMPTY, np.ones((2, 2, 2))), r"feature\{2\} is 2 x 2 x 2, expected one row an image"),
        (
            cell(EMPTY, np.array([[0, 1], [np.nan, 0], [0, np.inf]])),
            r"feature\{2\} has NaN or infinite values in 2 of 3 rows, the first is row 2",
        ),
        (cell(matrix(2, 0), np.ones((1, 3))), r"feature\{2\} has 3 dimensions, but .* has 2"),
    ],
)
def test_a_wrong_entry_is_named(write: Write, feature: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=rf"mine_cam2\.mat: {message}"):
        read_official_features(write(2, feature), MODALITIES)


def test_dimensions_must_not_differ_between_cameras(write: Write) -> None:
    write(1, cell(EMPTY, matrix(2, 0)))
    folder = write(3, cell(np.ones((4, 5))))
    with pytest.raises(
        DataError,
        match=r"mine_cam3\.mat: feature\{1\} has 5 dimensions, but feature\{2\} of "
        r"mine_cam1\.mat has 2",
    ):
        read_official_features(folder, MODALITIES)


def test_a_folder_without_feature_files_says_what_is_expected(tmp_path: Path) -> None:
    (tmp_path / "cam1.mat").write_text("")
    with pytest.raises(DataError, match=r"no feature file: expected NAME_cam1\.mat, NAME_cam2"):
        read_official_features(tmp_path, MODALITIES)


def test_two_sets_of_features_are_refused(write: Write) -> None:
    write(1, cell(matrix(2, 0)))
    folder = write(1, cell(matrix(2, 0)), name="other")
    with pytest.raises(DataError, match=r"more than one NAME_camC\.mat: mine, other; keep"):
        read_official_features(folder, MODALITIES)


def test_two_files_of_one_camera_are_refused(write: Write) -> None:
    write(1, cell(matrix(2, 0)))
    folder = write("01", cell(matrix(2, 0)))
    with pytest.raises(DataError, match=r"mine_cam01\.mat and mine_cam1\.mat are both of camera 1"):
        read_official_features(folder, MODALITIES)


def test_a_camera_that_the_dataset_lacks_is_named(write: Write) -> None:
    with pytest.raises(DataError, match=r"mine_cam7\.mat: there is no camera 7 \(known: 1, 2, 3\)"):
        read_official_features(write(7, cell(matrix(2, 0))), MODALITIES)


def test_files_without_any_feature_are_refused(write: Write) -> None:
    with pytest.raises(DataError, match="hold no feature"):
        read_official_features(write(1, cell(EMPTY, EMPTY)), MODALITIES)


def test_another_variable_is_refused(write: Write) -> None:
    with pytest.raises(DataError, match="holds no variable 'feature'"):
        read_official_features(write(1, cell(matrix(2, 0)), variable="features"), MODALITIES)


def descending(write: Write, name: str = "feature") -> Path:
    """Write what AlignGAN and JSIA write: from Python, with empty lists, against the order."""
    write(3, cell([], matrix(1, 30)), name=name, header=SCIPY)
    return write(1, cell(matrix(3, 0)[::-1], []), name=name, header=SCIPY)


def test_files_that_matlab_did_not_write_do_not_show_the_order_of_rows(write: Write) -> None:
    folder = write(1, cell(matrix(2, 0)), header=SCIPY)
    with pytest.raises(
        RowOrderError,
        match=r"mine_cam1\.mat was not written by MATLAB, .* features cannot show: give "
        r"--row-order ascending or --row-order descending$",
    ):
        read_official_features(folder, MODALITIES)


def test_one_such_file_among_those_of_matlab_is_enough(write: Write) -> None:
    write(1, cell(matrix(2, 0)))
    with pytest.raises(RowOrderError, match=r"mine_cam3\.mat was not written by MATLAB"):
        read_official_features(write(3, cell(matrix(2, 0)), header=SCIPY), MODALITIES)


def test_names_of_aligngan_and_jsia_are_known(write: Write) -> None:
    with pytest.raises(RowOrderError, match=r"named as AlignGAN's and JSIA's are, which are desc"):
        read_official_features(descending(write), MODALITIES)


def test_another_name_gives_no_hint(write: Write) -> None:
    with pytest.raises(RowOrderError, match=r"features cannot show: give --row-order"):
        read_official_features(descending(write, "observation"), MODALITIES)


def test_rows_in_descending_order_are_turned(write: Write) -> None:
    folder = descending(write)
    found = read_official_features(folder, MODALITIES, row_order="descending")
    np.testing.assert_array_equal(found.features[:, 0], [[0, 1], [2, 3], [4, 5], [30, 31]])
    assert found.table["index"].tolist() == [0, 1, 2, 0]
    (note,) = found.notes
    assert note == (
        f"the rows of {folder.name} stand in descending order of images, as --row-order says of "
        "these files (they do not show it)"
    )


def test_rows_in_ascending_order_stay(write: Write) -> None:
    found = read_official_features(descending(write), MODALITIES, row_order="ascending")
    np.testing.assert_array_equal(found.features[:3, 0], [[4, 5], [2, 3], [0, 1]])
    assert "in ascending order" in found.notes[0]


def test_matlab_s_own_files_are_ascending_without_a_word(write: Write) -> None:
    assert read_official_features(write(1, cell(matrix(2, 0))), MODALITIES).notes == ()


@pytest.mark.parametrize("order", ["ascending", "descending"])
def test_of_matlab_s_own_files_an_order_can_be_given_too(write: Write, order: RowOrder) -> None:
    folder = write(1, cell(matrix(2, 0)))
    found = read_official_features(folder, MODALITIES, row_order=order)
    assert found.features[0, 0, 0] == (0 if order == "ascending" else 2)
    (note,) = found.notes
    assert note.endswith("says of these files (MATLAB wrote them, whose rows are ascending)")
