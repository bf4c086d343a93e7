"""Queries, galleries and training rows of the four protocols."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bench_sysu
from bench_core import DataError, UsageError
from bench_core.datasets import Splits
from bench_sysu.dataset import SysuMM01Reader
from bench_sysu.protocols import SysuProtocol
from bench_sysu.splits import SysuSplits

Image = tuple[int, int, int]
SPECS = {spec.id: spec for spec in bench_sysu.bench_register_protocols() if "-to-" not in spec.id}


def protocol(id_: str, splits: Splits) -> SysuProtocol:
    return SysuProtocol(SPECS[id_], splits)  # type: ignore[arg-type]  # of its own reader


def images_of(table: pd.DataFrame, rows: np.ndarray) -> list[Image]:
    """Return (identity, camera, file number from 1) of rows, in their order."""
    chosen = table.iloc[rows]
    return list(zip(chosen["identity"], chosen["camera"], chosen["index"] + 1, strict=True))


@pytest.fixture
def splits(root: Path) -> SysuSplits:
    return SysuMM01Reader().read_splits(root)


def test_queries_are_all_infrared_test_images(table: pd.DataFrame, splits: SysuSplits) -> None:
    expected = [
        (identity, camera, number)
        for camera, counts in ((3, {3: 2, 7: 2}), (6, {3: 2, 5: 3, 7: 2}))
        for identity, count in counts.items()
        for number in range(1, count + 1)
    ]
    for id_ in SPECS:
        for number in (0, 9):
            trial = protocol(id_, splits).trial(table, "official", number)
            assert images_of(table, trial.query) == expected
            assert trial.query.dtype == trial.gallery.dtype == np.int64


@pytest.mark.parametrize("number", [0, 1, 9])
def test_official_takes_the_head_of_the_permutation_camera_by_camera(
    table: pd.DataFrame, splits: SysuSplits, number: int
) -> None:
    permutations = splits.official_permutations()
    folders = [(1, 3), (1, 5), (2, 3), (2, 5), (2, 7), (4, 3), (4, 5), (4, 7)]
    folders += [(5, 3), (5, 5), (5, 7)]
    for id_, shots, used in (
        ("sysu-all-single", 1, folders),
        ("sysu-all-multi", 10, folders),
        ("sysu-indoor-single", 1, folders[:5]),
        ("sysu-indoor-multi", 10, folders[:5]),
    ):
        expected = [
            (identity, camera, file)
            for camera, identity in used
            for file in permutations[camera, identity][number][:shots]
        ]
        trial = protocol(id_, splits).trial(table, "official", number)
        assert images_of(table, trial.gallery) == expected


def test_multi_shot_takes_ten_of_twelve_and_all_of_fewer(
    table: pd.DataFrame, splits: SysuSplits
) -> None:
    trial = protocol("sysu-all-multi", splits).trial(table, "official", 0)
    drawn = images_of(table, trial.gallery)
    assert sum(image[:2] == (7, 5) for image in drawn) == 10
    assert sum(image[:2] == (5, 4) for image in drawn) == 2
    assert len(set(drawn)) == len(drawn)


def test_agw_chooses_identity_by_identity_with_pythons_generator(
    table: pd.DataFrame, splits: SysuSplits
) -> None:
    counts = [
        ((3, 1), 3), ((3, 2), 2), ((3, 4), 3), ((3, 5), 2),
        ((5, 1), 2), ((5, 2), 4), ((5, 4), 2), ((5, 5), 1),
        ((7, 2), 3), ((7, 4), 2), ((7, 5), 12),
    ]  # fmt: skip
    for id_, cameras in (("sysu-all-single", {1, 2, 4, 5}), ("sysu-indoor-single", {1, 2})):
        for number in range(10):
            random.seed(number)
            expected = [
                (*folder, random.choice(range(1, count + 1)))
                for folder, count in counts
                if folder[1] in cameras
            ]
            trial = protocol(id_, splits).trial(table, "agw", number)
            assert images_of(table, trial.gallery) == expected


def test_agw_of_trial_0_by_hand(table: pd.DataFrame, splits: SysuSplits) -> None:
    # random.seed(0): the first five choices among 3, 2, 2, 4 and 3 files.
    trial = protocol("sysu-indoor-single", splits).trial(table, "agw", 0)
    assert images_of(table, trial.gallery) == [
        (3, 1, 2),
        (3, 2, 2),
        (5, 1, 1),
        (5, 2, 3),
        (7, 2, 3),
    ]


def test_agw_leaves_the_global_generator_alone(table: pd.DataFrame, splits: SysuSplits) -> None:
    random.seed(5)
    state = random.getstate()
    protocol("sysu-all-single", splits).trial(table, "agw", 3)
    assert random.getstate() == state


@pytest.mark.parametrize("convention", ["official", "agw"])
def test_the_order_of_rows_changes_nothing(
    table: pd.DataFrame, splits: SysuSplits, convention: str
) -> None:
    reversed_table = table.iloc[::-1]
    drawn = [
        images_of(rows, protocol("sysu-all-single", splits).trial(rows, convention, 2).gallery)  # type: ignore[arg-type]
        for rows in (table, reversed_table)
    ]
    assert drawn[0] == drawn[1]


def test_agw_defines_no_multi_shot_gallery(table: pd.DataFrame, splits: SysuSplits) -> None:
    with pytest.raises(UsageError, match="does not define the convention 'agw'; use official"):
        protocol("sysu-all-multi", splits).trial(table, "agw", 0)


@pytest.mark.parametrize("number", [-1, 10])
def test_trials_count_from_0_to_9(table: pd.DataFrame, splits: SysuSplits, number: int) -> None:
    with pytest.raises(UsageError, match=f"has trials 0 to 9, not {number}"):
        protocol("sysu-all-single", splits).trial(table, "agw", number)
    with pytest.raises(UsageError, match=f"has trials 0 to 9, not {number}"):
        protocol("sysu-all-single", splits).training_split(number)


def test_only_official_needs_the_permutation_file(root: Path, table: pd.DataFrame) -> None:
    (root / "exp" / "rand_perm_cam.mat").unlink()
    splits = SysuMM01Reader().read(root).splits
    assert protocol("sysu-all-single", splits).trial(table, "agw", 0).gallery.size == 11
    with pytest.raises(DataError, match=r"exp/rand_perm_cam\.mat: .*github\.com/wuancong/SYSU"):
        protocol("sysu-all-single", splits).trial(table, "official", 0)


def drop(table: pd.DataFrame, **where: int) -> pd.DataFrame:
    matching = np.logical_and.reduce([table[name] == value for name, value in where.items()])
    return table[~matching]


def test_that_the_permutation_file_is_missing_is_said_before_that_images_are(
    root: Path, table: pd.DataFrame
) -> None:
    (root / "exp" / "rand_perm_cam.mat").unlink()
    subject = protocol("sysu-all-single", SysuMM01Reader().read_splits(root))
    lacking = drop(table, camera=2, identity=5, index=3)
    with pytest.raises(DataError, match=r"camera 2, identity 5: found 3 images"):
        subject.trial(lacking, "agw", 0)
    with pytest.raises(DataError, match=r"exp/rand_perm_cam\.mat"):
        subject.trial(lacking, "official", 0)


def test_counts_must_fit_the_permutation_file(table: pd.DataFrame, splits: SysuSplits) -> None:
    missing = drop(table, camera=2, identity=5, index=3)
    with pytest.raises(DataError, match=r"camera 2, identity 5: found 3 images, .* permutes 4"):
        protocol("sysu-indoor-single", splits).trial(missing, "official", 0)
    query_missing = drop(table, camera=6, identity=7, index=1)
    with pytest.raises(DataError, match=r"camera 6, identity 7: found 1 images, .* permutes 2"):
        protocol("sysu-all-single", splits).trial(query_missing, "official", 0)
    folder_missing = drop(table, camera=4, identity=3)
    with pytest.raises(DataError, match=r"camera 4, identity 3: found 0 images, .* permutes 3"):
        protocol("sysu-all-single", splits).trial(folder_missing, "official", 0)
    moved = (table["identity"] == 4) & (table["camera"] == 3)
    unexpected = table.assign(identity=table["identity"].mask(moved, 5))
    with pytest.raises(DataError, match=r"camera 3, identity 5: found 3 images, .* permutes 0"):
        protocol("sysu-all-single", splits).trial(unexpected, "official", 0)


def test_cameras_outside_the_mode_are_not_needed(table: pd.DataFrame, splits: SysuSplits) -> None:
    indoor = table[table["camera"].isin([1, 2, 3, 6])]
    trial = protocol("sysu-indoor-single", splits).trial(indoor, "official", 0)
    assert trial.gallery.size == 5
    with pytest.raises(DataError, match="there is none of camera 4"):
        protocol("sysu-all-single", splits).trial(indoor, "agw", 0)


def test_a_test_identity_without_images_is_named(table: pd.DataFrame, splits: SysuSplits) -> None:
    with pytest.raises(DataError, match=r"1 of 3 test identities have no image, such as .* 5"):
        protocol("sysu-all-single", splits).trial(drop(table, identity=5), "agw", 0)


def test_indices_that_do_not_count_from_0_are_named(
    table: pd.DataFrame, splits: SysuSplits
) -> None:
    with pytest.raises(DataError, match=r"camera 1, identity 3: .*found 1 where 0 belongs"):
        shifted = table.assign(index=table["index"] + 1)
        protocol("sysu-all-single", splits).trial(shifted, "agw", 0)


def test_a_camera_of_the_wrong_modality_is_named(table: pd.DataFrame, splits: SysuSplits) -> None:
    wrong = table.assign(modality="visible")
    with pytest.raises(DataError, match=r"no visible camera [36] .* 11 images say so"):
        protocol("sysu-all-single", splits).trial(wrong, "agw", 0)
    unknown = table.replace({"camera": {5: 9}})
    with pytest.raises(DataError, match="no visible camera 9"):
        protocol("sysu-all-single", splits).trial(unknown, "agw", 0)


def test_training_and_validation_identities_train_in_all_cameras(root: Path) -> None:
    dataset = SysuMM01Reader().read(root)
    subject = protocol("sysu-indoor-multi", dataset.splits)
    assert {subject.training_split(number) for number in range(10)} == {"train+val"}
    rows = subject.training_rows(dataset.images, "train+val")
    chosen = dataset.images.iloc[rows]
    assert set(chosen["identity"]) == {1, 2, 4}
    assert set(chosen["camera"]) == {1, 2, 3, 4, 5, 6}
    assert len(rows) == dataset.images["identity"].isin([1, 2, 4]).sum()


def test_test_rows_cover_every_trial_and_no_training_image(root: Path) -> None:
    dataset = SysuMM01Reader().read(root)
    for id_, spec in SPECS.items():
        rows = set(protocol(id_, dataset.splits).test_rows(dataset.images, "train+val"))
        for convention in spec.conventions:
            trial = protocol(id_, dataset.splits).trial(dataset.images, convention, 0)
            assert rows >= {*trial.query, *trial.gallery}
        training = protocol(id_, dataset.splits).training_rows(dataset.images, "train+val")
        assert not rows & set(training)


def test_validation_people_can_be_held_out_of_the_training(root: Path) -> None:
    dataset = SysuMM01Reader().read(root)
    subject = protocol("sysu-all-single", dataset.splits)
    assert {spec.validation_split for spec in bench_sysu.bench_register_protocols()} == {"train"}
    rows = subject.training_rows(dataset.images, "train")
    assert set(dataset.images["identity"].iloc[rows]) == {1, 4}
    tested = [subject.test_rows(dataset.images, split).tolist() for split in ("train", "train+val")]
    assert tested[0] == tested[1]


def test_validation_searches_camera_3_in_all_images_of_cameras_4_and_5(
    table: pd.DataFrame, splits: SysuSplits
) -> None:
    for spec in bench_sysu.bench_register_protocols():
        trial = SysuProtocol(spec, splits).validation_trial(table)
        assert images_of(table, trial.query) == [(2, 3, 1), (2, 3, 2), (2, 3, 3)]
        assert images_of(table, trial.gallery) == [(2, 4, 1), (2, 5, 1), (2, 5, 2)]
        assert trial.query.dtype == trial.gallery.dtype == np.int64


def test_validation_without_validation_images_is_refused(
    root: Path, table: pd.DataFrame, splits: SysuSplits
) -> None:
    subject = protocol("sysu-all-single", splits)
    with pytest.raises(DataError, match=r"1 of 1 validation identities have no image"):
        subject.validation_trial(drop(table, identity=2))
    with pytest.raises(DataError, match=r"cameras 3, 4, 5; there is none of camera 4"):
        subject.validation_trial(drop(table, identity=2, camera=4))
    (root / "exp" / "val_id.txt").unlink()
    with pytest.raises(DataError, match=r"0 of 0 validation identities"):
        protocol("sysu-all-single", SysuMM01Reader().read_splits(root)).validation_trial(table)


def test_there_is_no_other_training_split(root: Path) -> None:
    dataset = SysuMM01Reader().read(root)
    subject = protocol("sysu-all-single", dataset.splits)
    for rows in (subject.training_rows, subject.test_rows):
        with pytest.raises(UsageError, match=r"unknown training split 'test'.*train\+val, train"):
            rows(dataset.images, "test")


def test_training_needs_training_identities(table: pd.DataFrame, splits: SysuSplits) -> None:
    tested = table[table["identity"].isin([3, 5, 7])]
    with pytest.raises(
        DataError, match=r"3 training identities that .* lists have no image, the first is 1"
    ):
        protocol("sysu-all-single", splits).training_rows(tested, "train+val")


def without(
    table: pd.DataFrame, identity: int, camera: int, index: int | None = None
) -> pd.DataFrame:
    """Leave an image out, or all of an identity in a camera."""
    gone = (table["identity"] == identity) & (table["camera"] == camera)
    return table[~gone if index is None else ~(gone & (table["index"] == index))]


@pytest.mark.parametrize("id_", ["sysu-all-single", "sysu-indoor-single"])
def test_agw_is_drawn_from_all_images_or_not_at_all(
    table: pd.DataFrame, root: Path, id_: str
) -> None:
    (root / "exp" / "rand_perm_cam.mat").rename(root / "elsewhere.mat")
    by_folders = SysuMM01Reader().read_splits(root)
    (root / "elsewhere.mat").rename(root / "exp" / "rand_perm_cam.mat")
    by_file = SysuMM01Reader().read_splits(root / "exp")
    for splits, source in ((by_file, "rand_perm_cam.mat permutes"), (by_folders, f"{root} has")):
        assert protocol(id_, splits).assumptions() == ()
        assert len(protocol(id_, splits).trial(table, "agw", 0).query)
        for fewer, found in (
            (without(table, 5, 2, 3), f"camera 2, identity 5: found 3 images, but {source} 4"),
            (without(table, 7, 3), f"camera 3, identity 7: found 0 images, but {source} 2"),
        ):
            with pytest.raises(DataError, match=found):
                protocol(id_, splits).trial(fewer, "agw", 0)
    # A camera that the protocol does not use may lack images.
    if id_ == "sysu-indoor-single":
        assert len(protocol(id_, by_file).trial(without(table, 5, 4), "agw", 0).query)


def test_without_anything_that_tells_the_number_of_images_it_is_said(
    table: pd.DataFrame, root: Path
) -> None:
    (root / "exp" / "rand_perm_cam.mat").unlink()
    splits = SysuMM01Reader().read_splits(root / "exp")
    (assumption,) = protocol("sysu-all-single", splits).assumptions()
    assert "taken to cover all images of the test identities" in assumption
    assert len(protocol("sysu-all-single", splits).trial(table, "agw", 0).query)
