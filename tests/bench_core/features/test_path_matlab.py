"""Files of the LuckyDC and SIM line, as extract.py writes them and as others may have them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from bench_core.contracts.errors import DataError
from bench_core.contracts.images import Modality
from bench_core.features.path_matlab import read_path_features

CAMERAS: dict[int, Modality] = {1: "visible", 2: "visible", 3: "infrared"}
VISIBLE = ["cam1/0006/0001.jpg", "cam1/0006/0002.jpg", "cam1/0011/0001.jpg", "cam2/0006/0001.jpg"]
INFRARED = ["cam3/0006/0001.jpg", "cam3/0011/0001.jpg"]


def write(path: Path, paths: list[str], **changes: Any) -> Path:
    """Write one of the two files, with features that count; None leaves a variable out."""
    parts = [text.replace("\\", "/").split("/")[-3:] for text in paths]
    content = {
        "feat": np.arange(len(paths) * 2, dtype=np.float32).reshape(-1, 2) + len(paths) * 10,
        "ids": [int(identity) for _, identity, _ in parts],
        "cam_ids": [int(camera.removeprefix("cam")) for camera, *_ in parts],
        "img_path": paths,
    }
    kept = {name: value for name, value in (content | changes).items() if value is not None}
    savemat(path, kept)
    return path


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """Write a query and a gallery side by side; return the folder."""
    write(tmp_path / "query-model_80.mat", [f"/data/SYSU-MM01/{path}" for path in INFRARED])
    write(tmp_path / "gallery-model_80.mat", [f"/data/SYSU-MM01/{path}" for path in VISIBLE])
    return tmp_path


@pytest.mark.parametrize("name", ["", "query-model_80.mat", "gallery-model_80.mat"])
def test_a_folder_or_either_file_gives_both(pair: Path, name: str) -> None:
    (pair / "notes.mat").write_text("something else")
    found = read_path_features(pair / name, CAMERAS)
    assert found.table.to_dict("list") == {
        "identity": [6, 6, 11, 6, 6, 11],
        "camera": [1, 1, 1, 2, 3, 3],
        "modality": ["visible"] * 4 + ["infrared"] * 2,
        "index": [0, 1, 0, 0, 0, 0],
    }
    np.testing.assert_array_equal(found.features[:, 0, 0], [40, 42, 44, 46, 20, 22])
    assert found.metric == "euclidean"
    assert found.notes == ()


def test_a_file_without_its_companion_is_read_alone(pair: Path) -> None:
    (pair / "query-model_80.mat").unlink()
    found = read_path_features(pair / "gallery-model_80.mat", CAMERAS, "cosine")
    assert set(found.table["modality"]) == {"visible"}
    assert found.metric == "cosine"


def test_the_index_is_the_place_among_sorted_names_whatever_the_rows(tmp_path: Path) -> None:
    paths = ["cam1/0006/0003", "cam1/0006/0001", "cam1/0007/0001", "cam1/0006/0002"]
    found = read_path_features(write(tmp_path / "a.mat", paths), CAMERAS)
    assert found.table["index"].tolist() == [2, 0, 0, 1]


@pytest.mark.parametrize("form", ["windows", "cell", "column of cells"])
def test_paths_of_windows_and_cells_of_paths_are_read(tmp_path: Path, form: str) -> None:
    paths: Any = [rf"D:\SYSU\{path}".replace("/", "\\") for path in VISIBLE]
    if form != "windows":
        shape = (1, -1) if form == "cell" else (-1, 1)
        cell = np.empty(len(paths), dtype=object)
        cell[:] = paths
        paths = cell.reshape(shape)
    path = write(tmp_path / "a.mat", VISIBLE, img_path=paths)
    assert read_path_features(path, CAMERAS).table["index"].tolist() == [0, 1, 0, 0]


def test_a_single_row_stays_a_row(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mat", VISIBLE[:1])
    assert read_path_features(path, CAMERAS).features.shape == (1, 1, 2)


def test_numbers_that_names_skip_are_said(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mat", ["cam1/0006/0001.jpg", "cam1/0006/0003.jpg"])
    found = read_path_features(path, CAMERAS)
    assert found.table["index"].tolist() == [0, 1]
    assert found.notes == (
        (
            "the names of 1 images skip numbers, such as '0003.jpg' of camera 1, identity 6: "
            "indices count the files that are there"
        ),
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"img_path": None}, r"holds no variable 'img_path'; it holds 'feat', 'ids', 'cam_ids'"),
        ({"ids": [6, 6, 6, 6]}, (r"'ids' contradicts the paths in 1 of 4 rows, the first is row 2: "
         r"identity 6, but its path says 11")),
        ({"cam_ids": [1, 1, 1, 3]}, r"'cam_ids' contradicts .* row 3: camera 3, but its path"),
        ({"ids": [6, 6, 11]}, r"'ids' has 3 entries for features of 4 rows"),
        ({"img_path": VISIBLE[:3]}, r"'img_path' has 3 entries for features of 4 rows"),
        ({"img_path": [1, 2, 3, 4]}, r"'img_path' must be text, not int64 of 1 x 4"),
        ({"img_path": [*VISIBLE[:2], "a/0011_c1.jpg", "b.jpg"]},
         r"row 2 of 'img_path' is 'a/0011_c1\.jpg', which does not end in camC/IDENTITY/NAME"),
        ({"img_path": [*VISIBLE[:3], "cam9/0006/0001.jpg"]},
         r"row 3 of 'img_path' .*: there is no camera 9 \(known: 1, 2, 3\)"),
        ({"feat": np.zeros((4, 2, 2))}, r"'feat' must be a matrix .* not float64 of 4 x 2 x 2"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = write(tmp_path / "a.mat", VISIBLE, **changes)
    with pytest.raises(DataError, match=rf"a\.mat:? ?{message}"):
        read_path_features(path, CAMERAS)


def test_an_image_may_be_there_once(pair: Path) -> None:
    write(pair / "query-model_80.mat", [*INFRARED, "elsewhere/cam1/0006/0002.jpg"])
    with pytest.raises(
        DataError, match=r"1 rows of 'img_path' name an image again, the first is row 6: camera 1"
    ):
        read_path_features(pair, CAMERAS)


def test_both_files_have_the_same_dimensions(pair: Path) -> None:
    write(pair / "query-model_80.mat", INFRARED, feat=np.zeros((2, 3), dtype=np.float32))
    with pytest.raises(DataError, match=r"query-model_80\.mat has features of 3 dimensions, but"):
        read_path_features(pair, CAMERAS)


def test_a_folder_of_several_models_is_refused(pair: Path) -> None:
    write(pair / "query-model_90.mat", INFRARED)
    with pytest.raises(DataError, match=r"holds 3 files with features and paths, .* name the file"):
        read_path_features(pair, CAMERAS)
