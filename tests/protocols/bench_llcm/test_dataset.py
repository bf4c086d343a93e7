"""Reading an LLCM root: what it accepts, and what it says of roots that it cannot read."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from bench_core import IMAGE_COLUMNS, DataError
from bench_llcm.dataset import LlcmReader
from bench_llcm.splits import Image, LlcmSplits


def read_splits(root: Path) -> LlcmSplits:
    splits = LlcmReader().read(root).splits
    assert isinstance(splits, LlcmSplits)
    return splits


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_one_row_for_each_image_sorted_by_path(root: Path) -> None:
    images = LlcmReader().read(root).images
    assert tuple(images.columns) == IMAGE_COLUMNS
    assert images["path"].is_monotonic_increasing
    assert all((root / path).is_file() for path in images["path"])
    assert all(images[name].dtype == np.int64 for name in ("identity", "camera", "index"))
    row = images.set_index("path").loc["nir/0004/0004_c06_s185535_f10_nir.jpg"]
    assert (row["identity"], row["camera"], row["modality"], row["index"]) == (4, 6, "infrared", 0)


def test_training_images_are_those_listed_and_test_images_those_in_camera_folders(
    root: Path,
) -> None:
    images = LlcmReader().read(root).images
    trained = images[images["identity"].isin([1, 4])]
    assert set(trained["path"].str.split("/").str[0]) == {"vis", "nir"}
    assert trained.groupby("modality").size().to_dict() == {"visible": 8, "infrared": 6}
    tested = images[images["identity"].isin([0, 3, 12])]
    assert len(tested) == len(list(root.glob("test_*/cam*/*/*.jpg")))
    folders = [
        f"test_{path[5:8]}/cam{camera}" for path, camera in tested[["path", "camera"]].values
    ]
    assert all(map(str.startswith, tested["path"], folders))
    assert len(trained) + len(tested) == len(images)


def test_index_is_the_place_among_the_sorted_names_of_a_person_camera_and_modality(
    root: Path,
) -> None:
    images = LlcmReader().read(root).images.set_index("path")
    folder = images[images.index.str.startswith("test_vis/cam5/0003/")]
    assert folder["index"].tolist() == list(range(12))
    assert folder.index[:3].str.extract(r"_f(\d+)_")[0].tolist() == ["10", "15", "20"]
    infrared = images[images.index.str.startswith("test_nir/cam5/0003/")]
    assert infrared["index"].tolist() == [0]


def test_a_training_image_that_no_list_names_is_left_out(root: Path) -> None:
    before = LlcmReader().read(root).images
    shutil.copytree(root / "vis" / "0004", root / "vis" / "0005")
    assert LlcmReader().read(root).images.equals(before)
    edit(root / "idx" / "train_vis.txt", "vis/0004/0004_c05_s185535_f10_vis.jpg 0\n", "")
    assert len(LlcmReader().read(root).images) == len(before) - 1


def move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    source.rename(target)


@pytest.mark.parametrize("folder", ["test_vis/cam3/0012", "test_vis/cam4/0003"])
def test_a_test_image_in_another_folder_than_its_name_says_is_found(
    root: Path, folder: str
) -> None:
    """The authors' code goes by the folder, so it is read; but it must not pass without a word."""
    assert LlcmReader().read(root).findings == ()
    name = "0003_c03_s185535_f5_vis.jpg"
    move(root / "test_vis" / "cam3" / "0003" / name, root / folder / name)
    dataset = LlcmReader().read(root)
    (finding,) = dataset.findings
    assert finding.startswith("1 test images are of another person, camera or modality")
    assert finding.endswith(f"such as {folder}/{name}")
    assert f"{folder}/{name}" in set(dataset.images["path"])


def test_a_test_image_of_the_other_modality_by_its_name_is_found(root: Path) -> None:
    folder = root / "test_vis" / "cam3" / "0003"
    move(folder / "0003_c03_s185535_f5_vis.jpg", folder / "0003_c03_s185535_f5_nir.jpg")
    (finding,) = LlcmReader().read(root).findings
    assert "modality by their names" in finding


def test_names_of_another_form_are_found(root: Path) -> None:
    """Galleries are drawn in the order of names."""
    folder = root / "test_nir" / "cam8" / "0003"
    for place, path in enumerate(sorted(folder.iterdir())):
        path.rename(folder / f"{place:04d}.jpg")
    (finding,) = LlcmReader().read(root).findings
    assert finding.startswith("2 test images are not named NNNN_cCC_...")


