"""What is wrong with files, and whether it would change a score."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd
import pytest

from bench_core.data.verification import files
from bench_core.data.verification.findings import Finding
from bench_core.data.verification.inspection import ImageFacts
from bench_core.data.verification.walking import FoundFiles


def summary(findings: Iterable[Finding]) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {finding.kind: (finding.severity, finding.examples) for finding in findings}


def table(*rows: tuple[str, int, int, str], **columns: list[object]) -> pd.DataFrame:
    names = ["path", "identity", "camera", "modality"]
    return pd.DataFrame(rows, columns=names).assign(**columns)


def faulty(path: str, fault: str) -> ImageFacts:
    return ImageFacts(path=path, content=None, fault=fault, reason="is wrong")


@pytest.mark.parametrize("fault", ["unreadable", "empty", "truncated", "damaged"])
def test_a_file_that_cannot_be_decoded_is_a_problem_where_it_is_read(fault: str) -> None:
    facts = [faulty("a.jpg", fault), faulty("b.jpg", fault), ImageFacts(path="c.jpg", content="1")]
    found = list(files.check_decoding(facts, frozenset({"a.jpg", "c.jpg"}), FoundFiles()))
    assert [(finding.kind, finding.severity, finding.examples) for finding in found] == [
        (fault, "problem", ("a.jpg is wrong",)),
        (fault, "note", ("b.jpg is wrong",)),
    ]
    assert found[1].message.endswith("(no split lists them)")


def test_without_a_table_every_file_counts_as_read() -> None:
    found = files.check_decoding([faulty("a.jpg", "empty")], None, FoundFiles())
    assert summary(found) == {"empty": ("problem", ("a.jpg is wrong",))}


def test_a_broken_link_is_told_once() -> None:
    found = FoundFiles(broken_links=["a.jpg"])
    assert list(files.check_decoding([faulty("a.jpg", "unreadable")], None, found)) == []
    assert summary(files.check_links(found)) == {"broken link": ("problem", ("a.jpg",))}


def test_loops_are_noted_and_closed_folders_are_problems() -> None:
    found = FoundFiles(repeated_links=["a/up"], closed_folders=["b"])
    assert summary(files.check_links(found)) == {
        "closed folder": ("problem", ("b",)),
        "repeated link": ("note", ("a/up",)),
    }


ORIGINAL = ("a", 4, 1, "visible")


@pytest.mark.parametrize(
    ("copy", "kind", "severity"),
    [
        (("b", 4, 1, "visible"), "copy", "note"),
        (("b", 5, 1, "visible"), "copy elsewhere", "problem"),
        (("b", 4, 2, "visible"), "copy elsewhere", "problem"),
        (("b", 4, 1, "infrared"), "copy elsewhere", "problem"),
    ],
)
def test_a_copy_is_a_problem_unless_it_is_beside_its_original(
    copy: tuple[str, int, int, str], kind: str, severity: str
) -> None:
    images = table(ORIGINAL, copy, ("c", 4, 1, "visible"), content=["1", "1", "2"])
    assert summary(files.check_copies(images)) == {kind: (severity, ("a = b",))}


def test_many_copies_are_one_example() -> None:
    rows = [(name, 4, 1, "visible") for name in "abcdef"]
    found = summary(files.check_copies(table(*rows, content=["1"] * 6)))
    assert found == {"copy": ("note", ("a = b = c = 3 more",))}


def test_files_that_cannot_be_read_are_no_copies_of_each_other() -> None:
    images = table(ORIGINAL, ("b", 5, 1, "visible"), content=[None, None])
    assert list(files.check_copies(images)) == []


def test_copies_without_a_table_are_noted() -> None:
    facts = [ImageFacts(path=name, content=name[0]) for name in ("1a", "2", "1b")]
    facts += [faulty("3", "unreadable"), faulty("4", "unreadable")]
    found = summary(files.check_copies_without_table(facts))
    assert found == {"copy": ("note", ("1a = 1b",))}


@pytest.mark.parametrize(
    ("modality", "colour", "expected"),
    [
        ("infrared", 0.0, {}),
        ("infrared", 4.9, {}),
        ("infrared", 5.1, {"colour": ("problem", ("a",))}),
        ("infrared", None, {}),
        ("visible", 30.0, {}),
        ("visible", 1.1, {}),
        ("visible", 0.0, {"no colour": ("note", ("a",))}),
        ("visible", None, {}),
    ],
)
def test_colours_must_fit_the_modality(
    modality: str, colour: float | None, expected: Mapping[str, object]
) -> None:
    images = table(("a", 4, 1, modality)).assign(colour=pd.Series([colour], dtype=float))
    assert summary(files.check_modality(images)) == expected


def test_other_files_count_where_images_are() -> None:
    found = FoundFiles(
        images=["cam1/0001/1.jpg"],
        others=["cam1/0001/Thumbs.db", "cam1/notes.txt", "exp/test_id.txt", "synthetic.json"],
    )
    expected = ("note", ("cam1/0001/Thumbs.db", "cam1/notes.txt"))
    assert summary(files.check_other_files(found)) == {"other files": expected}


LISTED = frozenset({"cam1/0001/1.jpg", "cam1/0002/1.jpg", "cam2/0001/1.jpg"})


def test_folders_of_people_in_no_split_are_noted() -> None:
    more = ["cam1/0007/1.jpg", "cam1/0007/2.jpg", "cam2/0002/1.jpg"]
    found = summary(files.check_places(FoundFiles(images=[*LISTED, *more]), LISTED))
    assert found == {
        "unlisted": ("note", ("cam1/0007 (images: 2)", "cam2/0002 (images: 1)")),
    }


@pytest.mark.parametrize(
    "path",
    [
        "1.jpg",
        "cam1/1.jpg",
        "cam1/0001/1.bmp",
        "cam1/0001/more/1.jpg",
        "cam1/copy of 0001/1.jpg",
        "camera1/0007/1.jpg",
    ],
)
def test_a_file_in_any_other_place_is_misplaced(path: str) -> None:
    found = summary(files.check_places(FoundFiles(images=[*LISTED, path]), LISTED))
    assert found == {"misplaced": ("problem", (path,))}
