"""Scores by corruption and severity: a field for each, darker where more of the score is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench_core.corrupted_twins import CORRUPTIONS, SEVERITIES
from bench_core.figures.drawing import PAGE_INCHES, QUIET, add_axes, new_figure, style
from bench_core.system.escaping import plot_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from bench_core.contracts.degraded import CorruptionGrid

ROW_INCHES, COLUMN_INCHES = 0.2, 0.62
LEFT, HEAD, FOOT, BAR_GAP, BAR_WIDTH = 1.45, 0.5, 0.45, 0.35, 0.14
DARK = 0.55
"""Part of the scale to which numbers are white on their field."""


def draw_corruptions(grid: CorruptionGrid, metric: str, title: str) -> Figure:
    """Draw a grid; what was not scored stays empty.

    Args:
        grid: The scores.
        metric: Such as "mAP".
        title: Of what, such as the method and the protocol.
    """
    known = grid.by_cell
    clean = grid.clean.by_name()[metric]
    values = np.full((len(CORRUPTIONS), len(SEVERITIES)), np.nan)
    for row, name in enumerate(CORRUPTIONS):
        for column, severity in enumerate(SEVERITIES):
            if scores := known.get((name, severity)):
                values[row, column] = 100 * scores[metric]
    height, width = len(CORRUPTIONS) * ROW_INCHES, len(SEVERITIES) * COLUMN_INCHES
    with style():
        figure = new_figure(PAGE_INCHES * 0.8, HEAD + height + FOOT)
        axes = add_axes(figure, LEFT, FOOT, width, height)
        highest = max(100 * clean, float(np.nanmax(values)), 1e-9)
        image = axes.imshow(values, cmap="cividis", vmin=0, vmax=highest, aspect="auto")
        for row, column in zip(*np.nonzero(np.isfinite(values)), strict=True):
            value = float(values[row, column])
            colour = "black" if value / highest > DARK else "white"
            axes.text(
                column, row, f"{value:.1f}", ha="center", va="center", color=colour, fontsize=7
            )
        axes.set_xticks(range(len(SEVERITIES)), [str(severity) for severity in SEVERITIES])
        axes.set_yticks(range(len(CORRUPTIONS)), [name.replace("_", " ") for name in CORRUPTIONS])
        axes.tick_params(length=0)
        axes.set_xlabel("severity")
        for spine in axes.spines.values():
            spine.set_visible(False)
        bar = add_axes(figure, LEFT + width + BAR_GAP, FOOT, BAR_WIDTH, height)
        figure.colorbar(image, cax=bar, label=f"{metric} (percent)")
        bar.axhline(100 * clean, color=QUIET, linewidth=1.2)
        top = FOOT + height + HEAD
        figure.text(0.02, 1 - 0.14 / top, plot_text(title), va="center", fontsize=8)
        figure.text(
            0.02,
            1 - 0.32 / top,
            f"{metric} of clean images {100 * clean:.1f}, the line beside the scale",
            va="center",
            fontsize=7,
            color=QUIET,
        )
    return figure
