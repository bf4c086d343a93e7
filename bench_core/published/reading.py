"""Reads the folder of published numbers; what is wrong in it is named with its file and line."""

from __future__ import annotations

import csv
import io
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from bench_core.contracts.errors import DataError
from bench_core.published.registry import Published
from bench_core.published.schema import (
    PUBLISHED_METRICS,
    PublishedConflict,
    PublishedMethod,
    PublishedPaper,
    PublishedRow,
    PublishedSource,
)
from bench_core.system.foreign_files import quoted, read_regular

SOURCES, METHODS, CONFLICTS, TABLES = "sources.toml", "methods.toml", "conflicts.toml", "tables"
PAPERS = "papers.toml"
"""A file that a folder need not have."""
LARGEST_FILE_BYTES = 1 << 24
"""16 MiB: the largest table has some 10 KiB."""
ROW_COLUMNS = (
    *("table", "row", "method", "backbone", "protocol", "direction", "setting"),
    *("gallery", "rerank", "flip", "selection"),
)
"""The columns that stand before those of the metrics."""
NOTE = "note"
Part = TypeVar("Part", bound=BaseModel)


@dataclass(frozen=True)
class FoundPublished:
    """What a folder of published numbers holds.

    Attributes:
        published: What can be used of it.
        defects: An error for each part that cannot, with file and line.
    """

    published: Published
    defects: tuple[DataError, ...]


def shipped_folder() -> Path:
    """Return the folder that comes with the program.

    It is `results/published` of a checkout; an installed package holds a copy of it.

    Raises:
        DataError: There is neither.
    """
    package = Path(__file__).parent
    folders = (package / "data", package.parents[1] / "results" / "published")
    for folder in folders:
        if (folder / SOURCES).is_file():
            return folder
    raise DataError(
        f"the published numbers are not installed: there is no {folders[0]}; install "
        "vireid-bench again, or name a folder of them"
    )


def read_published(folder: Path) -> FoundPublished:
    """Read all published numbers of a folder; a bad part does not keep the others from being read.

    Args:
        folder: Such as `results/published`; one that does not exist holds none.
    """
    reader = _Reader()
    if not folder.is_dir():
        return FoundPublished(Published((), (), (), ()), ())
    sources = reader.sections(folder / SOURCES, PublishedSource)
    methods = reader.sections(folder / METHODS, PublishedMethod)
    conflicts = reader.conflicts(folder / CONFLICTS)
    known = {source.id for source in sources}
    papers = reader.papers(folder / PAPERS, known)
    rows = [
        row for path in sorted((folder / TABLES).glob("*.csv")) for row in reader.rows(path, known)
    ]
    published = Published(
        tuple(rows), tuple(sources), tuple(methods), tuple(conflicts), tuple(papers)
    )
    return FoundPublished(published, tuple(reader.defects))


