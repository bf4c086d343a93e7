"""A small picture for each method and protocol, for the page of a repository."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from bench_core.leaderboard.cells import percent
from bench_core.leaderboard.rows import sections
from bench_core.system.escaping import terminal_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from bench_core.contracts.result import ResultRecord
    from bench_core.leaderboard.rows import Row, Section

MARGIN, HEIGHT = 8, 20
"""CSS pixels: room beside a text, height of a badge."""
LETTER, NARROW = 6.9, 4.1
"""CSS pixels of a letter of usual width, and of a narrow one."""
NARROW_LETTERS = frozenset(" fijlrt.,:;-'|!()[]I")
LONGEST_NAME = 48
GROUND, REAL, SYNTHETIC = "#3d4348", "#0b57a4", "#755600"
"""Colours of the left part, and of the right one for real and rendered people."""


def badge_files(records: Iterable[ResultRecord]) -> dict[str, bytes]:
    """Draw a badge for each method of each table, from its best row.

    Args:
        records: The runs to show, in any order.

    Returns:
        SVG pictures by file name, such as "sysu-all-single-official-xiv.svg"; those of rendered
        people begin with "synthetic-" and say so. The same records give the same bytes.
    """
    files: dict[str, bytes] = {}
    # Ranks are not shown, so that no row need be told from another.
    for table in sections(records, lambda _first, _second: False):
        for row in _best_rows(table):
            name = _free_name(_file_name(table, row), files)
            files[name] = _badge(_subject(table, row), _scores(row), _colour(table))
    return files


def check_badges(records: Iterable[ResultRecord], folder: Path) -> str | None:
    """Compare committed badges with those that the records give.

    Returns:
        None where they agree byte for byte, else one line with the way out.
    """
    for name, content in badge_files(records).items():
        path = folder / name
        if not path.is_file() or path.read_bytes() != content:
            return (
                f"{path} does not show the results as they are; draw it again with "
                f"bench leaderboard --badges {folder}"
            )
    return None


def _best_rows(table: Section) -> Iterator[Row]:
    seen = set()
    for row in table.rows:
        if row.record.label not in seen:
            seen.add(row.record.label)
            yield row


def _file_name(table: Section, row: Row) -> str:
    key = table.key
    parts = (
        *(["synthetic"] if key.synthetic else []),
        *(key.protocol, "given" if key.given else key.convention),
        *([] if table.same_data else [key.fingerprint[:8], key.splits[:8]]),
        row.record.label,
    )
    return re.sub(r"[^A-Za-z0-9._]+", "-", "-".join(parts)).strip("-.")


def _free_name(name: str, taken: Iterable[str]) -> str:
    """Return a name that is not taken: titles of strangers may differ in nothing but signs."""
    number, free = 1, f"{name}.svg"
    while free in taken:
        number += 1
        free = f"{name}-{number}.svg"
    return free


def _subject(table: Section, row: Row) -> str:
    key = table.key
    label = terminal_line(row.record.label, longest=LONGEST_NAME)
    galleries = "given" if key.given else key.convention
    return f"{label}: {'synthetic ' if key.synthetic else ''}{key.protocol}, {galleries}"


def _scores(row: Row) -> str:
    mean = row.record.scores.mean
    return f"rank-1 {percent(mean.rank_1)} %, mAP {percent(mean.mean_average_precision)} %"


def _colour(table: Section) -> str:
    return SYNTHETIC if table.key.synthetic else REAL


def _width(text: str) -> float:
    return sum(NARROW if letter in NARROW_LETTERS else LETTER for letter in text)


def _badge(left: str, right: str, colour: str) -> bytes:
    widths = [_width(text) for text in (left, right)]
    first, second = (round(width + 2 * MARGIN) for width in widths)
    places = (MARGIN, first + MARGIN)
    texts = "".join(
        f'<text x="{x}" y="14" textLength="{width:.0f}" lengthAdjust="spacingAndGlyphs">'
        f"{escape(text)}</text>"
        for text, x, width in zip((left, right), places, widths, strict=True)
    )
    title = escape(f"{left}: {right}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{first + second}" height="{HEIGHT}" '
        f'role="img" aria-label="{title}"><title>{title}</title>'
        f'<rect width="{first}" height="{HEIGHT}" fill="{GROUND}"/>'
        f'<rect x="{first}" width="{second}" height="{HEIGHT}" fill="{colour}"/>'
        f'<g fill="#ffffff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f"{texts}</g></svg>\n"
    ).encode()
