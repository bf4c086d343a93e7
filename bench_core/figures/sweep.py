"""Scores over the values of a setting: a row of panels for each protocol, a line for each method.

As in AlignGAN's figure 4 and XIV's figure 5, but with the spread over seeds.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Literal, TypeAlias

from bench_core.figures.drawing import PAGE_INCHES, PALETTE, QUIET, add_axes, new_figure, style
from bench_core.system.escaping import plot_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SettingValue: TypeAlias = "str | int | float | bool"
LineStyle: TypeAlias = "Literal['-', '--', '-.'] | tuple[float, Sequence[float]]"

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES: tuple[LineStyle, ...] = ("-", "--", "-.", (0, (5, 1, 1, 1, 1, 1)))
DOTTED: LineStyle = (0, (1, 1.5))
PANEL_HEIGHT, AXES_HEIGHT = 2.1, 1.6
AXES_LEFT, PANEL_GAP, AXES_RIGHT = 0.6, 0.65, 0.1
TITLE_INCHES = 0.22
MOST_TICKS = 6
LEGEND_LINE = 0.17
FOOT_INCHES, HEAD_INCHES = 0.35, 0.08
LEAST_RATIO = 20
"""Largest value divided by the smallest from which on the axis of values is logarithmic."""
DODGE_POINTS = 2.5
"""How far lines stand beside each other at one value, so that no bar hides another."""
MARGIN = 0.06
"""Part of the axis of values that is left free at its ends."""


@dataclass(frozen=True, kw_only=True)
class SweptLine:
    """A method over the values of a setting.

    Attributes:
        label: What it is called in the legend.
        scores: By value, the score of each seed by metric, as fractions. Of a method that does not
            have the setting, under the value None: it is drawn across all values.
    """

    label: str
    scores: Mapping[SettingValue | None, Sequence[Mapping[str, float]]]


@dataclass(frozen=True, kw_only=True)
class SweptPanel:
    """One protocol, whose scores compare.

    Attributes:
        title: What it is.
        lines: At least one; a label has the same colour in all panels.
    """

    title: str
    lines: tuple[SweptLine, ...]


@dataclass(frozen=True)
class _Axis:
    """Where the values stand: evenly, unless they are numbers."""

    places: Mapping[SettingValue, float]
    logarithmic: bool = False


def draw_sweep(
    panels: Sequence[SweptPanel],
    setting: str,
    values: Sequence[SettingValue],
    metrics: Sequence[str] = ("rank-1", "mAP"),
) -> Figure:
    """Draw each metric over the values of a setting.

    The mark is the mean over seeds, its bar the standard deviation over them (of a sample), the
    small marks are single seeds; with one seed there is no bar.

    Args:
        panels: At least one.
        setting: Name of the setting.
        values: Its values, in the order of the file. Numbers stand where they are, on a logarithmic
            axis where they are positive and far apart; what is no number, and zero among numbers
            that are far apart, stands evenly.
        metrics: A column each.
    """
    labels = list(dict.fromkeys(line.label for panel in panels for line in panel.lines))
    axis = _axis(values)
    head = HEAD_INCHES + LEGEND_LINE * _legend_lines(labels)
    height = head + len(panels) * PANEL_HEIGHT + FOOT_INCHES
    room = PAGE_INCHES - AXES_LEFT - AXES_RIGHT - PANEL_GAP * (len(metrics) - 1)
    width = room / len(metrics)
    with style():
        figure = new_figure(PAGE_INCHES, height)
        for row, panel in enumerate(panels):
            bottom = height - head - row * PANEL_HEIGHT - TITLE_INCHES - AXES_HEIGHT
            for column, metric in enumerate(metrics):
                left = AXES_LEFT + column * (width + PANEL_GAP)
                axes = add_axes(figure, left, bottom, width, AXES_HEIGHT)
                _draw_panel(axes, panel, metric, axis, labels)
                if column == 0:
                    axes.set_title(plot_text(panel.title), loc="left")
                axes.set_ylabel(f"{metric} (%)")
                if row == len(panels) - 1:
                    axes.set_xlabel(plot_text(setting))
        _draw_legend(figure, labels, _swept_labels(panels), height)
        _draw_note(figure, panels, height)
    return figure


def _axis(values: Sequence[SettingValue]) -> _Axis:
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    positive = [number for number in numbers if number > 0]
    if len(numbers) < len(values):
        return _evenly(values)
    far = bool(positive) and max(positive) >= LEAST_RATIO * min(positive)
    if far and len(positive) < len(numbers):
        return _evenly(sorted(numbers))
    return _Axis({number: float(number) for number in sorted(numbers)}, logarithmic=far)


def _evenly(values: Sequence[SettingValue]) -> _Axis:
    return _Axis({value: float(place) for place, value in enumerate(values)})


def _shown(value: SettingValue) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value)


def _draw_panel(
    axes: Axes, panel: SweptPanel, metric: str, axis: _Axis, labels: Sequence[str]
) -> None:
    from matplotlib.ticker import MaxNLocator

    if axis.logarithmic:
        axes.set_xscale("log")
    ends = _ends(axis)
    axes.set_xlim(*ends)
    axes.set_xticks(
        list(axis.places.values()), [plot_text(_shown(value)) for value in axis.places], minor=False
    )
    axes.set_xticks([], minor=True)
    beside = [line for line in panel.lines if set(line.scores) != {None}]
    for line in panel.lines:
        place = beside.index(line) - (len(beside) - 1) / 2 if line in beside else 0
        _draw_line(axes, line, metric, axis, labels.index(line.label), DODGE_POINTS * place)
    axes.yaxis.set_major_locator(MaxNLocator(MOST_TICKS))
    axes.grid(visible=True, axis="y")


def _ends(axis: _Axis) -> tuple[float, float]:
    low, high = min(axis.places.values()), max(axis.places.values())
    if axis.logarithmic:
        factor = (high / low) ** MARGIN
        return low / factor, high * factor
    margin = MARGIN * (high - low) or 0.5
    return low - margin, high + margin


def _draw_line(
    axes: Axes, line: SweptLine, metric: str, axis: _Axis, number: int, shift: float
) -> None:
    from matplotlib.transforms import ScaledTranslation

    colour = PALETTE[number % len(PALETTE)]
    everywhere = line.scores.get(None)
    if everywhere:
        mean = 100 * fmean(seed[metric] for seed in everywhere)
        axes.axhline(mean, color=colour, linestyle=DOTTED, linewidth=1.1, zorder=1)
    drawn = [
        (place, [100 * seed[metric] for seed in line.scores[value]])
        for value, place in axis.places.items()
        if line.scores.get(value)
    ]
    if not drawn:
        return
    figure = axes.get_figure(root=True)
    if figure is None:
        raise ValueError("axes without a figure cannot be drawn on")
    moved = axes.transData + ScaledTranslation(shift / 72, 0, figure.dpi_scale_trans)
    axes.errorbar(
        [place for place, _ in drawn],
        [fmean(scores) for _, scores in drawn],
        yerr=[stdev(scores) if len(scores) > 1 else 0.0 for _, scores in drawn],
        color=colour,
        linestyle=LINES[number % len(LINES)],
        linewidth=1.1,
        elinewidth=0.9,
        capsize=2.2,
        marker=MARKERS[number % len(MARKERS)],
        markersize=4.2,
        transform=moved,
        zorder=3,
    )
    singles = [(place, score) for place, scores in drawn if len(scores) > 1 for score in scores]
    axes.plot(
        [place for place, _ in singles],
        [score for _, score in singles],
        color=colour,
        linestyle="",
        marker=".",
        markersize=4.5,
        alpha=0.5,
        markeredgewidth=0,
        transform=moved,
        zorder=2,
    )
    axes.update_datalim([(place, score) for place, scores in drawn for score in _reach(scores)])
    axes.autoscale_view(scalex=False)


def _reach(scores: Sequence[float]) -> tuple[float, float]:
    """Return what a mark and its bar cover; a shifted line has no part in the limits of axes."""
    mean, spread = fmean(scores), stdev(scores) if len(scores) > 1 else 0.0
    return min(*scores, mean - spread), max(*scores, mean + spread)


def _legend_lines(labels: Sequence[str]) -> int:
    return -(-len(labels) // _columns(labels))


def _columns(labels: Sequence[str]) -> int:
    return max(1, min(len(labels), int(92 / (max(map(len, labels)) + 7))))


def _swept_labels(panels: Sequence[SweptPanel]) -> frozenset[str]:
    """Return what has a value of the setting, and so a mark."""
    lines = (line for panel in panels for line in panel.lines)
    return frozenset(line.label for line in lines if set(line.scores) != {None})


def _draw_legend(
    figure: Figure, labels: Sequence[str], swept: frozenset[str], height: float
) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D(
            [],
            [],
            color=PALETTE[number % len(PALETTE)],
            linestyle=LINES[number % len(LINES)] if label in swept else DOTTED,
            marker=MARKERS[number % len(MARKERS)] if label in swept else "",
            markersize=4.2,
            linewidth=1.1,
            label=plot_text(label),
        )
        for number, label in enumerate(labels)
    ]
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(AXES_LEFT / PAGE_INCHES, 1 - 0.04 / height),
        ncols=_columns(labels),
        borderaxespad=0,
        borderpad=0,
        handlelength=2.6,
        labelspacing=0.35,
    )


def _draw_note(figure: Figure, panels: Sequence[SweptPanel], height: float) -> None:
    lines = [line for panel in panels for line in panel.lines]
    several = any(len(seeds) > 1 for line in lines for seeds in line.scores.values())
    notes = ["Mean over seeds \N{PLUS-MINUS SIGN} standard deviation; dots: single seeds."]
    notes = notes if several else ["One seed each: nothing shows how far seeds spread."]
    if any(None in line.scores for line in lines):
        notes.append("Dotted: without the setting.")
    figure.text(AXES_LEFT / PAGE_INCHES, 0.05 / height, " ".join(notes), color=QUIET, fontsize=6.5)
