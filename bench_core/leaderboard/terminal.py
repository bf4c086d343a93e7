"""The leaderboard for a terminal: 80 columns, a line a row where the name is not too long."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from bench_core.leaderboard.cells import percent, place, scaled
from bench_core.leaderboard.headings import conditions, heading
from bench_core.leaderboard.notes import marks_text, notes_of
from bench_core.leaderboard.settings import settings_of
from bench_core.system.escaping import terminal_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench_core.contracts.result import Cost, ResultRecord
    from bench_core.leaderboard.rows import Row, Section

COLUMNS_OF_TERMINAL = 80
GAP = "  "
HEADER = ("#", "method", "rank-1", "95 %", "mAP", "mINP", "GMAC", "Mpar")
NAME = HEADER.index("method")
EMPTY = (
    "There are no results yet. This trains and scores a method and writes one:\n"
    "  bench run --method xiv --protocol sysu-all-single"
)
REAL = "REAL DATA"
SYNTHETIC = (
    "SYNTHETIC DATA: rendered people. These numbers show that a method learns and compare with "
    "nothing published."
)
LEGEND = (
    "Percent: the mean over trials; 95 % is the interval of rank-1 by bootstrap over people. Rows "
    "share a number where a paired test does not tell their rank-1 apart; r1, r2, ... are "
    "re-ranked. GMAC: billions of multiply-adds of extracting one image; Mpar: millions of "
    "parameters that this needs. All ranks, deviations, speeds and versions: --format csv or json."
)


def terminal_table(sections: Sequence[Section]) -> str:
    """Render all sections as text of 80 columns, real data first.

    Args:
        sections: From `bench_core.leaderboard.rows.sections`.

    Returns:
        The text, ending in a newline; without sections it says how to make a result.
    """
    if not sections:
        return f"{EMPTY}\n"
    blocks = []
    for synthetic, title in ((False, REAL), (True, SYNTHETIC)):
        chosen = [section for section in sections if section.key.synthetic == synthetic]
        blocks += [_filled(title)] if chosen else []
        blocks += ["\n".join(_section(section)) for section in chosen]
    return "\n\n".join([*blocks, _filled(LEGEND)]) + "\n"


def _section(section: Section) -> Iterator[str]:
    records = [row.record for row in section.rows]
    settings, notes = settings_of(records), notes_of(records)
    yield _filled(heading(section))
    yield _filled(conditions(section))
    yield _filled(settings.sentence())
    yield ""
    yield from _table(
        [
            _cells(row, _name(row.record, words, marks))
            for row, words, marks in zip(section.rows, settings.own, notes.marks, strict=True)
        ]
    )
    for mark, text in notes.lines:
        yield _filled(f"[{mark}] {text}", indent="    ")


def _name(record: ResultRecord, words: Sequence[str], marks: Sequence[str]) -> str:
    return ", ".join((record.label, *words)) + marks_text(marks)


def _cells(row: Row, name: str) -> tuple[str, ...]:
    scores = row.record.scores
    low, high = scores.interval.by_name()["rank-1"]
    mean = scores.mean
    return (
        place(row),
        terminal_line(name),
        percent(mean.rank_1),
        f"{100 * low:.1f}-{100 * high:.1f}",
        percent(mean.mean_average_precision),
        percent(mean.by_name()["mINP"]),
        *_cost_cells(row.record.cost),
    )


def _cost_cells(cost: Cost) -> tuple[str, str]:
    """Return multiply-adds and parameters; of features alone nothing is known."""
    if not cost.parameters:
        return "-", "-"
    return scaled(cost.macs, 1e9), scaled(cost.parameters, 1e6)


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(HEADER, *rows, strict=True)]
    others = sum(widths) - widths[NAME] + len(GAP) * (len(widths) - 1)
    widths[NAME] = min(widths[NAME], COLUMNS_OF_TERMINAL - others)
    indent = " " * (widths[0] + len(GAP))
    for cells in (HEADER, *rows):
        first, *more = _name_lines(cells[NAME], widths[NAME])
        shown = (*cells[:NAME], first, *cells[NAME + 1 :])
        yield GAP.join(
            cell.ljust(width) if number == NAME else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(shown, widths, strict=True))
        )
        yield from (indent + line for line in more)


def _name_lines(name: str, width: int) -> list[str]:
    too_long = any(len(word) > width for word in name.split())
    return textwrap.wrap(name, width, subsequent_indent="  ", break_on_hyphens=too_long)


def _filled(text: str, indent: str = "") -> str:
    return textwrap.fill(
        terminal_line(text), COLUMNS_OF_TERMINAL, subsequent_indent=indent, break_on_hyphens=False
    )
