"""How a training went: each loss, the learning rates and the validation score, over epochs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench_core.figures.drawing import BLUE, PALETTE, QUIET, add_axes, new_figure, style
from bench_core.system.escaping import plot_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, PANEL_HEIGHT = 5.2, 1.25
PANELS_A_ROW = 2
LINES = ("-", "--", ":", "-.")


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Values over epochs.

    Attributes:
        name: What they are.
        epochs: Of each value, from 1, counted through all stages; rising.
        values: As many, finite.
    """

    name: str
    epochs: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class LearningPanel:
    """Curves that share axes.

    Attributes:
        title: What is drawn.
        curves: At least one; several are told apart by their lines.
        logarithmic: Whether the axis of values is, where all are positive.
    """

    title: str
    curves: tuple[Curve, ...]
    logarithmic: bool = False


def draw_learning_curves(panels: Sequence[LearningPanel], stage_starts: Sequence[int]) -> Figure:
    """Draw a panel for each kind of value, all over the same epochs.

    Args:
        panels: At least one.
        stage_starts: First epoch of each stage, counted through all stages; a line is drawn at
            each but the first.
    """
    from matplotlib.ticker import MaxNLocator

    rows = math.ceil(len(panels) / PANELS_A_ROW)
    height, width = rows * PANEL_HEIGHT + 0.25, WIDTH / PANELS_A_ROW
    last = max(curve.epochs[-1] for panel in panels for curve in panel.curves)
    with style():
        figure = new_figure(WIDTH, height)
        for number, panel in enumerate(panels):
            row, column = divmod(number, PANELS_A_ROW)
            bottom = height - (row + 1) * PANEL_HEIGHT + 0.1
            axes = add_axes(figure, column * width + 0.5, bottom, width - 0.65, PANEL_HEIGHT - 0.45)
            _draw_panel(axes, panel)
            axes.set(xlim=(0.5, last + 0.5))
            axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
            for start in stage_starts[1:]:
                axes.axvline(start - 0.5, color=QUIET, linewidth=0.6, linestyle=":")
            if number >= len(panels) - PANELS_A_ROW:
                axes.set_xlabel("epoch")
    return figure


def _draw_panel(axes: Axes, panel: LearningPanel) -> None:
    for number, curve in enumerate(panel.curves):
        axes.plot(
            curve.epochs,
            curve.values,
            color=PALETTE[number % len(PALETTE)] if len(panel.curves) > 1 else BLUE,
            linestyle=LINES[number % len(LINES)],
            linewidth=1.0,
            marker="o" if len(curve.epochs) == 1 else "",
            markersize=2.5,
            label=plot_text(curve.name),
        )
    if panel.logarithmic and all(value > 0 for curve in panel.curves for value in curve.values):
        axes.set_yscale("log")
    axes.set_title(plot_text(panel.title), loc="left")
    axes.grid(visible=True)
    if len(panel.curves) > 1:
        axes.legend(loc="best")
