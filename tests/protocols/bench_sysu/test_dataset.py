"""Reading a SYSU-MM01 root: what it accepts, and what it says of roots that it cannot read."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

import bench_sysu
from bench_core import IMAGE_COLUMNS, DataError
from bench_sysu.dataset import SysuMM01Reader
from bench_sysu.splits import SysuSplits


def read_splits(root: Path) -> SysuSplits:
    splits = SysuMM01Reader().read(root).splits
    assert isinstance(splits, SysuSplits)
    return splits


def test_one_row_for_each_image_sorted_by_path(root: Path) -> None:
    images = SysuMM01Reader().read(root).images
    assert tuple(images.columns) == IMAGE_COLUMNS
    assert len(images) == len(list(root.rglob("*.jpg")))
    assert images["path"].is_monotonic_increasing
    assert all((root / path).is_file() for path in images["path"])
    row = images.set_index("path").loc["cam3/0007/0002.jpg"]
    assert (row["identity"], row["camera"], row["modality"], row["index"]) == (7, 3, "infrared", 1)
    assert all(images[name].dtype == np.int64 for name in ("identity", "camera", "index"))


def test_cameras_3_and_6_are_infrared(root: Path) -> None:
    images = SysuMM01Reader().read(root).images
    assert set(images.loc[images["modality"] == "infrared", "camera"]) == {3, 6}
    assert set(images.loc[images["modality"] == "visible", "camera"]) == {1, 2, 4, 5}


def test_index_is_the_place_among_the_sorted_files_of_a_folder(root: Path) -> None:
    folder = root / "cam5" / "0007"
    (folder / "0003.jpg").unlink()
    (folder / "0001.jpg").rename(folder / "0001.JPEG")
    (folder / "0005.jpg").rename(folder / "0005.png")
    images = SysuMM01Reader().read(root).images
    rows = images[images["path"].str.startswith("cam5/0007/")]
    assert rows["index"].tolist() == list(range(11))
    assert rows["path"].iloc[[0, 2]].tolist() == ["cam5/0007/0001.JPEG", "cam5/0007/0004.jpg"]


def test_files_that_are_no_images_are_ignored(root: Path) -> None:
    before = SysuMM01Reader().read(root).images
    for name in ("Thumbs.db", "0001/Thumbs.db", "0001/._0001.jpg", "0009"):
        (root / "cam1" / name).touch()
    (root / "cam1" / "copy of 0001").mkdir()
    (root / "cam1" / "copy of 0001" / "0001.jpg").touch()
    assert SysuMM01Reader().read(root).images.equals(before)


def test_images_of_identities_in_no_split_are_left_out(root: Path) -> None:
    shutil.copytree(root / "cam1" / "0001", root / "cam1" / "0008")
    assert 8 not in set(SysuMM01Reader().read(root).images["identity"])


def test_subsets_are_those_that_are_published(root: Path) -> None:
    reader = SysuMM01Reader()
    dataset = reader.read(root)
    subsets = reader.subsets(dataset)
    counts = {name: len(rows) for name, rows in subsets.items()}
    assert counts == {"training": 21, "validation": 6, "query": 11, "gallery": 36}
    assert all(rows.dtype == np.int64 for rows in subsets.values())
    query = dataset.images.iloc[subsets["query"]]
    assert set(query["modality"]) == {"infrared"}
    assert set(query["identity"]) == {3, 5, 7}
    assert set(dataset.images.iloc[subsets["training"]]["identity"]) == {1, 2, 4}
    assert {count.subset for count in bench_sysu.bench_register_datasets()[0].published} == {
        *subsets
    }


def test_a_rendered_root_says_so(root: Path) -> None:
    assert not SysuMM01Reader().read(root).synthetic
    (root / "synthetic.json").write_text("{}")
    assert SysuMM01Reader().read(root).synthetic


@pytest.mark.parametrize("name", ["empty", "nowhere"])
def test_another_folder_is_no_root(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=rf"{name} is not SYSU-MM01: expected .*cam1 .*exp/"):
        SysuMM01Reader().read(tmp_path / name)


def test_a_missing_camera_is_named(root: Path) -> None:
    shutil.rmtree(root / "cam4")
    with pytest.raises(DataError, match="no folder cam4"):
        SysuMM01Reader().read(root)


def test_missing_splits_are_named(root: Path) -> None:
    shutil.rmtree(root / "exp")
    with pytest.raises(DataError, match="no folder exp"):
        SysuMM01Reader().read(root)


def test_a_root_without_images_is_an_error(root: Path) -> None:
    for image in root.rglob("*.jpg"):
        image.unlink()
    with pytest.raises(DataError, match="has no image of an identity"):
        SysuMM01Reader().read(root)


@pytest.mark.parametrize("name", ["train", "val", "test"])
def test_a_missing_identity_file_is_named(root: Path, name: str) -> None:
    (root / "exp" / f"{name}_id.txt").unlink()
    with pytest.raises(DataError, match=f"neither {name}_id.txt nor {name}_id.mat"):
        SysuMM01Reader().read(root)


@pytest.mark.parametrize("text", ["3,5,7", "3, 5, 7,\r\n", "7 5\n3\n", "\ufeff0003,0005,7,7\n"])
def test_identities_as_text_in_any_common_form(root: Path, text: str) -> None:
    (root / "exp" / "test_id.txt").write_text(text, encoding="utf-8", newline="")
    assert read_splits(root).test == (3, 5, 7)


@pytest.mark.parametrize("dtype", [np.uint16, np.float64])
def test_identities_as_matlab(root: Path, dtype: type) -> None:
    (root / "exp" / "test_id.txt").unlink()
    savemat(root / "exp" / "test_id.mat", {"id": np.array([[3, 5, 7]], dtype=dtype)})
    assert read_splits(root).test == (3, 5, 7)


def test_text_and_matlab_must_agree(root: Path) -> None:
    savemat(root / "exp" / "test_id.mat", {"id": np.array([[3, 5, 7]])})
    assert read_splits(root).test == (3, 5, 7)
    savemat(root / "exp" / "test_id.mat", {"id": np.array([[3, 5, 8]])})
    with pytest.raises(DataError, match=r"test_id\.txt and test_id\.mat disagree: identity 7"):
        SysuMM01Reader().read(root)


@pytest.mark.parametrize("text", ["", " \n", ",,\r\n"])
def test_an_empty_identity_file_is_named(root: Path, text: str) -> None:
    (root / "exp" / "val_id.txt").write_text(text)
    with pytest.raises(DataError, match=r"val_id\.txt lists no identity"):
        SysuMM01Reader().read(root)


@pytest.mark.parametrize("entry", ["x", "3.5", "-3", "1e3", "99999999999"])
def test_an_identity_that_is_no_number_is_named(root: Path, entry: str) -> None:
    (root / "exp" / "test_id.txt").write_text(f"3,{entry},7")
    with pytest.raises(DataError, match=rf"test_id\.txt: '{entry}' is not an identity"):
        SysuMM01Reader().read(root)


def test_an_identity_file_in_another_encoding_is_named(root: Path) -> None:
    (root / "exp" / "test_id.txt").write_bytes(b"\xff\xfe3\x00")
    with pytest.raises(DataError, match=r"test_id\.txt is not a text file"):
        SysuMM01Reader().read(root)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"ids": np.array([3])}, "holds no variable 'id'"),
        ({"id": "3,5,7"}, "is not an array of numbers"),
        ({"id": np.array([3.5])}, "'3.5' is not an identity number"),
        ({"id": np.array([np.nan])}, "'nan' is not an identity number"),
        ({"id": np.array([])}, "lists no identity"),
    ],
)
def test_a_wrong_matlab_identity_file_is_named(
    root: Path, variables: dict[str, object], message: str
) -> None:
    (root / "exp" / "test_id.txt").unlink()
    savemat(root / "exp" / "test_id.mat", variables)
    with pytest.raises(DataError, match=rf"test_id\.mat.*{message}"):
        SysuMM01Reader().read(root)


def test_an_identity_belongs_to_one_split(root: Path) -> None:
    (root / "exp" / "test_id.txt").write_text("3,5,4")
    with pytest.raises(DataError, match="identity 4 is listed in train_id and in test_id"):
        SysuMM01Reader().read(root)