def test_files_that_are_no_images_and_people_in_no_list_are_ignored(root: Path) -> None:
    before = LlcmReader().read(root).images
    for name in ("Thumbs.db", "0003/Thumbs.db", "0003/._0003_c05_s1_f1_vis.jpg", "0012"):
        (root / "test_vis" / "cam5" / name).touch()
    for name in ("0099", "copy of 0003", "3"):
        shutil.copytree(root / "test_vis" / "cam5" / "0003", root / "test_vis" / "cam5" / name)
    shutil.copytree(root / "test_nir" / "cam5", root / "test_nir" / "cam3")  # there is no such one
    assert LlcmReader().read(root).images.equals(before)


def test_folders_may_be_links(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    before = LlcmReader().read(root).images
    elsewhere = tmp_path_factory.mktemp("disk")
    for name in ("vis", "test_nir/cam5", "test_vis/cam3/0012"):
        moved = elsewhere / name.replace("/", "-")
        (root / name).rename(moved)
        (root / name).symlink_to(moved, target_is_directory=True)
    assert LlcmReader().read(root).images.equals(before)


def test_a_rendered_root_says_so(root: Path) -> None:
    assert not LlcmReader().read(root).synthetic
    (root / "synthetic.json").write_text("{}")
    assert LlcmReader().read(root).synthetic


def test_subsets_part_the_images(root: Path) -> None:
    dataset = LlcmReader().read(root)
    subsets = LlcmReader().subsets(dataset)
    people = {name: set(dataset.images["identity"].iloc[rows]) for name, rows in subsets.items()}
    assert people == {"all": {0, 1, 3, 4, 12}, "training": {1, 4}, "test": {0, 3, 12}}
    both = np.concatenate([subsets["training"], subsets["test"]])
    assert np.array_equal(np.sort(both), subsets["all"])


def test_identities_come_from_the_lists(root: Path) -> None:
    splits = read_splits(root)
    assert (splits.train, splits.test) == ((1, 4), (0, 3, 12))


def test_windows_line_ends_byte_order_marks_and_trailing_spaces_are_accepted(root: Path) -> None:
    before = read_splits(root).digest()
    for file in (root / "idx").iterdir():
        lines = [f"{line} " for line in file.read_text().splitlines()]
        file.write_bytes(("\ufeff" + "\r\n".join(lines) + "\r\n").encode())
    assert read_splits(root).digest() == before


def test_the_digest_depends_on_content_and_not_on_order(root: Path) -> None:
    before = read_splits(root).digest()
    listed = root / "idx" / "train_nir.txt"
    listed.write_text("\n".join(reversed(listed.read_text().splitlines())))
    (root / "idx" / "test_id.txt").write_text("0,3,12\n")
    assert read_splits(root).digest() == before
    edit(listed, "nir/0004/0004_c06_s185535_f10_nir.jpg 0\n", "")
    assert read_splits(root).digest() != before


def test_training_identities_ascend(root: Path) -> None:
    images = [Image(f"{identity}.jpg", identity, 1, "visible") for identity in (8, 1, 16)]
    splits = LlcmSplits(folder=root, training=tuple(images), test=())
    assert splits.train == (1, 8, 16)


def test_the_digest_is_of_these_bytes(root: Path) -> None:
    """Records hold it: the test identities, then the paths of the training images, sorted."""
    listed = [
        line.split()[0]
        for name in ("train_vis.txt", "train_nir.txt")
        for line in (root / "idx" / name).read_text().splitlines()
    ]
    splits = read_splits(root)
    assert splits.training == tuple(sorted(splits.training))
    content = json.dumps({"test": [0, 3, 12], "training": sorted(listed)})
    assert splits.digest() == hashlib.sha256(content.encode()).hexdigest()


@pytest.mark.parametrize("name", ["empty", "nowhere"])
def test_another_folder_is_no_root(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=rf"{name} is not LLCM: expected the folders vis, nir, te"):
        LlcmReader().read(tmp_path / name)


@pytest.mark.parametrize("name", ["vis", "idx", "test_vis/cam3", "test_nir/cam9"])
def test_a_missing_folder_is_named(root: Path, name: str) -> None:
    shutil.rmtree(root / name)
    with pytest.raises(DataError, match=f"not a complete LLCM: no folder {name}$"):
        LlcmReader().read(root)


@pytest.mark.parametrize("name", ["train_vis.txt", "train_nir.txt", "test_id.txt"])
def test_a_missing_list_is_named(root: Path, name: str) -> None:
    (root / "idx" / name).unlink()
    missing = rf"(cannot read .*idx/{re.escape(name)}: No such file|idx has no {re.escape(name)}, )"
    with pytest.raises(DataError, match=missing):
        LlcmReader().read(root)


def test_a_listed_image_that_is_missing_is_named(root: Path) -> None:
    (root / "nir" / "0004" / "0004_c06_s185535_f10_nir.jpg").unlink()
    with pytest.raises(
        DataError,
        match=r"train_nir\.txt: 1 of its images .* first is nir/0004/0004_c06_s185535_f10",
    ):
        LlcmReader().read(root)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("vis/0004/0004_c03_s1_f1_vis.jpg", "is not a path and a label"),
        ("vis/0004/0004_c03_s1_f1_vis.jpg zero", "label 'zero' of .* is not a whole number"),
        ("../0004/0004_c03_s1_f1_vis.jpg 0", "leads out of .*; it must be relative to it"),
        ("nir/0004/0004_c06_s185535_f5_nir.jpg 0", "is not vis/PERSON/IMAGE"),
        ("vis/0004/0001_c03_s1_f1_vis.jpg 0", r"is not vis/NNNN/NNNN_cCC_.+ with the number of"),
        ("vis/0004/0004_s1_f1_vis.jpg 0", r"is not vis/NNNN/NNNN_cCC_"),
        ("vis/4/4_c03_s1_f1_vis.jpg 7", r"is not vis/NNNN/NNNN_cCC_"),
        ("vis/0004/0004_c10_s1_f1_vis.jpg 0", "is of camera 10, but the visible cameras are 1, 2,"),
        ("vis/0004/0004_c03_s1_f1_vis.jpg 1", "label 1 is given to the person '0004', but '0001'"),
        ("vis/0004/0004_c04_s185535_f5_vis.jpg 0", r"is already listed in line \d"),
    ],
)
def test_a_wrong_line_is_named(root: Path, line: str, message: str) -> None:
    with (root / "idx" / "train_vis.txt").open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(DataError, match=rf"train_vis\.txt:9: .*{message}"):
        LlcmReader().read(root)