class _Reader:
    """Reads parts, and collects what is wrong with others."""

    def __init__(self) -> None:
        self.defects: list[DataError] = []

    def sections(self, path: Path, part: type[Part]) -> list[Part]:
        """Read a TOML file with a section for each part, named by its id."""
        text, document = self._toml(path)
        parts = []
        for name, section in document.items():
            line = _line_of(text, rf"\[\s*\"?{re.escape(name)}\"?\s*\]")
            values = section if isinstance(section, dict) else {}
            parts += self._valid(part, {**values, "id": name}, path, line)
        return parts

    def papers(self, path: Path, sources: Collection[str]) -> list[PublishedPaper]:
        """Read the tables of papers, if there is such a file."""
        papers = self.sections(path, PublishedPaper) if path.exists() else []
        for paper in papers:
            if paper.id not in sources:
                self._defect(
                    path, 1, f"{SOURCES} has no source [{paper.id}], whose tables these are"
                )
        return [paper for paper in papers if paper.id in sources]

    def conflicts(self, path: Path) -> list[PublishedConflict]:
        """Read the [[conflict]] blocks of a TOML file."""
        text, document = self._toml(path)
        for name in document.keys() - {"conflict"}:
            self._defect(path, _line_of(text, rf"\W*{re.escape(name)}\b"), f"unknown key {name}")
        blocks = document.get("conflict", [])
        parts = []
        for number, block in enumerate(blocks if isinstance(blocks, list) else []):
            line = _conflict_line(text, number)
            values = block if isinstance(block, dict) else {}
            parts += self._valid(PublishedConflict, {**values, "line": line}, path, line)
        return parts

    def rows(self, path: Path, sources: set[str]) -> Iterator[PublishedRow]:
        """Read the rows of a source."""
        lines = _csv_lines(self._text(path))
        _, header = next(lines, (1, []))
        metrics = header[len(ROW_COLUMNS) : -1]
        if not self._good_header(path, header, metrics):
            return
        if path.stem not in sources:
            self._defect(path, 1, f"{SOURCES} has no source [{path.stem}], what these rows are of")
            return
        for line, cells in lines:
            if len(cells) != len(header):
                self._defect(path, line, f"{len(cells)} cells under {len(header)} columns")
                continue
            values = _row_values(dict(zip(header, cells, strict=True)))
            document = {**values, "source": path.stem, "line": line}
            yield from self._valid(PublishedRow, document, path, line)

    def _good_header(self, path: Path, header: list[str], metrics: list[str]) -> bool:
        unknown = [name for name in metrics if name not in PUBLISHED_METRICS]
        if tuple(header[: len(ROW_COLUMNS)]) != ROW_COLUMNS or header[-1] != NOTE:
            wanted = ",".join((*ROW_COLUMNS, "<metrics>", NOTE))
            self._defect(path, 1, f"the columns must be {wanted}")
        elif unknown:
            known = ", ".join(PUBLISHED_METRICS)
            self._defect(path, 1, f"unknown metric {quoted(unknown[0])} (known: {known})")
        elif len(set(metrics)) != len(metrics):
            self._defect(path, 1, "a metric has two columns")
        else:
            return True
        return False

    def _valid(self, part: type[Part], document: Any, path: Path, line: int) -> list[Part]:
        """Return the part, or an empty list where it is none, which is noted."""
        try:
            return [part.model_validate(document)]
        except ValidationError as error:
            self._defect(path, line, _first(error))
            return []

    def _toml(self, path: Path) -> tuple[str, dict[str, Any]]:
        text = self._text(path)
        try:
            return text, tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            at = re.search(r"at line (\d+)", str(error))
            self._defect(path, int(at[1]) if at else 1, f"not TOML: {error}")
            return text, {}

    def _text(self, path: Path) -> str:
        try:
            return read_regular(path, LARGEST_FILE_BYTES).decode()
        except OSError as error:
            self.defects.append(DataError(f"cannot read {path}: {error.strerror or error}"))
        except UnicodeDecodeError:
            self._defect(path, 1, "not UTF-8 text")
        return ""

    def _defect(self, path: Path, line: int, what: str) -> None:
        self.defects.append(DataError(f"{path}:{line}: {what}"))


def _conflict_line(text: str, number: int) -> int:
    """Return the line of the conflict of that number, from 0, in the text of its file."""
    starts = list(re.finditer(r"^[ \t]*\[\[\s*conflict\s*\]\]", text, re.MULTILINE))
    return text.count("\n", 0, starts[number].start()) + 1 if number < len(starts) else 1


def _line_of(text: str, pattern: str) -> int:
    found = re.search(rf"^{pattern}", text, re.MULTILINE)
    return text.count("\n", 0, found.start()) + 1 if found else 1


def _csv_lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows with the line on which each starts."""
    reader = csv.reader(io.StringIO(text, newline=""))
    start = 1
    for cells in reader:
        if cells:
            yield start, cells
        start = reader.line_num + 1


def _row_values(cells: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {name: cells[name] for name in (*ROW_COLUMNS, NOTE)}
    values["protocol"] = cells["protocol"] or None
    values["values"] = {name: cells[name] for name in PUBLISHED_METRICS if cells.get(name)}
    return values


def _first(error: ValidationError) -> str:
    details = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in details["loc"])
    message = details["msg"].removeprefix("Value error, ")
    given = details["input"]
    got = f", got {quoted(given)}" if isinstance(given, str | int | float) else ""
    return f"{field}: {message}{got}" if field else message
