"""The leaderboard in each format, and the check that a committed file is up to date."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from bench_core.contracts.errors import unknown_name
from bench_core.leaderboard.corruption import robustness_values
from bench_core.leaderboard.differences import difference, value_difference
from bench_core.leaderboard.flat import FLAT_TABLE_COLUMNS, table_rows
from bench_core.leaderboard.latex import latex
from bench_core.leaderboard.markdown import markdown
from bench_core.leaderboard.parquet import parquet_rows, parquet_table
from bench_core.leaderboard.published import paper_numbers
from bench_core.leaderboard.published_values import json_values
from bench_core.leaderboard.rows import Row, Section, ToldApart, Value, row_values, sections
from bench_core.leaderboard.speeds import speed_markdown, speed_text, speed_values
from bench_core.leaderboard.terminal import leaderboard_text
from bench_core.system.escaping import csv_cell

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from bench_core.contracts.result import ResultRecord
    from bench_core.contracts.speed import SpeedRecord
    from bench_core.published.registry import Published


def render(
    records: Iterable[ResultRecord],
    output_format: str,
    told_apart: ToldApart,
    speeds: Sequence[SpeedRecord] = (),
    published: Published | None = None,
    recomputed: Collection[str] = frozenset(),
) -> str:
    """Render a leaderboard; the same records give the same text, in whatever order they come.

    Args:
        records: The runs to show.
        output_format: A name in `FORMATS`. "table", "markdown" and "latex" show percent; "csv" and
            "json" keep fractions in [0, 1], unrounded; "html" is a page.
        told_apart: Decides which rows share a rank; see `bench_core.leaderboard.rows.sections`.
        speeds: Measurements of devices, which are shown behind the results; "csv" and "latex" have
            none.
        published: Numbers of papers, which are shown apart from measured ones.
        recomputed: Digests of the records whose features were scored again just now; their rows
            are marked.

    Returns:
        The document, ending in a newline.

    Raises:
        UsageError: There is no such format.
    """
    if output_format not in FORMATS:
        raise unknown_name("leaderboard format", output_format, (*FORMATS, PARQUET))
    tables = sections(records, told_apart, recomputed)
    if output_format in WHOLE_FORMATS:
        return WHOLE_FORMATS[output_format](tables, speeds, published)
    text = TEXT_FORMATS[output_format](tables, published)
    if not speeds or output_format not in SPEED_FORMATS:
        return text
    return f"{text}\n{SPEED_FORMATS[output_format](speeds)}"


def render_bytes(
    records: Iterable[ResultRecord],
    output_format: str,
    told_apart: ToldApart,
    speeds: Sequence[SpeedRecord] = (),
    published: Published | None = None,
    recomputed: Collection[str] = frozenset(),
) -> bytes:
    """Render a leaderboard as the content of a file; "parquet" is a format here too.

    The arguments and errors are those of `render`. Parquet has no speeds.
    """
    if output_format == PARQUET:
        return parquet_table(sections(records, told_apart, recomputed), published)
    text = render(records, output_format, told_apart, speeds, published, recomputed)
    return text.encode(errors="backslashreplace")


def check(
    records: Iterable[ResultRecord],
    output_format: str,
    told_apart: ToldApart,
    path: Path,
    speeds: Sequence[SpeedRecord] = (),
    published: Published | None = None,
    recomputed: Collection[str] = frozenset(),
) -> str | None:
    """Compare a committed leaderboard with the one that its records give.

    Args:
        records: The runs to show.
        output_format: A name in `FORMATS`, or "parquet".
        told_apart: As for `render`.
        path: The committed file.
        speeds: As for `render`.
        published: As for `render`.
        recomputed: As for `render`.

    Returns:
        None where they agree byte for byte (of Parquet: in their columns and rows), else one line:
        the first difference and the way out.

    Raises:
        UsageError: There is no such format.
    """
    expected = render_bytes(records, output_format, told_apart, speeds, published, recomputed)
    return compare(path, expected, output_format)


def compare(path: Path, expected: bytes, output_format: str, options: str = "") -> str | None:
    """Compare a committed file with what it should be.

    Args:
        path: The committed file.
        expected: Its content.
        output_format: A name in `FORMATS`, or "parquet".
        options: What else the command needs that writes it, such as "--paper xiv ".

    Returns:
        As for `check`.
    """
    command = f"bench leaderboard {options}--format {output_format} --output {path}"
    remedy = f"regenerate it with {command}"
    if not path.is_file():
        return f"{path} does not exist; {remedy}"
    told = _difference(path.read_bytes(), expected, output_format)
    return told and f"{path} does not show the results as they are: {told}; {remedy}"


def _difference(committed: bytes, expected: bytes, output_format: str) -> str | None:
    if committed == expected:
        return None
    if output_format == PARQUET:
        try:
            rows = parquet_rows(committed)
        except ValueError:
            return "it is no Parquet table"
        return value_difference(rows, parquet_rows(expected))
    found, right = (content.decode(errors="replace") for content in (committed, expected))
    return difference(found, right, output_format)


def csv_table(tables: Sequence[Section], published: Published | None = None) -> str:
    """Render all rows as one flat CSV table; without rows, as its heading alone.

    The column "kind" tells measured rows from published ones, which stand last and have no rank.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, FLAT_TABLE_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for values in table_rows(tables, published):
        writer.writerow({name: _csv_value(value) for name, value in values.items()})
    return text.getvalue()


