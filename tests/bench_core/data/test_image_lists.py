"""Lists of images and identities: what is accepted, and what is said of those that are wrong."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bench_core import DataError
from bench_core.datasets import (
    ListedImage,
    check_images_exist,
    check_same_people,
    people_by_label,
    read_identity_list,
    read_image_list,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "idx" / "train.txt"


def read(file: Path, text: str) -> tuple[ListedImage, ...]:
    """Write a list, byte for byte, and read it."""
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(text.encode())
    return read_image_list(file, file.parent.parent)


@pytest.mark.parametrize(
    "read_file", [read_identity_list, lambda file: read_image_list(file, file)]
)
def test_a_pipe_is_not_waited_for(
    tmp_path: Path, read_file: Callable[[Path], tuple[object, ...]]
) -> None:
    os.mkfifo(tmp_path / "list.txt")
    with pytest.raises(DataError, match=r"cannot read .*list.txt: It is a named pipe, not a regul"):
        read_file(tmp_path / "list.txt")


@pytest.mark.parametrize(
    ("content", "what"),
    [("version https://git-lfs.github.com/spec/v1\n", "a Git LFS"), ("<html>", "a web page")],
)
def test_what_is_in_its_place_is_named(file: Path, content: str, what: str) -> None:
    with pytest.raises(DataError, match=f"train.txt is {what}.*; restore it from the dataset's"):
        read(file, content)


def test_a_list_that_cannot_be_one_does_not_fill_the_memory(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench_core.data.image_lists.LARGEST_LIST_BYTES", 20)
    with pytest.raises(DataError, match=r"cannot read .*train.txt: It has more than 20 bytes"):
        read(file, "vis/a.jpg 7\nvis/b.jpg 7\n")


def test_an_image_that_is_no_regular_file_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    with pytest.raises(DataError, match=r"first is a.jpg \(which is there, but is no regular file"):
        check_images_exist(tmp_path, ["a.jpg"], tmp_path / "list.txt")


def test_each_line_is_a_path_and_a_label_in_the_order_of_the_list(file: Path) -> None:
    assert read(file, "vis/b.jpg 7\nvis/a.jpg 0\n") == (
        ListedImage("vis/b.jpg", 7, 1),
        ListedImage("vis/a.jpg", 0, 2),
    )


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ("\ufeffvis/a.jpg 3\n", "vis/a.jpg", 1),
        ("vis/a.jpg 3\r\n", "vis/a.jpg", 1),
        ("vis/a.jpg 3 \t", "vis/a.jpg", 1),
        ("  vis/a.jpg\t\t003", "vis/a.jpg", 1),
        ("\r\n \n\nvis/a.jpg 3\n\n", "vis/a.jpg", 4),
        ("vis\\people\\a.jpg 3", "vis/people/a.jpg", 1),
        ("./vis//a.jpg 3", "vis/a.jpg", 1),
        ("vis/other/../a.jpg 3", "vis/a.jpg", 1),
        ("vis/a copy 2.jpg 3", "vis/a copy 2.jpg", 1),
        ("可见/行人 é.jpg 3", "可见/行人 é.jpg", 1),
    ],
)
def test_lists_in_any_common_form_are_accepted(file: Path, text: str, path: str, line: int) -> None:
    assert read(file, text) == (ListedImage(path, 3, line),)


@pytest.mark.parametrize(
    "path",
    [
        "../secret.jpg",
        "vis/../../secret.jpg",
        "..",
        "/etc/secret.jpg",
        "//host/secret.jpg",
        "..\\secret.jpg",
        "\\\\host\\secret.jpg",
        "C:\\secret.jpg",
        "c:/secret.jpg",
    ],
)
def test_a_path_that_leaves_the_root_is_refused(file: Path, path: str) -> None:
    with pytest.raises(DataError, match=r"train\.txt:2: path '.+' leads out of .+; it must be rel"):
        read(file, f"vis/a.jpg 3\n{path} 3\n")


def test_a_name_that_starts_with_two_dots_stays_inside(file: Path) -> None:
    assert read(file, "..vis/a.jpg 3")[0].path == "..vis/a.jpg"


@pytest.mark.parametrize("label", ["x", "1.0", "-1", "+1", "1e3", "٣", "1234567890"])
def test_a_label_that_is_no_integer_is_named(file: Path, label: str) -> None:
    with pytest.raises(DataError, match=r"train\.txt:2: label '.+' of vis/b\.jpg is not a whole"):
        read(file, f"vis/a.jpg 3\nvis/b.jpg {label}\n")


def test_a_line_of_one_word_is_named(file: Path) -> None:
    with pytest.raises(DataError, match=r"train\.txt:2: 'vis/b\.jpg' is not a path and a label"):
        read(file, "vis/a.jpg 3\nvis/b.jpg\n")


@pytest.mark.parametrize("again", ["vis/a.jpg 3", "./vis/a.jpg 4", "vis\\a.jpg 3"])
def test_an_image_that_is_listed_twice_is_named_with_both_lines(file: Path, again: str) -> None:
    with pytest.raises(DataError, match=r"train\.txt:3: vis/a\.jpg is already listed in line 1"):
        read(file, f"vis/a.jpg 3\nvis/b.jpg 3\n{again}\n")


@pytest.mark.parametrize("text", ["", "\n \r\n", "\ufeff"])
def test_an_empty_list_is_an_error(file: Path, text: str) -> None:
    with pytest.raises(DataError, match=r"train\.txt lists no image; restore"):
        read(file, text)


def test_a_missing_list_is_named(file: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*train\.txt: No such file"):
        read_image_list(file, file.parent.parent)


def test_a_folder_is_no_list(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*: Is a directory"):
        read_image_list(tmp_path, tmp_path)


def test_a_list_in_another_encoding_is_named(file: Path) -> None:
    file.parent.mkdir()
    file.write_bytes("可见/a.jpg 3".encode("gbk"))
    with pytest.raises(DataError, match=r"train\.txt is not a text file in UTF-8"):
        read_image_list(file, file.parent.parent)


def test_links_to_images_are_images(tmp_path: Path) -> None:
    target = tmp_path / "a.jpg"
    target.touch()
    (tmp_path / "link.jpg").symlink_to(target)
    check_images_exist(tmp_path, ["a.jpg", "link.jpg"], tmp_path / "train.txt")
    target.unlink()
    with pytest.raises(DataError, match=r"2 of its images are not in .*, the first is a\.jpg"):
        check_images_exist(tmp_path, ["a.jpg", "link.jpg"], tmp_path / "train.txt")


@pytest.mark.parametrize("kind", ["missing", "folder", "broken link", "file as a folder"])
def test_images_that_are_not_there_are_counted_and_the_first_is_named(
    tmp_path: Path, kind: str
) -> None:
    (tmp_path / "a.jpg").touch()
    if kind == "folder":
        (tmp_path / "b.jpg").mkdir()
    if kind == "broken link":
        (tmp_path / "b.jpg").symlink_to("nowhere")
    second = "a.jpg/b.jpg" if kind == "file as a folder" else "b.jpg"
    with pytest.raises(
        DataError, match=rf"train\.txt: 2 of its images are not in .*, the first is {second}"
    ):
        check_images_exist(tmp_path, ["a.jpg", second, "c.jpg"], tmp_path / "train.txt")


def test_a_name_that_no_file_can_have_is_an_error_of_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*: File name too long"):
        check_images_exist(tmp_path, ["x" * 300], tmp_path / "train.txt")


def people(*entries: tuple[str, int]) -> dict[int, str]:
    images = [ListedImage(path, label, line) for line, (path, label) in enumerate(entries, start=1)]
    return people_by_label(Path("train.txt"), images, "vis")


def test_the_person_of_a_label_is_the_folder_of_its_images() -> None:
    found = people(("vis/0250/a.jpg", 4), ("vis/0007/b.jpg", 0), ("vis/0250/c.jpg", 4))
    assert found == {4: "0250", 0: "0007"}


@pytest.mark.parametrize("path", ["nir/0250/a.jpg", "vis/a.jpg", "vis/more/0250/a.jpg", "a.jpg"])
def test_an_image_outside_the_folder_of_a_person_is_named(path: str) -> None:
    with pytest.raises(DataError, match=rf"train\.txt:2: '{path}' is not vis/PERSON/IMAGE"):
        people(("vis/0250/b.jpg", 4), (path, 4))


def test_a_label_of_two_people_is_named() -> None:
    with pytest.raises(DataError, match="txt:2: label 4 is given to the person '0007', but '0250'"):
        people(("vis/0250/a.jpg", 4), ("vis/0007/b.jpg", 4))


def test_a_person_of_two_labels_is_named() -> None:
    with pytest.raises(
        DataError, match=r"txt:2: label 5 .* '0250', but they have the label 4 above"
    ):
        people(("vis/0250/a.jpg", 4), ("vis/0250/b.jpg", 5))


ONE, OTHER = Path("idx/vis.txt"), Path("idx/nir.txt")


def test_a_label_in_only_one_list_is_named() -> None:
    alone = {4: "0250", 0: "0007"}
    with pytest.raises(DataError, match=r"idx/vis\.txt has the label 0 \('0007'\), which nir\.txt"):
        check_same_people((ONE, alone), (OTHER, {4: "0250"}))
    with pytest.raises(DataError, match=r"idx/nir\.txt has the label 0 \('0007'\), which vis\.txt"):
        check_same_people((ONE, {4: "0250"}), (OTHER, alone))


def test_labels_must_be_the_same_people_in_both_lists_in_whatever_order() -> None:
    check_same_people((ONE, {4: "0250", 0: "0007"}), (OTHER, {0: "0007", 4: "0250"}))
    with pytest.raises(DataError, match=r"vis\.txt: label 4 is the person '0250', but '0007' in"):
        check_same_people((ONE, {4: "0250", 0: "0007"}), (OTHER, {0: "0250", 4: "0007"}))


@pytest.mark.parametrize("text", ["3,5,7", "0007, 3,5,\r\n", "7 5\n3\n", "\ufeff0003,0005,7,7"])
def test_identities_are_read_in_any_common_form(tmp_path: Path, text: str) -> None:
    (tmp_path / "test_id.txt").write_bytes(text.encode())
    assert read_identity_list(tmp_path / "test_id.txt") == (3, 5, 7)


@pytest.mark.parametrize("entry", ["x", "3.5", "-3", "1e3", "99999999999"])
def test_an_identity_that_is_no_number_is_named(tmp_path: Path, entry: str) -> None:
    (tmp_path / "test_id.txt").write_text(f"3,{entry},7")
    with pytest.raises(DataError, match=rf"test_id\.txt: '{entry}' is not an identity number"):
        read_identity_list(tmp_path / "test_id.txt")


@pytest.mark.parametrize("text", ["", " \n", ",,\r\n"])
def test_a_list_without_identities_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "test_id.txt").write_text(text)
    with pytest.raises(DataError, match=r"test_id\.txt lists no identity; restore"):
        read_identity_list(tmp_path / "test_id.txt")
