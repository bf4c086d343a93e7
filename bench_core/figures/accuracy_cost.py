"""Accuracy against cost: a panel a table of the leaderboard, its Pareto front marked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bench_core.figures.drawing import PAGE_INCHES, PALETTE, QUIET, add_axes, new_figure, style
from bench_core.system.escaping import plot_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LABEL_POINTS = 6.5
LABEL_INCHES = 0.13
"""Height of a line of the labels."""
AXES_LEFT, AXES_WIDTH = 0.5, 3.6
PANEL_BELOW, PANEL_ABOVE, PANEL_LEAST = 0.42, 0.3, 1.15
HEAD_INCHES = 0.42


@dataclass(frozen=True, kw_only=True)
class Point:
    """A method in the plot.

    Attributes:
        label: Its name in the plot.
        family: What decides its colour and marker, such as the id of the method.
        macs: Multiply-adds of extracting one image, at least 1.
        rank_1: In [0, 1].
        interval: Ends of the 95 % interval of rank-1, in [0, 1].
    """

    label: str
    family: str
    macs: int
    rank_1: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Panel:
    """One protocol, convention and dataset; what is in it compares."""

    title: str
    points: tuple[Point, ...]


def pareto_front(points: Sequence[Point]) -> list[Point]:
    """Return the points that no other beats: none is as cheap and more accurate, or the reverse.

    Equal points are beaten by none of their like. The order is from cheap and less accurate to
    costly and more accurate.

    Examples:
        >>> cheap, good, beaten = (
        ...     Point(label=label, family="", macs=macs, rank_1=rank_1, interval=(0, 1))
        ...     for label, macs, rank_1 in (("cheap", 1, 0.3), ("good", 9, 0.5), ("beaten", 9, 0.2))
        ... )
        >>> [point.label for point in pareto_front([beaten, good, cheap])]
        ['cheap', 'good']
    """
    ordered = sorted(points, key=lambda point: (point.macs, -point.rank_1, point.label))
    front: list[Point] = []
    for point in ordered:
        best = front[-1] if front else None
        equal = best is not None and (best.macs, best.rank_1) == (point.macs, point.rank_1)
        if best is None or equal or point.rank_1 > best.rank_1:
            front.append(point)
    return front


def spread_labels(places: Sequence[float], gap: float) -> NDArray[np.float64]:
    """Move labels apart until none overlaps another, and all by as little as can be.

    Args:
        places: Where the labels would stand, in [0, 1].
        gap: Height of a label; all of them together are no higher than 1.

    Returns:
        The place of each within [0, 1], neighbours a gap or more apart, in the order of `places`
        (equal ones in the order given).

    Examples:
        >>> spread_labels([0.5, 0.1, 0.5], 0.2).round(3)
        array([0.4, 0.1, 0.6])
    """
    from scipy.optimize import isotonic_regression

    order = np.argsort(places, kind="stable")
    steps = gap * np.arange(len(order))
    starts = isotonic_regression(np.asarray(places)[order] - steps).x
    result = np.empty(len(order))
    result[order] = np.clip(starts, 0, 1 - steps[-1]) + steps
    return result


def draw_accuracy_cost(panels: Sequence[Panel], heading: str) -> Figure:
    """Draw rank-1 against multiply-adds, panels below each other.

    The layout depends on no measured text, so that it is the same on every machine.

    Args:
        panels: At least one, each with a point or more.
        heading: What the data are; it stands above all panels.
    """
    families = sorted({point.family for panel in panels for point in panel.points})
    looks = {
        family: (PALETTE[number % len(PALETTE)], MARKERS[number % len(MARKERS)])
        for number, family in enumerate(families)
    }
    heights = [max(PANEL_LEAST, LABEL_INCHES * len(panel.points)) for panel in panels]
    total = HEAD_INCHES + sum(height + PANEL_BELOW + PANEL_ABOVE for height in heights)
    with style():
        figure = new_figure(PAGE_INCHES, total)
        figure.text(
            0.1 / PAGE_INCHES, 1 - 0.16 / total, plot_text(heading), fontsize=9, fontweight="bold"
        )
        note = (
            "Filled and joined: the Pareto front (nothing else is as cheap and more accurate). "
            "Bars: its 95 % intervals. Re-ranked rows are left out."
        )
        figure.text(0.1 / PAGE_INCHES, 1 - 0.32 / total, note, fontsize=7, color=QUIET)
        top = total - HEAD_INCHES
        for panel, height in zip(panels, heights, strict=True):
            bottom = top - PANEL_ABOVE - height
            axes = add_axes(figure, AXES_LEFT, bottom, AXES_WIDTH, height)
            _draw_panel(axes, panel, looks, LABEL_INCHES / height)
            top = bottom - PANEL_BELOW
    return figure


def _draw_panel(
    axes: Axes, panel: Panel, looks: Mapping[str, tuple[str, str]], label_height: float
) -> None:
    axes.set_title(plot_text(panel.title), loc="left")
    axes.set(xlabel="multiply-adds of extracting one image (G)", ylabel="rank-1 (%)")
    axes.set_xscale("log")
    _set_limits(axes, panel.points)
    axes.grid(visible=True, axis="y")
    front = pareto_front(panel.points)
    steps = [*front, front[-1]]
    costs = [point.macs / 1e9 for point in front] + [axes.get_xlim()[1]]
    heights = [100 * point.rank_1 for point in steps]
    axes.plot(costs, heights, color=QUIET, linewidth=0.8, drawstyle="steps-post", zorder=1)
    for point in panel.points:
        _draw_point(axes, point, looks[point.family], filled=point in front)
    _draw_labels(axes, panel.points, front, label_height)


def _set_limits(axes: Axes, points: Sequence[Point]) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    costs = [point.macs / 1e9 for point in points]
    low = min(100 * min(point.interval[0], point.rank_1) for point in points)
    high = max(100 * max(point.interval[1], point.rank_1) for point in points)
    room = 0.06 * max(high - low, 1)
    axes.set(xlim=(min(costs) / 1.5, max(costs) * 1.5), ylim=(low - room, high + room))
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _draw_point(axes: Axes, point: Point, look: tuple[str, str], *, filled: bool) -> None:
    color, marker = look
    x, y = point.macs / 1e9, 100 * point.rank_1
    if filled:
        low, high = (100 * end for end in point.interval)
        axes.vlines(x, low, high, color=color, linewidth=0.8, alpha=0.7)
    face = color if filled else "white"
    axes.plot([x], [y], marker, color=color, markerfacecolor=face, markersize=5.5, zorder=3)


def _draw_labels(
    axes: Axes, points: Sequence[Point], front: Sequence[Point], label_height: float
) -> None:
    """Write the names right of the axes, each joined to its point by a thin line."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    x = [math.log(point.macs / 1e9 / left) / math.log(right / left) for point in points]
    y = [(100 * point.rank_1 - low) / (high - low) for point in points]
    beside: dict[str, Any] = {"transform": axes.transAxes, "clip_on": False}
    for number, place in enumerate(spread_labels(y, label_height)):
        point = points[number]
        axes.plot(
            [x[number], 1.03, 1.05], [y[number], place, place],
            color="#b0b0b0", linewidth=0.5, zorder=0, **beside,
        )  # fmt: skip
        on_front = point in front
        axes.text(
            1.06, place, f"{plot_text(point.label)}  {100 * point.rank_1:.1f}",
            fontsize=LABEL_POINTS, va="center", fontweight="bold" if on_front else "normal",
            color="black" if on_front else QUIET, **beside,
        )  # fmt: skip
