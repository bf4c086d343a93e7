"""A report as files: a page, its pictures, and both as data, in a folder of their own."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from bench_core.contracts.errors import BenchError, UsageError
from bench_core.reports.document import LeftOut, Part, render_html
from bench_core.system.files import (
    folder_written_whole,
    hash_file,
    write_bytes,
    write_json,
    write_text,
)

if TYPE_CHECKING:
    from pathlib import Path

PAGE_FILE = "report.html"
DATA_FILE = "report.json"
FORMAT = "vireid-bench-report/2"
"""Written into the data file, which says what files the report consists of."""
PART_OF_REPORT = re.compile(r"report\.html|[a-z0-9-]+\.png")
"""Names that files of a report have, besides its data file."""
SYNTHETIC_NOTICE = (
    "Synthetic data: these people are rendered. The numbers show that a method learns and compare "
    "with nothing published."
)


@dataclass(frozen=True, kw_only=True)
class Page:
    """A report before it is written.

    Attributes:
        title: Heading of the page.
        synthetic: Whether it is about people who were rendered.
        parts: Its parts.
        left_out: What it lacks, and why.
        facts: What it says as JSON values, besides what its parts hold.
    """

    title: str
    synthetic: bool
    parts: tuple[Part, ...]
    left_out: tuple[LeftOut, ...]
    facts: Mapping[str, Any]

    def as_document(self) -> dict[str, Any]:
        """Return the report as JSON values, without its pictures."""
        return {
            "format": FORMAT,
            "title": self.title,
            "synthetic": self.synthetic,
            **self.facts,
            **{name: value for part in self.parts for name, value in part.data.items()},
            "pictures": {
                f"{picture.name}.png": picture.caption
                for part in self.parts
                for picture in part.pictures
            },
            "left_out": [asdict(item) for item in self.left_out],
        }


def check_folder(folder: Path, option: str = "--output") -> set[str]:
    """Refuse to replace anything but a report as it was written.

    Args:
        folder: Where a report shall lie.
        option: The option that names it.

    Returns:
        Names of the files of an older report there, which may be removed.

    Raises:
        UsageError: The path is a file, or a folder with something that belongs to no report.
        BenchError: The folder cannot be read.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{option} {folder} is a file; name a folder")
    try:
        present = {entry.name for entry in folder.iterdir()} if folder.exists() else set()
        own = _files_of(folder)
    except OSError as error:
        raise BenchError(f"cannot read {folder}: {error.strerror}") from error
    if others := present - own:
        raise UsageError(
            f"{option} {folder} holds {min(others)}, which is no part of a report, or was changed "
            "since, or is of an older version; name another folder, or move it away"
        )
    return own


def write_page(folder: Path, page: Page, option: str = "--output") -> Path:
    """Write a report, whole or not at all; an older report in its place is replaced.

    Args:
        folder: Where it shall lie.
        page: The report.
        option: The option that names the folder.

    Returns:
        The page.

    Raises:
        UsageError: The folder holds something that is no report.
        BenchError: A file cannot be written.
    """
    notice = SYNTHETIC_NOTICE if page.synthetic else None
    with folder_written_whole(folder, replaced=check_folder(folder, option)) as temporary:
        for part in page.parts:
            for picture in part.pictures:
                write_bytes(temporary / f"{picture.name}.png", picture.png)
        write_text(
            temporary / PAGE_FILE, render_html(page.title, notice, page.parts, page.left_out)
        )
        files = {path.name: hash_file(path) for path in sorted(temporary.iterdir())}
        write_json(temporary / DATA_FILE, {**page.as_document(), "files": files})
    return folder / PAGE_FILE


def _files_of(folder: Path) -> set[str]:
    """Return the names of the files of the report in a folder; none where there is no report.

    The data file says which they are, but may be a stranger's: a file counts only where it is of
    the name and the content that the report was written with.
    """
    data = folder / DATA_FILE
    if data.is_symlink() or not data.is_file():
        return set()
    try:
        document = json.loads(data.read_bytes())
    except (ValueError, RecursionError):
        return set()
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        return set()
    files = document.get("files")
    if not isinstance(files, dict):
        return set()
    return {DATA_FILE} | {name for name, digest in files.items() if _is_part(folder, name, digest)}


def _is_part(folder: Path, name: str, digest: object) -> bool:
    path = folder / name
    if not PART_OF_REPORT.fullmatch(name) or path.is_symlink() or not path.is_file():
        return False
    return hash_file(path) == digest
