"""Reading a RegDB root: what it accepts, and what it says of roots that it cannot read."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench_core import IMAGE_COLUMNS, INFRARED, VISIBLE, DataError
from bench_regdb.dataset import RegdbReader

MakeRoot = Callable[[tuple[str, ...]], Path]


def read_images(root: Path) -> pd.DataFrame:
    return RegdbReader().read(root).images


def lines_of(root: Path, name: str) -> list[str]:
    return (root / "idx" / name).read_text(encoding="utf-8").splitlines()


def write_lines(root: Path, name: str, lines: list[str]) -> None:
    (root / "idx" / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def error_of(root: Path) -> str:
    """Return the message of a root that cannot be read: one line."""
    with pytest.raises(DataError) as caught:
        RegdbReader().read(root)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# What it reads


def test_one_row_for_each_image_sorted_by_path(shared_root: Path) -> None:
    images = read_images(shared_root)
    assert tuple(images.columns) == IMAGE_COLUMNS
    assert len(images) == len(list(shared_root.rglob("*.bmp"))) == 24
    assert images["path"].is_monotonic_increasing
    assert all((shared_root / path).is_file() for path in images["path"])
    assert all(images[name].dtype == np.int64 for name in ("identity", "camera", "index"))
    row = images.set_index("path").loc["Thermal/101/male_front_t_00001_101.bmp"]
    assert (row["identity"], row["camera"], row["modality"], row["index"]) == (101, 2, INFRARED, 1)


def test_camera_1_is_visible_and_camera_2_thermal(shared_root: Path) -> None:
    images = read_images(shared_root)
    folder = images["path"].str.split("/").str[0]
    assert set(images.loc[folder == "Visible", ["camera", "modality"]].agg(tuple, axis=1)) == {
        (1, VISIBLE)
    }
    assert set(images.loc[folder == "Thermal", ["camera", "modality"]].agg(tuple, axis=1)) == {
        (2, INFRARED)
    }


def test_a_person_has_one_identity_whatever_the_labels_of_the_trials(shared_root: Path) -> None:
    images = read_images(shared_root).set_index("path")
    labels: dict[str, set[str]] = {}
    for list_file in (shared_root / "idx").iterdir():
        for line in list_file.read_text().splitlines():
            path, label = line.split()
            person = path.split("/")[1]
            assert images.loc[path, "identity"] == int(person)
            labels.setdefault(person, set()).add(label)
    assert max(map(len, labels.values())) > 1


def test_subsets_are_those_of_the_lists(shared_root: Path) -> None:
    dataset = RegdbReader().read(shared_root)
    subsets = RegdbReader().subsets(dataset)
    assert len(subsets) == 21
    assert subsets["all"].tolist() == list(range(24))
    for number in (1, 10):
        for role, name in (("train", "training"), ("test", "test")):
            listed = [
                line.split()[0]
                for kind in ("visible", "thermal")
                for line in lines_of(shared_root, f"{role}_{kind}_{number}.txt")
            ]
            rows = subsets[f"trial {number} {name}"]
            assert dataset.images["path"].iloc[rows].tolist() == sorted(listed)


def test_a_rendered_root_says_so(root: Path) -> None:
    assert not RegdbReader().read(root).synthetic
    (root / "synthetic.json").write_text("{}")
    assert RegdbReader().read(root).synthetic


def test_splits_are_read_from_a_root_or_a_plain_folder(shared_root: Path, tmp_path: Path) -> None:
    plain = Path(shutil.copytree(shared_root / "idx", tmp_path / "lists"))
    reader = RegdbReader()
    digests = {
        reader.read_splits(shared_root).digest(),
        reader.read_splits(plain).digest(),
        reader.read(shared_root).splits.digest(),
    }
    assert len(digests) == 1


def test_the_digest_follows_the_lists_and_not_their_form(root: Path) -> None:
    before = RegdbReader().read_splits(root).digest()
    lines = lines_of(root, "test_visible_3.txt")
    (root / "idx" / "test_visible_3.txt").write_text("\r\n".join(lines))
    assert RegdbReader().read_splits(root).digest() == before
    write_lines(root, "test_visible_3.txt", lines[::-1])
    assert RegdbReader().read_splits(root).digest() != before


def test_the_digest_is_of_these_bytes(shared_root: Path) -> None:
    """Records hold it: the lists by their names, each with its paths in its order."""
    lists = {
        file.name: [line.split()[0] for line in file.read_text(encoding="utf-8").splitlines()]
        for file in sorted((shared_root / "idx").iterdir())
    }
    assert len(lists) == 40
    expected = hashlib.sha256(json.dumps(lists).encode()).hexdigest()
    assert RegdbReader().read_splits(shared_root).digest() == expected


# What it accepts


def test_windows_line_ends_spaces_empty_lines_and_a_byte_order_mark(root: Path) -> None:
    before = read_images(root)
    for list_file in (root / "idx").iterdir():
        text = list_file.read_text()
        text = "\ufeff" + text.replace("\n", "  \r\n") + "\r\n \r\n"
        list_file.write_text(text, encoding="utf-8", newline="")
    pd.testing.assert_frame_equal(read_images(root), before)


def test_a_root_and_images_that_are_links(root: Path, tmp_path: Path) -> None:
    before = read_images(root)
    elsewhere = tmp_path / "elsewhere.bmp"
    image = root / before["path"].iloc[0]
    image.rename(elsewhere)
    image.symlink_to(elsewhere)
    (root / "Thermal").rename(tmp_path / "thermal")
    (root / "Thermal").symlink_to(tmp_path / "thermal", target_is_directory=True)
    link = tmp_path / "link"
    link.symlink_to(root, target_is_directory=True)
    pd.testing.assert_frame_equal(read_images(link), before)


def test_names_in_other_scripts_are_numbered_by_their_place(make_root: MakeRoot) -> None:
    people = ("7", "Ωmega", "王", "Зоя", "éa", "b c")
    images = read_images(make_root(people))
    person = images["path"].str.split("/").str[1]
    assert len(images) == 24
    numbers = dict(zip(person, images["identity"], strict=True))
    assert numbers == {name: place for place, name in enumerate(sorted(people), start=1)}


def test_folders_of_the_same_number_stay_two_people(make_root: MakeRoot) -> None:
    images = read_images(make_root(("1", "01", "2", "3")))
    person = images["path"].str.split("/").str[1]
    assert dict(zip(person, images["identity"], strict=True)) == {"01": 1, "1": 2, "2": 3, "3": 4}


def test_files_that_no_list_names_are_left_out(root: Path) -> None:
    before = read_images(root)
    (root / "Visible" / "3" / "Thumbs.db").touch()
    (root / "Visible" / "3" / "extra.bmp").touch()
    pd.testing.assert_frame_equal(read_images(root), before)


# What it refuses


@pytest.mark.parametrize("name", ["empty", "nowhere"])
def test_another_folder_is_no_root(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    line = error_of(tmp_path / name)
    assert f"{name} is not RegDB: expected the folders Visible, Thermal and idx" in line


@pytest.mark.parametrize("name", ["Visible", "Thermal", "idx"])
def test_a_missing_folder_is_named(root: Path, name: str) -> None:
    shutil.rmtree(root / name)
    assert f"{root} is not a complete RegDB: no folder {name}" in error_of(root)


def test_fewer_than_ten_trials_name_the_first_missing_list(root: Path) -> None:
    for number in (9, 10):
        for list_file in (root / "idx").glob(f"*_{number}.txt"):
            list_file.unlink()
    line = error_of(root)
    assert f"{root / 'idx' / 'train_visible_9.txt'} is missing (8 of 40 lists are)" in line
    assert "10 trials" in line


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("../Visible/3/x.bmp 0", "leads out of"),
        ("Visible/../../x.bmp 0", "leads out of"),
        ("/etc/passwd 0", "leads out of"),
        ("Visible/3/x.bmp zero", "label 'zero' of Visible/3/x.bmp is not a whole number"),
        ("Visible/3/x.bmp 1.5", "label '1.5'"),
        ("Visible/3/x.bmp -1", "label '-1'"),
        ("Visible/3/x.bmp", "is not a path and a label"),
        ("Thermal/3/x.bmp 0", "'Thermal/3/x.bmp' is not Visible/PERSON/IMAGE"),
        ("Visible/x.bmp 0", "'Visible/x.bmp' is not Visible/PERSON/IMAGE"),
    ],
)
def test_a_wrong_line_is_named_by_file_and_line(root: Path, line: str, expected: str) -> None:
    lines = lines_of(root, "train_visible_4.txt")
    write_lines(root, "train_visible_4.txt", [lines[0], line, *lines[1:]])
    message = error_of(root)
    assert f"{root / 'idx' / 'train_visible_4.txt'}:2: " in message
    assert expected in message


def test_an_image_listed_twice_is_named(root: Path) -> None:
    lines = lines_of(root, "test_thermal_2.txt")
    write_lines(root, "test_thermal_2.txt", [*lines, lines[0]])
    message = error_of(root)
    assert (
        f"test_thermal_2.txt:{len(lines) + 1}: {lines[0].split()[0]} is already listed" in message
    )


def test_missing_images_are_counted_and_the_first_is_named(root: Path) -> None:
    for person in ("7", "12"):
        shutil.rmtree(root / "Visible" / person)
    message = error_of(root)
    assert "4 of its images are not in" in message
    assert "the first is Visible/12/male_front_v_00000_12.bmp" in message


@pytest.mark.parametrize(
    ("lacking", "having"),
    [
        ("train_thermal_5.txt", "train_visible_5.txt"),
        ("test_visible_5.txt", "test_thermal_5.txt"),
    ],
)
def test_unequal_label_sets_are_named(root: Path, lacking: str, having: str) -> None:
    lines = lines_of(root, lacking)
    write_lines(root, lacking, [line for line in lines if not line.endswith(" 1")])
    message = error_of(root)
    assert f"{root / 'idx' / having} has the label 1 (" in message
    assert f"which {lacking} has not" in message


def test_a_label_of_two_people_is_named(root: Path) -> None:
    lines = lines_of(root, "train_visible_6.txt")
    lines[2] = lines[2].replace(" 1", " 0")
    write_lines(root, "train_visible_6.txt", lines)
    other, first = (line.split("/")[1] for line in (lines[2], lines[0]))
    assert (
        f"train_visible_6.txt:3: label 0 is given to the person '{other}', but '{first}' has it"
    ) in error_of(root)


def test_a_person_of_two_labels_is_named(root: Path) -> None:
    lines = lines_of(root, "train_visible_6.txt")
    lines[1] = lines[1].replace(" 0", " 7")
    write_lines(root, "train_visible_6.txt", lines)
    person = lines[1].split("/")[1]
    assert (
        f"train_visible_6.txt:2: label 7 is given to the person '{person}', but they have the "
        "label 0"
    ) in error_of(root)


def test_a_label_that_means_another_person_in_the_other_modality_is_named(root: Path) -> None:
    swapped = {"0": "1", "1": "0", "2": "2"}
    lines = [
        re.sub(r"\d$", lambda match: swapped[match[0]], line)
        for line in lines_of(root, "test_thermal_7.txt")
    ]
    write_lines(root, "test_thermal_7.txt", lines)
    first, second = (lines_of(root, "test_visible_7.txt")[row].split("/")[1] for row in (0, 2))
    assert (
        f"test_visible_7.txt: label 0 is the person '{first}', but '{second}' in test_thermal_7.txt"
    ) in error_of(root)


def test_a_person_who_trains_and_tests_in_one_trial_is_named(root: Path) -> None:
    for kind in ("visible", "thermal"):
        trained = lines_of(root, f"train_{kind}_8.txt")[:2]
        person = trained[0].split("/")[1]
        tested = lines_of(root, f"test_{kind}_8.txt")
        lines = [*tested, *(f"{line.rsplit(maxsplit=1)[0]} 99" for line in trained)]
        write_lines(root, f"test_{kind}_8.txt", lines)
    message = error_of(root)
    assert f"trial 8 trains on 1 of the people it tests on, such as '{person}'" in message
    assert "train_visible_8.txt and in test_visible_8.txt" in message


def repeat_lists(root: Path, source: int, target: int) -> None:
    for role in ("train", "test"):
        for kind in ("visible", "thermal"):
            write_lines(
                root, f"{role}_{kind}_{target}.txt", lines_of(root, f"{role}_{kind}_{source}.txt")
            )


def test_one_split_ten_times_is_refused(root: Path) -> None:
    for number in range(2, 11):
        repeat_lists(root, 1, number)
    message = error_of(root)
    assert "the lists of 9 trials repeat those of another, such as trial 2 those of trial 1" in (
        message
    )
    with pytest.raises(DataError, match="the lists of 9 trials repeat"):
        RegdbReader().read_splits(root / "idx")


def test_a_split_that_stands_twice_is_refused_where_chance_does_not_give_it(
    make_root: MakeRoot,
) -> None:
    root = make_root(tuple(str(number) for number in range(1, 19)))
    RegdbReader().read(root)
    repeat_lists(root, 3, 8)
    assert "the lists of 1 trials repeat those of another, such as trial 8 those of trial 3" in (
        error_of(root)
    )


def test_few_people_may_be_split_alike_by_chance(root: Path) -> None:
    """Six people have twenty splits: of ten drawn ones two are often the same."""
    repeat_lists(root, 3, 8)
    RegdbReader().read(root)


def test_an_unreadable_list_is_named(root: Path) -> None:
    (root / "idx" / "train_visible_1.txt").write_bytes(b"\xff\xfe\x00")
    assert re.search(r"train_visible_1\.txt is not .*UTF-8", error_of(root))
