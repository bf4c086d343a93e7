"""How alike images are: pairs of one person and of two, within a modality and across."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench_core.figures.drawing import BLUE, ORANGE, add_axes, new_figure, style
from bench_core.system.escaping import plot_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

WIDTH, PANEL_HEIGHT = 5.2, 1.75
MOST_BARS = 80
LINES = ((ORANGE, "--"), (BLUE, "-"))
"""Colour and line of the first and the second group: the lines differ, so no colour is needed."""


@dataclass(frozen=True, eq=False)
class SimilarityPanel:
    """A panel: two groups of pairs.

    Attributes:
        title: Which pairs.
        groups: By name, the number of pairs in equal steps from -1 to 1, int64 (any,); each
            group has a pair.
    """

    title: str
    groups: Mapping[str, NDArray[np.int64]]


def draw_similarities(panels: Sequence[SimilarityPanel]) -> Figure:
    """Draw panels of histograms below each other, over one range of similarities.

    Args:
        panels: At least one; all groups have the same steps.
    """
    counts = np.stack([values for panel in panels for values in panel.groups.values()])
    filled = np.flatnonzero(counts.any(axis=0))
    num_steps = counts.shape[1]
    width = -(-(filled[-1] + 1 - filled[0]) // MOST_BARS)
    steps = np.arange(filled[0], filled[-1] + width + 1, width)
    with style():
        figure = new_figure(WIDTH, len(panels) * PANEL_HEIGHT + 0.15)
        for row, panel in enumerate(reversed(panels)):
            bottom = row * PANEL_HEIGHT + 0.42
            axes = add_axes(figure, 0.55, bottom, WIDTH - 0.7, PANEL_HEIGHT - 0.58)
            _draw_panel(axes, panel, steps, num_steps)
            axes.set_xlabel("cosine similarity" if row == 0 else "")
    return figure


def _draw_panel(
    axes: Axes, panel: SimilarityPanel, steps: NDArray[np.int64], num_steps: int
) -> None:
    edges = steps * 2 / num_steps - 1
    centres = (np.arange(num_steps) + 0.5) * 2 / num_steps - 1
    for (name, values), (color, line) in zip(panel.groups.items(), LINES, strict=True):
        total = values.sum()
        shares = 100 * np.add.reduceat(np.append(values, np.zeros(len(steps))), steps)[:-1] / total
        mean = values @ centres / total
        label = plot_text(f"{name}: mean {mean:.3f}, {total:,} pairs")
        axes.stairs(shares, edges, fill=True, color=color, alpha=0.35)
        axes.stairs(shares, edges, color=color, linestyle=line, label=label)
        axes.plot([mean, mean], [0, shares.max()], color=color, linestyle=line, linewidth=0.8)
    axes.set_title(plot_text(panel.title), loc="left")
    axes.set(ylabel="pairs (%)", xlim=(edges[0], edges[-1]))
    axes.margins(y=0.5)  # room for the legend
    axes.legend(loc="upper left")
