"""What a row says of the seeds that it is the mean of; a row of one seed says nothing more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench_core.contracts.metrics import METRICS
from bench_core.leaderboard.cells import percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench_core.contracts.result import ResultRecord
    from bench_core.leaderboard.rows import Section

PLUS_MINUS = "\N{PLUS-MINUS SIGN}"
SEED_COLUMNS = ("seeds", "joined_seeds", *(f"{metric}-seed-std" for metric in METRICS))
"""What CSV and JSON say of the seeds of a row, in this order."""


def seed_values(record: ResultRecord) -> dict[str, int | float | list[int] | None]:
    """Return the `SEED_COLUMNS` of a row.

    Returns:
        How many seeds are known; which they are, where there are several; and of each metric the
        standard deviation over them (of a sample), nothing where there are not several.
    """
    joined = record.seed_spread
    spread = {} if joined is None else joined.by_name()
    return {
        "seeds": len(record.seeds) or None,
        "joined_seeds": list(record.seeds) if joined else [],
        **{f"{metric}-seed-std": spread.get(metric) for metric in METRICS},
    }


def has_several_seeds(sections: Sequence[Section]) -> bool:
    """Whether a row of some tables is the mean of several seeds."""
    return any(row.record.seed_spread for section in sections for row in section.rows)


def seed_spread_text(record: ResultRecord, metric: str) -> str:
    """Return the standard deviation over seeds in percent, such as "1.20"; nothing for one seed."""
    spread = record.seed_spread
    return "" if spread is None else percent(spread.by_name()[metric])
