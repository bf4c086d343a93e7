"""A small folder of published numbers, and the one of this checkout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench_core.published.reading import read_published, shipped_folder
from bench_core.published.registry import Published

HEADER = (
    "table,row,method,backbone,protocol,direction,setting,gallery,rerank,flip,selection,"
    "rank-1,rank-10,mAP,note"
)
ROW = (
    "Table 1,{row},{method},,{protocol},{direction},{setting},{gallery},{rerank},no,last,"
    "{rank_1},{rank_10},{mean_ap},"
)
SOURCES = """\
[ours]
title = "A paper"
name = "Ours"
evidence = "paper"
introduces = ["one"]

[theirs]
title = "Their repository"
evidence = "repository"
"""
METHODS = """\
[one]
names = ["One", "The One"]

[two]
names = ["Two"]
"""


def row(**changes: str) -> str:
    """A line of a table."""
    values = {
        "row": "One", "method": "one", "protocol": "sysu-all-single",
        "direction": "infrared-to-visible", "setting": "", "gallery": "official",
        "rerank": "none", "rank_1": "40.1", "rank_10": "80.2", "mean_ap": "38.3",
    }  # fmt: skip
    return ROW.format_map(values | changes)


@pytest.fixture
def make_row() -> Callable[..., str]:
    """Return `row`."""
    return row


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Path]:
    """Write a folder with the given lines in `ours.csv` and `theirs.csv`."""

    def write(
        *ours: str, theirs: tuple[str, ...] = (), conflicts: str = "", header: str = HEADER
    ) -> Path:
        folder = tmp_path / "published"
        (folder / "tables").mkdir(parents=True)
        theirs = theirs or (row(row="Two", method="two", rank_1="30.0"),)
        (folder / "sources.toml").write_text(SOURCES)
        (folder / "methods.toml").write_text(METHODS)
        (folder / "conflicts.toml").write_text(conflicts)
        for name, lines in (("ours", ours or (row(),)), ("theirs", theirs)):
            (folder / "tables" / f"{name}.csv").write_text("\n".join((header, *lines)) + "\n")
        return folder

    return write


@pytest.fixture(scope="session")
def published() -> Published:
    """The published numbers of this checkout."""
    return read_published(shipped_folder()).published
