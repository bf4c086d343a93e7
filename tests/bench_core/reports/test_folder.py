"""A report takes the place of a report as it was written, and of nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench_core.contracts.errors import UsageError
from bench_core.reports.folder import FORMAT, check_folder
from bench_core.system.files import hash_file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A report as it is written."""
    folder = tmp_path / "report"
    folder.mkdir()
    (folder / "report.html").write_text("<p>page</p>")
    (folder / "cmc.png").write_bytes(b"picture")
    describe(folder, *folder.iterdir())
    return folder


def describe(folder: Path, *files: Path) -> None:
    names = {str(path.relative_to(folder)): hash_file(path) for path in files}
    (folder / "report.json").write_text(json.dumps({"format": FORMAT, "files": names}))


def refuse(folder: Path, name: str) -> None:
    with pytest.raises(UsageError, match=rf"holds {name}, which is no part of a report, or was"):
        check_folder(folder)


def test_the_files_of_a_report_may_be_removed(folder: Path) -> None:
    assert check_folder(folder) == {"report.html", "report.json", "cmc.png"}


def test_an_empty_folder_and_none_hold_nothing_to_remove(tmp_path: Path) -> None:
    assert check_folder(tmp_path) == check_folder(tmp_path / "nowhere") == set()


def test_a_page_that_was_changed_is_kept(folder: Path) -> None:
    (folder / "report.html").write_text("<p>page with my notes</p>")
    refuse(folder, "report.html")


def test_a_folder_that_a_strangers_report_names_is_kept(folder: Path) -> None:
    (folder / "thesis").mkdir()
    document = json.loads((folder / "report.json").read_text())
    document["files"]["thesis"] = "x"
    (folder / "report.json").write_text(json.dumps(document))
    refuse(folder, "thesis")


def test_a_file_of_a_name_that_no_report_has_is_kept(folder: Path) -> None:
    (folder / "thesis.tex").write_text("text")
    describe(folder, *folder.iterdir())
    refuse(folder, "report.json|thesis.tex")


def test_files_outside_are_no_part_of_a_report(folder: Path) -> None:
    (folder.parent / "mine.png").write_bytes(b"mine")
    names = {"../mine.png": hash_file(folder.parent / "mine.png")}
    (folder / "report.json").write_text(json.dumps({"format": FORMAT, "files": names}))
    refuse(folder, "cmc.png")


def test_a_link_is_kept(folder: Path) -> None:
    (folder / "cmc.png").rename(folder.parent / "cmc.png")
    (folder / "cmc.png").symlink_to(folder.parent / "cmc.png")
    refuse(folder, "cmc.png")


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", "null", '{"format": 5}', f'{{"format": "{FORMAT}"}}',
        f'{{"format": "{FORMAT}", "files": ["cmc.png"]}}', "[" * 100_000, "9" * 10_000,
        '{"format": "vireid-bench-report/1", "pictures": {"cmc.png": "x"}}', "\udcff",
    ],
)  # fmt: skip
def test_a_data_file_of_another_kind_names_nothing(folder: Path, text: str) -> None:
    (folder / "report.json").write_bytes(text.encode(errors="surrogateescape"))
    refuse(folder, "cmc.png")


def test_a_data_file_that_is_a_link_names_nothing(folder: Path) -> None:
    (folder / "report.json").rename(folder.parent / "data.json")
    (folder / "report.json").symlink_to(folder.parent / "data.json")
    refuse(folder, "cmc.png")