def test_there_is_no_infrared_camera_3(root: Path) -> None:
    with (root / "idx" / "train_nir.txt").open("a") as file:
        file.write("nir/0004/0004_c03_s1_f1_nir.jpg 0\n")
    with pytest.raises(DataError, match=r"is of camera 3, but the infrared cameras are 1, 2, 4"):
        LlcmReader().read(root)


def test_both_training_lists_must_name_the_same_people(root: Path) -> None:
    listed = root / "idx" / "train_nir.txt"
    lines = listed.read_text().splitlines()
    listed.write_text("\n".join(line for line in lines if line.endswith(" 0")))
    with pytest.raises(
        DataError, match=r"train_vis\.txt has the label 1 \('0001'\), which train_n"
    ):
        LlcmReader().read(root)


def test_nobody_may_train_and_be_tested(root: Path) -> None:
    (root / "idx" / "test_id.txt").write_text("0,3,12,4")
    with pytest.raises(DataError, match=r"1 identities of test_id\.txt .*such as 4; nobody may"):
        LlcmReader().read(root)


@pytest.mark.parametrize(("modality", "folder"), [("visible", "vis"), ("infrared", "nir")])
def test_a_test_identity_without_images_of_a_modality_is_named(
    root: Path, modality: str, folder: str
) -> None:
    for images in root.glob(f"test_{folder}/cam*/0012"):
        shutil.rmtree(images)
    with pytest.raises(
        DataError, match=f"1 of 3 test identities have no {modality} image, such as identity 12"
    ):
        LlcmReader().read(root)


@pytest.mark.parametrize("where", ["root", "idx"])
def test_scoring_needs_no_images(root: Path, where: str) -> None:
    digest = read_splits(root).digest()
    for name in ("vis", "nir", "test_vis", "test_nir"):
        shutil.rmtree(root / name)
    splits = LlcmReader().read_splits(root if where == "root" else root / "idx")
    assert (splits.test, splits.digest()) == ((0, 3, 12), digest)


def test_scoring_needs_only_the_test_identities(tmp_path: Path) -> None:
    (tmp_path / "test_id.txt").write_text("5,2\n")
    splits = LlcmReader().read_splits(tmp_path)
    assert (splits.train, splits.test) == ((), (2, 5))


def test_scoring_needs_both_training_lists_or_none(root: Path) -> None:
    (root / "idx" / "train_vis.txt").unlink()
    with pytest.raises(DataError, match=r"cannot read .*train_vis\.txt: No such file"):
        LlcmReader().read_splits(root)
