"""Cells that tables for people share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench_core.leaderboard.rows import Row


def place(row: Row) -> str:
    """Return the number of a row: "1", or "r1" among re-ranked ones."""
    return f"r{row.rank}" if row.rerank else str(row.rank)


def percent(fraction: float) -> str:
    """Return a fraction in percent, with two digits behind the point."""
    return f"{100 * fraction:.2f}"


def scaled(count: int, unit: float) -> str:
    """Return a count in a unit such as 1e6, in no more than five characters.

    Examples:
        >>> [scaled(count, 1e6) for count in (62_000, 1_228_010, 23_508_032, 10**12)]
        ['0.06', '1.23', '23.5', '1e+06']
    """
    number = count / unit
    if number < 10:
        return f"{number:.2f}"
    return f"{number:.1f}" if number < 1000 else f"{number:.0e}"