def _csv_value(value: Value) -> Value:
    if isinstance(value, list):
        return csv_cell("; ".join(map(str, value)))
    return csv_cell(value) if isinstance(value, str) else value


def json_document(
    tables: Sequence[Section],
    speeds: Sequence[SpeedRecord] = (),
    published: Published | None = None,
) -> str:
    """Render {"sections": [{the section's key..., "rows": [...]}]}.

    "published" and "speeds" are there if there are such. A row of real data has in "paper" what its
    paper printed.
    """
    pieces = ['{\n "sections": ']
    _append_list(pieces, (_section_pieces(table, published) for table in tables), depth=1)
    if shown := json_values(published):
        pieces += [',\n "published": ', _json(shown, depth=1)]
    if speeds:
        pieces += [',\n "speeds": ', _json(speed_values(speeds), depth=1)]
    pieces.append("\n}\n")
    return "".join(pieces)


def _section_pieces(table: Section, published: Published | None) -> list[str]:
    """Return the text of a section in parts: of many rows it is too much to be copied about."""
    pieces = [_json(asdict(table.key), depth=2).removesuffix("\n  }"), ',\n   "rows": ']
    rows = ([_json_row(_row_document(row, published), depth=4)] for row in table.rows)
    _append_list(pieces, rows, depth=3)
    pieces.append("\n  }")
    return pieces


def _append_list(pieces: list[str], items: Iterable[Sequence[str]], *, depth: int) -> None:
    """Append a list of items that are encoded for one step deeper."""
    line = "\n" + " " * depth
    start = len(pieces)
    for item in items:
        pieces += ["," if len(pieces) > start else "[", line, " ", *item]
    pieces += [line, "]"] if len(pieces) > start else ["[]"]


def _row_document(row: Row, published: Published | None) -> dict[str, Any]:
    paper = [asdict(number) for number in paper_numbers(row.record, published)]
    robustness = robustness_values(row.record)
    return {**row_values(row), **robustness, **({"paper": paper} if paper else {})}


def _json_row(values: Mapping[str, Any], *, depth: int) -> str:
    """Encode as `_json` does, but with the compiled encoder, which knows no indentation."""
    if any(isinstance(value, list) and value for value in values.values()):
        return _json(values, depth=depth)
    line = "\n" + " " * depth
    text = json.dumps(values, separators=(f",{line} ", ": "), ensure_ascii=False, allow_nan=False)
    return f"{{{line} {text[1:-1]}{line}}}"


def _json(value: Any, *, depth: int) -> str:
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    return text.replace("\n", "\n" + " " * depth)


def _html(
    tables: Sequence[Section],
    speeds: Sequence[SpeedRecord] = (),
    published: Published | None = None,
) -> str:
    # Templates are loaded for the page alone.
    from bench_core.leaderboard.page.document import html_page

    return html_page(tables, speeds, published)


PARQUET = "parquet"
"""The format that is no text."""
WHOLE_FORMATS: Mapping[
    str, Callable[[Sequence[Section], Sequence[SpeedRecord], Published | None], str]
] = MappingProxyType({"json": json_document, "html": _html})
"""The formats that speeds are a part of, rather than text behind them."""
TEXT_FORMATS: Mapping[str, Callable[[Sequence[Section], Published | None], str]] = MappingProxyType(
    {"table": leaderboard_text, "markdown": markdown, "csv": csv_table, "latex": latex}
)
FORMATS = (*TEXT_FORMATS, *WHOLE_FORMATS)
"""The formats that are text, as the command line calls them."""
SPEED_FORMATS: Mapping[str, Callable[[Sequence[SpeedRecord]], str]] = MappingProxyType(
    {"table": speed_text, "markdown": speed_markdown}
)
"""The formats whose text goes on with speeds, where there are any."""
