"""Two results side by side: differences with their intervals, and the queries one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench_core.figures.drawing import BLUE, QUIET, add_axes, new_figure, style
from bench_core.system.escaping import plot_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

WIDTH, ROW_INCHES, LABEL_INCHES = 5.6, 0.24, 1.35
SQUARE = 3.6
LONGEST_NAME = 40
"""Characters of a name that fit beside an axis."""


@dataclass(frozen=True, kw_only=True)
class DifferenceRow:
    """A difference.

    Attributes:
        label: Of what.
        value: Second minus first, in [-1, 1].
        interval: Ends of its 95 % interval, in [-1, 1].
        told_apart: Whether the two results are.
    """

    label: str
    value: float
    interval: tuple[float, float]
    told_apart: bool


def draw_differences(rows: Sequence[DifferenceRow]) -> Figure:
    """Draw differences below each other, filled where the results are told apart.

    Args:
        rows: At least one, from above.
    """
    places = np.arange(len(rows))[::-1]
    height = len(rows) * ROW_INCHES
    with style():
        figure = new_figure(WIDTH, height + 0.62)
        axes = add_axes(figure, LABEL_INCHES, 0.42, WIDTH - LABEL_INCHES - 0.15, height)
        axes.axvline(0, color=QUIET, linewidth=0.8)
        for place, row in zip(places.tolist(), rows, strict=True):
            axes.plot(100 * np.array(row.interval), [place, place], color=BLUE, linewidth=1.4)
            fill = BLUE if row.told_apart else "white"
            axes.plot(100 * row.value, place, "o", color=BLUE, markerfacecolor=fill, markersize=5)
        axes.set_yticks(places, labels=[plot_text(row.label) for row in rows])
        axes.tick_params(axis="y", length=0)
        axes.set(ylim=(-0.6, len(rows) - 0.4), xlabel="difference (points of percent)")
        axes.grid(visible=True, axis="x")
        axes.set_axisbelow(True)
        axes.spines["left"].set_visible(False)
    return figure


def draw_query_scores(
    first: NDArray[np.float64], second: NDArray[np.float64], names: tuple[str, str]
) -> Figure:
    """Draw the average precision of each query by one result against that by the other.

    Args:
        first: float64 (any,), in [0, 1].
        second: The same queries.
        names: Of the two results.
    """
    with style():
        figure = new_figure(SQUARE + 0.7, SQUARE + 0.6)
        axes = add_axes(figure, 0.55, 0.45, SQUARE, SQUARE)
        axes.plot([0, 100], [0, 100], color=QUIET, linewidth=0.8)
        alpha = min(0.6, max(0.12, 200 / max(1, len(first))))
        axes.scatter(100 * first, 100 * second, s=9, color=BLUE, alpha=alpha, linewidths=0)
        labels = [f"average precision by {_short(name)} (%)" for name in names]
        axes.set(xlabel=plot_text(labels[0]), ylabel=plot_text(labels[1]))
        axes.set(xlim=(-1, 101), ylim=(-1, 101))
        axes.grid(visible=True)
        axes.set_axisbelow(True)
    return figure


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 3]}..."
