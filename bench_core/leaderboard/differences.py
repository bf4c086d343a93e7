"""Where a committed leaderboard differs from the one that its records give, in a readable line."""

from __future__ import annotations

import csv
import io
import json
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from bench_core.system.escaping import terminal_line, terminal_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

LONGEST = 60
"""Characters of a text that is shown of either file."""
NAMES = ("label", "method", "heading", "id", "protocol", "key")
"""What tells people which entry of a list is meant, the first that it has."""


def difference(committed: str, expected: str, output_format: str) -> str:
    """Return the first difference between two files of a format, in a line.

    Args:
        committed: Content of the file that was found.
        expected: What it should be; another text.
        output_format: A name in `bench_core.leaderboard.render.FORMATS`. Of JSON and HTML the data
            are compared first, of CSV the cells; of all others the lines.

    Returns:
        Such as "sections[0].rows[2] (xiv).rank-1 is 0.5 and should be 0.6".
    """
    found = None
    if output_format in ("json", "html"):
        found = _data_difference(committed, expected, output_format)
    elif output_format == "csv":
        found = _cell_difference(committed, expected)
    return found or _line_difference(committed, expected)


def value_difference(found: Any, expected: Any) -> str | None:
    """Return the first difference between two JSON values, in a line; None where they agree."""
    return next(_differences(found, expected, ""), None)


def _data_difference(committed: str, expected: str, output_format: str) -> str | None:
    try:
        found = _data_of(committed, output_format)
    except ValueError:
        return "there are no data in it that can be read"
    told = value_difference(found, _data_of(expected, output_format))
    if told is None and output_format == "html":
        around = _line_difference(committed, expected)
        return f"its data are right, the page around them is not: {around}"
    return told


def _data_of(text: str, output_format: str) -> Any:
    if output_format == "json":
        return json.loads(text)
    from bench_core.leaderboard.page.data import data_of_page

    return data_of_page(text)


def _cell_difference(committed: str, expected: str) -> str | None:
    """Compare cells under the same heading; else, and where rows are missing, lines say more."""
    tables = [list(csv.reader(io.StringIO(text))) for text in (committed, expected)]
    if not tables[0] or tables[0][0] != tables[1][0]:
        return None
    for number, (ours, theirs) in enumerate(zip(*tables, strict=False), start=1):
        for name, cell, right in zip(tables[1][0], ours, theirs, strict=False):
            if cell != right:
                place = f"column {name} of line {number}"
                return f"{place} is {_shown(cell)} and should be {_shown(right)}"
    return None


def _line_difference(committed: str, expected: str) -> str:
    pairs = zip_longest(committed.splitlines(keepends=True), expected.splitlines(keepends=True))
    for number, (line, right) in enumerate(pairs, start=1):
        if line is None:
            return f"line {number} is missing: {_shown(right)}"
        if right is None:
            return f"line {number} is one too many: {_shown(line)}"
        if line != right:
            at = _first_unlike(line, right)
            return f"line {number} is {_shown(line, at)} and should be {_shown(right, at)}"
    return "the ends of its lines"


def _first_unlike(first: str, second: str) -> int:
    pairs = enumerate(zip(first, second, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(first), len(second)))


def _differences(found: Any, expected: Any, path: str) -> Iterator[str]:
    if isinstance(found, dict) and isinstance(expected, dict):
        yield from _entry_differences(found, expected, path)
    elif isinstance(found, list) and isinstance(expected, list):
        yield from _list_differences(found, expected, path)
    elif type(found) is not type(expected) or found != expected:
        yield f"{path or 'it'} is {_json(found)} and should be {_json(expected)}"


def _entry_differences(
    found: Mapping[str, Any], expected: Mapping[str, Any], path: str
) -> Iterator[str]:
    for name in (*expected, *(name for name in found if name not in expected)):
        said = terminal_line(name, longest=LONGEST)
        inner = f"{path}.{said}" if path else said
        if name not in found:
            yield f"{inner} is missing"
        elif name not in expected:
            yield f"{inner} should not be there"
        else:
            yield from _differences(found[name], expected[name], inner)
    if list(found) != list(expected):
        yield f"{path or 'it'} has its entries in another order"


def _list_differences(found: Sequence[Any], expected: Sequence[Any], path: str) -> Iterator[str]:
    if len(found) != len(expected):
        yield f"{path} has {len(found)} entries and should have {len(expected)}"
    for place, (ours, theirs) in enumerate(zip(found, expected, strict=False)):
        yield from _differences(ours, theirs, f"{path}[{place}]{_name_of(theirs)}")


def _name_of(entry: Any) -> str:
    if not isinstance(entry, dict):
        return ""
    names = (entry[name] for name in NAMES if isinstance(entry.get(name), str))
    return next((f" ({terminal_line(name, longest=LONGEST)})" for name in names), "")


def _json(value: Any) -> str:
    return terminal_line(json.dumps(value, ensure_ascii=False), longest=LONGEST)


def _shown(text: str, at: int = 0) -> str:
    """Return a text around a place, in quotes; what is left out is three dots."""
    start = max(0, at - LONGEST // 3)
    part = text[start : start + LONGEST]
    before, after = "..." if start else "", "..." if start + LONGEST < len(text) else ""
    return f"{before}'{terminal_name(part)}'{after}"
