"""The leaderboard for a terminal: 80 columns, a line a row where the name is not too long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench_core.leaderboard.cells import percent, place, scaled
from bench_core.leaderboard.corruption import (
    COLUMNS as COLUMNS_OF_CORRUPTION,
)
from bench_core.leaderboard.corruption import (
    LEGEND as LEGEND_OF_CORRUPTION,
)
from bench_core.leaderboard.corruption import (
    robustness_rows,
)
from bench_core.leaderboard.headings import conditions, heading
from bench_core.leaderboard.notes import marks_text, notes_of
from bench_core.leaderboard.over_seeds import PLUS_MINUS, has_several_seeds, seed_spread_text
from bench_core.leaderboard.published import comparison_lines, pointer, split_tables
from bench_core.leaderboard.published_blocks import published_text
from bench_core.leaderboard.settings import settings_of
from bench_core.system.text_layout import terminal_paragraph, terminal_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench_core.contracts.result import Cost, ResultRecord
    from bench_core.leaderboard.rows import Row, Section
    from bench_core.published.registry import Published

HEADER = ("#", "method", "rank-1", "95 %", "mAP", "mINP", "GMAC", "Mpar")
SPREAD_HEADER = (*HEADER[:3], PLUS_MINUS, *HEADER[3:5], f"{PLUS_MINUS} ", *HEADER[5:])
"""The headings of a table with rows of several seeds."""
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
SEEDS = (
    f"{PLUS_MINUS} is the standard deviation over seeds of the rows that are the mean of several; "
    "intervals and the test are of that mean and say nothing of other seeds. A row for each: "
    "--by-seed."
)


def leaderboard_text(sections: Sequence[Section], published: Published | None = None) -> str:
    """Render all sections as text of 80 columns, real data first.

    Args:
        sections: From `bench_core.leaderboard.rows.sections`.
        published: Numbers of papers: those of a measured protocol stand below its tables, of
            others it is told where to see them.

    Returns:
        The text, ending in a newline; without sections it says how to make a result.
    """
    real = [section for section in sections if not section.key.synthetic]
    synthetic = [section for section in sections if section.key.synthetic]
    beside, alone = split_tables(real, published)
    blocks = [_filled(REAL)] if real else []
    for section, tables in beside:
        blocks += ["\n".join(_section(section, published)), *published_text(tables)]
    blocks += [_filled(SYNTHETIC)] if synthetic else []
    blocks += ["\n".join(_section(section)) for section in synthetic]
    blocks += [_filled(LEGEND)] if sections else [EMPTY]
    blocks += [_filled(SEEDS)] if has_several_seeds(sections) else []
    blocks += [_filled(pointer(alone))] if alone else []
    return "\n\n".join(blocks) + "\n"


def _section(section: Section, published: Published | None = None) -> Iterator[str]:
    records = [row.record for row in section.rows]
    settings, notes = settings_of(records), notes_of(records, section.recomputed)
    yield _filled(heading(section))
    yield _filled(conditions(section))
    if settings.usual:
        yield _filled(settings.sentence())
    yield ""
    spread = has_several_seeds([section])
    rows = [
        _cells(row, _name(row.record, words, marks), spread=spread)
        for row, words, marks in zip(section.rows, settings.own, notes.marks, strict=True)
    ]
    yield terminal_table(SPREAD_HEADER if spread else HEADER, rows, text={"method"})
    names = [_name(*parts) for parts in zip(records, settings.own, notes.marks, strict=True)]
    if robust := robustness_rows(records, names):
        yield ""
        yield _filled(LEGEND_OF_CORRUPTION)
        yield ""
        yield terminal_table(COLUMNS_OF_CORRUPTION, robust, text={"method"})
    for mark, text in notes.lines:
        yield _filled(f"[{mark}] {text}", indent="    ")
    for line in comparison_lines(section, published):
        yield _filled(line, indent="    ")


def _name(record: ResultRecord, words: Sequence[str], marks: Sequence[str]) -> str:
    return ", ".join((record.label, *words)) + marks_text(marks)


def _cells(row: Row, name: str, *, spread: bool) -> tuple[str, ...]:
    scores = row.record.scores
    low, high = scores.interval.by_name()["rank-1"]
    mean = scores.mean
    return (
        place(row),
        name,
        percent(mean.rank_1),
        *_spread_cell(row, "rank-1", spread=spread),
        f"{100 * low:.1f}-{100 * high:.1f}",
        percent(mean.mean_average_precision),
        *_spread_cell(row, "mAP", spread=spread),
        percent(mean.by_name()["mINP"]),
        *_cost_cells(row.record.cost),
    )


def _spread_cell(row: Row, metric: str, *, spread: bool) -> list[str]:
    """Return what the column of the spread over seeds says, in tables that have one."""
    return [seed_spread_text(row.record, metric)] if spread else []


def _cost_cells(cost: Cost | None) -> tuple[str, str]:
    """Return multiply-adds and parameters; of features alone nothing is known."""
    if cost is None or not cost.parameters:
        return "-", "-"
    return scaled(cost.macs, 1e9), scaled(cost.parameters, 1e6)


def _filled(text: str, indent: str = "") -> str:
    return "\n".join(terminal_paragraph(text, hanging=indent))
