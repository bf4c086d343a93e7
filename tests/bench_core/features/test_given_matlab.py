"""`pytorch_result.mat`, `tsne.mat` and HiCMD's: what is read of them, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from bench_core.contracts.errors import DataError
from bench_core.contracts.images import Modality
from bench_core.features.given_matlab import read_given_matlab, read_hicmd

CAMERAS: dict[int, Modality] = {1: "visible", 2: "visible", 3: "infrared"}
QUERY, GALLERY = np.eye(2, 4, dtype=np.float32), np.arange(12.0, dtype=np.float32).reshape(3, 4)


def write(path: Path, **changes: Any) -> Path:
    """Write what the scripts of this family write, with changes; None leaves a variable out."""
    content = {
        "query_f": QUERY, "query_label": [6, 7], "query_cam": [3, 3],
        "gallery_f": GALLERY, "gallery_label": [6, 6, 7], "gallery_cam": [1, 2, 1],
    }  # fmt: skip
    kept = {name: value for name, value in (content | changes).items() if value is not None}
    savemat(path, kept)
    return path


def test_query_and_gallery_are_read_as_they_are(tmp_path: Path) -> None:
    given = read_given_matlab(write(tmp_path / "pytorch_result.mat"))
    np.testing.assert_array_equal(given.features[:, 0], np.concatenate([QUERY, GALLERY]))
    assert given.features.dtype == np.float32
    assert given.table.to_dict("list") == {
        "identity": [6, 7, 6, 6, 7],
        "camera": [3, 3, 1, 2, 1],
        "role": ["query"] * 2 + ["gallery"] * 3,
    }
    assert given.metric == "euclidean"
    assert given.source == tmp_path / "pytorch_result.mat"
    assert given.notes == ()


def test_the_metric_can_be_given(tmp_path: Path) -> None:
    assert read_given_matlab(write(tmp_path / "a.mat"), "cosine").metric == "cosine"


def test_features_of_agw_scripts_keep_their_double_precision(tmp_path: Path) -> None:
    path = write(tmp_path / "tsne.mat", query_f=QUERY / 3.0, gallery_f=GALLERY.astype(float))
    assert read_given_matlab(path).features.dtype == np.float64


def test_a_single_query_stays_a_row(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mat", query_f=QUERY[:1], query_label=[6], query_cam=[3])
    given = read_given_matlab(path)
    assert given.features.shape == (4, 1, 4)
    assert given.table["role"].tolist() == ["query", "gallery", "gallery", "gallery"]


@pytest.mark.parametrize("shape", [(1, 3), (3, 1)])
def test_labels_may_be_a_row_or_a_column_of_any_whole_numbers(
    tmp_path: Path, shape: tuple[int, int]
) -> None:
    labels = np.array([6.0, 6, 7]).reshape(shape)
    given = read_given_matlab(write(tmp_path / "a.mat", gallery_label=labels))
    assert given.table["identity"].tolist() == [6, 7, 6, 6, 7]


def test_junk_is_left_out_with_a_word(tmp_path: Path) -> None:
    given = read_given_matlab(write(tmp_path / "a.mat", gallery_label=[6, -1, 7]))
    assert given.table["identity"].tolist() == [6, 7, 6, 7]
    np.testing.assert_array_equal(given.features[2:, 0], GALLERY[[0, 2]])
    assert given.notes == ("1 gallery rows are labelled -1, which marks junk: they are left out",)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"query_cam": None},
            r"holds no variable 'query_cam'; it holds 'query_f', 'query_label', ",
        ),
        ({"gallery_label": [6, 6]}, r": 'gallery_label' has 2 entries for features of 3 rows"),
        ({"gallery_cam": [1, 2, 1.5]}, r": 'gallery_cam' holds 1\.5, which is no whole number"),
        ({"gallery_cam": [1, 2, np.nan]}, r": 'gallery_cam' holds nan, which is no whole number"),
        ({"query_label": "6"}, r": 'query_label' must be whole numbers, not char"),
        ({"query_f": QUERY[:, :3]}, r": 'query_f' has 3 dimensions, but 'gallery_f' has 4"),
        ({"query_f": QUERY + np.inf}, r": 'features' has NaN or infinite values in 2 of 5 rows"),
        ({"query_f": QUERY.astype(int)}, r": 'query_f' must be a matrix of single .* int64 of 2"),
        ({"query_f": [], "query_label": []}, r": 'query_f' is empty"),
        ({"gallery_label": [-1, -1, -1]}, r": there is no gallery image"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = write(tmp_path / "a.mat", **changes)
    with pytest.raises(DataError, match=rf"a\.mat{message}" if message[0] == ":" else message):
        read_given_matlab(path)


def test_a_file_that_was_cut_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mat")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(
        DataError, match=r"a\.mat is no MATLAB file .*: 'it ends within a variable'"
    ):
        read_given_matlab(path)


PATHS = {
    "query_path": ["d/cam3/0006/0001.jpg", "d/cam3/0007/0001.jpg"],
    "gallery_path": ["d/cam1/0006/0001.jpg", "d/cam2/0006/0001.jpg", "d/cam1/0007/0002.jpg"],
}


def test_hicmd_says_which_images_it_is_of(tmp_path: Path) -> None:
    found = read_hicmd(write(tmp_path / "a.mat", **PATHS), CAMERAS)
    assert found.table.to_dict("list") == {
        "identity": [6, 7, 6, 6, 7],
        "camera": [3, 3, 1, 2, 1],
        "modality": ["infrared", "infrared", "visible", "visible", "visible"],
        "index": [0, 0, 0, 0, 0],
    }
    (note,) = found.notes
    assert note.startswith("the names of 1 images skip numbers, such as '0002.jpg' of camera 1")


def test_labels_and_cameras_of_hicmd_must_be_those_of_its_paths(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mat", **PATHS, gallery_label=[6, 6, 8])
    with pytest.raises(
        DataError,
        match=r"a\.mat: 'query_label and gallery_label' contradicts the paths in 1 of 5 rows, the "
        r"first is row 4: identity 8, but its path says 7",
    ):
        read_hicmd(path, CAMERAS)
    with pytest.raises(DataError, match=r"holds no variable 'query_path'"):
        read_hicmd(write(tmp_path / "a.mat"), CAMERAS)
