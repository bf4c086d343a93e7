"""Queries, galleries and training rows of both protocols."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bench_llcm
from bench_core import DataError, UsageError
from bench_core.datasets import Dataset
from bench_llcm.dataset import LlcmReader
from bench_llcm.protocols import LlcmProtocol

SPECS = {spec.id: spec for spec in bench_llcm.bench_register_protocols()}
TO_INFRARED = partial(LlcmProtocol, SPECS["llcm-visible-to-infrared"])
TO_VISIBLE = partial(LlcmProtocol, SPECS["llcm-infrared-to-visible"])
BOTH = pytest.mark.parametrize("protocol", [TO_INFRARED, TO_VISIBLE], ids=["v-to-i", "i-to-v"])

Bind = Callable[..., LlcmProtocol]
"""From split files to a protocol that is bound to them."""

COLUMNS = ["identity", "camera", "modality", "index"]


@pytest.fixture
def dataset(root: Path) -> Dataset:
    return LlcmReader().read(root)


def shuffled(dataset: Dataset) -> pd.DataFrame:
    """Return the table without paths and in another order, as a feature file might hold it."""
    return dataset.images[COLUMNS].sample(frac=1, random_state=4, ignore_index=True)


def images_of(table: pd.DataFrame, rows: np.ndarray) -> list[tuple[int, ...]]:
    """Return (identity, camera, index) of rows, in their order."""
    chosen = table.iloc[rows]
    return list(zip(chosen["identity"], chosen["camera"], chosen["index"], strict=True))


VISIBLE_FOLDERS = {(0, 3): 3, (0, 4): 2, (0, 5): 1, (3, 3): 2, (3, 5): 12, (12, 3): 1, (12, 9): 2}
INFRARED_FOLDERS = {(0, 5): 2, (0, 6): 3, (3, 5): 1, (3, 8): 2, (12, 6): 4}


@pytest.mark.parametrize(
    ("protocol", "folders"), [(TO_INFRARED, VISIBLE_FOLDERS), (TO_VISIBLE, INFRARED_FOLDERS)]
)
def test_queries_are_all_test_images_of_a_modality(
    dataset: Dataset, protocol: Bind, folders: dict[tuple[int, int], int]
) -> None:
    expected = [(*folder, index) for folder, count in folders.items() for index in range(count)]
    table = shuffled(dataset)
    for number in (0, 9):
        bound = protocol(dataset.splits)
        trial = bound.trial(table, "official", number)
        assert images_of(table, trial.query) == expected
        assert set(table["modality"].iloc[trial.query]) == {bound.spec.query_modality}
        assert trial.query.dtype == trial.gallery.dtype == np.int64


@pytest.mark.parametrize(
    ("protocol", "folders"), [(TO_INFRARED, INFRARED_FOLDERS), (TO_VISIBLE, VISIBLE_FOLDERS)]
)
def test_the_gallery_is_one_image_of_each_person_and_camera_by_pythons_generator(
    dataset: Dataset, protocol: Bind, folders: dict[tuple[int, int], int]
) -> None:
    table = shuffled(dataset)
    for number in range(10):
        random.seed(number)
        expected = [(*folder, random.choice(range(count))) for folder, count in folders.items()]
        bound = protocol(dataset.splits)
        trial = bound.trial(table, "official", number)
        assert images_of(table, trial.gallery) == expected
        assert set(table["modality"].iloc[trial.gallery]) == {bound.spec.gallery_modality}


def test_the_gallery_of_trial_0_by_hand(dataset: Dataset) -> None:
    # random.seed(0): the choices among 2, 3, 1, 2 and 4 files, whose names sort as text.
    trial = TO_INFRARED(dataset.splits).trial(dataset.images, "official", 0)
    assert dataset.images["path"].iloc[trial.gallery].tolist() == [
        "test_nir/cam5/0000/0000_c05_s185535_f5_nir.jpg",
        "test_nir/cam6/0000/0000_c06_s185535_f15_nir.jpg",
        "test_nir/cam5/0003/0003_c05_s185535_f5_nir.jpg",
        "test_nir/cam8/0003/0003_c08_s185535_f5_nir.jpg",
        "test_nir/cam6/0012/0012_c06_s185535_f5_nir.jpg",
    ]


@BOTH
def test_trials_differ(dataset: Dataset, protocol: Bind) -> None:
    galleries = {
        tuple(protocol(dataset.splits).trial(dataset.images, "official", number).gallery)
        for number in range(10)
    }
    assert len(galleries) > 5


@BOTH
def test_the_draw_leaves_the_global_generator_alone(dataset: Dataset, protocol: Bind) -> None:
    random.seed(5)
    state = random.getstate()
    protocol(dataset.splits).trial(dataset.images, "official", 3)
    assert random.getstate() == state


@BOTH
def test_one_training_serves_all_trials_and_both_directions(
    dataset: Dataset, protocol: Bind
) -> None:
    assert {protocol(dataset.splits).training_split(number) for number in range(10)} == {"train"}
    rows = protocol(dataset.splits).training_rows(dataset.images, "train")
    assert set(dataset.images["identity"].iloc[rows]) == {1, 4}
    assert len(rows) == 14


@BOTH
def test_test_rows_cover_every_trial_and_no_training_image(
    dataset: Dataset, protocol: Bind
) -> None:
    rows = protocol(dataset.splits).test_rows(dataset.images, "train")
    assert set(dataset.images["identity"].iloc[rows]) == {0, 3, 12}
    for number in range(10):
        trial = protocol(dataset.splits).trial(dataset.images, "official", number)
        assert {*trial.query, *trial.gallery} <= set(rows)
    training = protocol(dataset.splits).training_rows(dataset.images, "train")
    assert not set(training) & set(rows)


def test_the_draw_needs_images_of_the_test_people_only(dataset: Dataset) -> None:
    rows = TO_VISIBLE(dataset.splits).test_rows(dataset.images, "train")
    table = dataset.images.iloc[rows][COLUMNS].reset_index(drop=True)
    whole = TO_VISIBLE(dataset.splits).trial(dataset.images, "official", 2)
    part = TO_VISIBLE(dataset.splits).trial(table, "official", 2)
    assert images_of(table, part.gallery) == images_of(dataset.images, whole.gallery)


def test_another_convention_is_refused(dataset: Dataset) -> None:
    with pytest.raises(UsageError, match=r"does not define the convention 'agw'; use official"):
        TO_INFRARED(dataset.splits).trial(dataset.images, "agw", 0)


@pytest.mark.parametrize("number", [-1, 10])
def test_there_are_ten_trials(dataset: Dataset, number: int) -> None:
    message = f"llcm-infrared-to-visible has trials 0 to 9, not {number}"
    with pytest.raises(UsageError, match=message):
        TO_VISIBLE(dataset.splits).trial(dataset.images, "official", number)
    with pytest.raises(UsageError, match=message):
        TO_VISIBLE(dataset.splits).training_split(number)


def test_another_split_is_refused(dataset: Dataset) -> None:
    protocol = TO_VISIBLE(dataset.splits)
    for rows in (protocol.training_rows, protocol.test_rows):
        with pytest.raises(UsageError, match=r"unknown training split 'trial-1' \(known: train\)"):
            rows(dataset.images, "trial-1")


def test_training_needs_the_training_lists(dataset: Dataset, tmp_path: Path) -> None:
    for name in ("train_vis.txt", "train_nir.txt"):
        (dataset.root / "idx" / name).unlink()
    splits = LlcmReader().read_splits(dataset.root)
    with pytest.raises(DataError, match="0 of 0 training identities have no image"):
        TO_VISIBLE(splits).training_rows(dataset.images, "train")


def test_missing_people_are_named(dataset: Dataset) -> None:
    table = dataset.images[~((dataset.images["identity"] == 3) & (dataset.images["camera"] != 3))]
    with pytest.raises(DataError, match=r"1 of 3 test identities have no infrared image.* 3;"):
        TO_VISIBLE(dataset.splits).trial(table, "official", 0)
    table = dataset.images[dataset.images["identity"] != 12]
    with pytest.raises(DataError, match=r"1 of 3 test identities have no image, such as .* 12;"):
        TO_VISIBLE(dataset.splits).test_rows(table, "train")


def test_a_camera_that_does_not_see_a_modality_is_named(dataset: Dataset) -> None:
    table = dataset.images.copy()
    table.loc[(table["camera"] == 8) & (table["identity"] == 3), "camera"] = 3
    with pytest.raises(
        DataError, match=r"LLCM has no infrared camera 3 .*, but 2 images say so, .* identity 3"
    ):
        TO_VISIBLE(dataset.splits).trial(table, "official", 0)


def test_indices_must_be_complete(dataset: Dataset) -> None:
    table = shuffled(dataset)
    gap = (table["camera"] == 5) & (table["identity"] == 3) & (table["index"] == 7)
    with pytest.raises(
        DataError, match=r"camera 5, identity 3, visible: image indices must be 0 to n - 1, .* 8 is"
    ):
        TO_INFRARED(dataset.splits).trial(table[~gap], "official", 0)


def write_test_lists(root: Path, folder: Path) -> None:
    """Write the lists of test images as the authors publish them."""
    folder.mkdir()
    (folder / "test_id.txt").write_text((root / "idx" / "test_id.txt").read_text())
    for name in ("vis", "nir"):
        files = sorted((root / f"test_{name}").glob("cam*/*/*.jpg"))
        lines = [f"{name}/{file.parent.name}/{file.name} 0" for file in files]
        (folder / f"test_{name}.txt").write_text("\n".join(lines))


@BOTH
def test_a_draw_is_made_from_all_images_or_not_at_all(
    dataset: Dataset, protocol: Bind, tmp_path: Path
) -> None:
    write_test_lists(dataset.root, tmp_path / "lists")
    table = shuffled(dataset)
    infrared = table["modality"] == "infrared"
    one = infrared & (table["identity"] == 12) & (table["index"] == 3)
    camera = infrared & (table["identity"] == 3) & (table["camera"] == 8)
    unseen = table[infrared & (table["identity"] == 3)].head(1).assign(camera=1, index=0)
    for source, splits in (
        (dataset.root / "test_nir", LlcmReader().read_splits(dataset.root)),
        (tmp_path / "lists" / "test_nir.txt", LlcmReader().read_splits(tmp_path / "lists")),
    ):
        assert protocol(splits).assumptions() == ()
        assert len(protocol(splits).trial(table, "official", 0).query)
        for other, found in (
            (table[~one], f"identity 12, camera 6: found 3 images, but {source} has 4"),
            (table[~camera], f"identity 3, camera 8: found 0 images, but {source} has 2"),
            (
                pd.concat([table, unseen], ignore_index=True),
                f"identity 3, camera 1: found 1 images, but {source} has 0",
            ),
        ):
            with pytest.raises(DataError, match=found):
                protocol(splits).trial(other, "official", 0)


def test_what_nothing_tells_is_said_of_each_modality(dataset: Dataset, tmp_path: Path) -> None:
    write_test_lists(dataset.root, tmp_path / "lists")
    (tmp_path / "lists" / "test_nir.txt").unlink()
    splits = LlcmReader().read_splits(tmp_path / "lists")
    (assumption,) = TO_VISIBLE(splits).assumptions()
    assert "neither test_nir.txt nor the images are at hand" in assumption
    assert len(TO_VISIBLE(splits).trial(shuffled(dataset), "official", 0).query)
