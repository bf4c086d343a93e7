"""The CMC curve of a result: how often a match is among the first k."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench_core.figures.drawing import BLUE, add_axes, new_figure, style

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.figure import Figure

WIDTH, HEIGHT = 5.2, 3.2


def draw_cmc(
    trials: Sequence[Sequence[float]], intervals: Mapping[int, tuple[float, float]]
) -> Figure:
    """Draw the mean CMC curve over trials, the spread of the trials and the intervals of the mean.

    Args:
        trials: The curve of each trial, all of one length; element k - 1 is the value at rank k,
            in [0, 1].
        intervals: By rank, the ends of the 95 % interval of the mean, in [0, 1].
    """
    curves = 100 * np.asarray(trials, dtype=np.float64)
    ranks, mean = np.arange(1, curves.shape[1] + 1), curves.mean(axis=0)
    with style():
        figure = new_figure(WIDTH, HEIGHT)
        axes = add_axes(figure, 0.55, 0.45, WIDTH - 0.7, HEIGHT - 0.6)
        if len(curves) > 1:
            label = f"lowest to highest of {len(curves)} trials"
            spread = curves.min(axis=0), curves.max(axis=0)
            axes.fill_between(ranks, *spread, color=BLUE, alpha=0.25, linewidth=0, label=label)
        axes.plot(ranks, mean, color=BLUE, marker="o", markersize=2.5, linewidth=1.2, label="mean")
        shown = [rank for rank in sorted(intervals) if rank <= len(ranks)]
        ends = 100 * np.array([intervals[rank] for rank in shown]).reshape(-1, 2)
        axes.vlines(
            shown, ends[:, 0], ends[:, 1], color="black", linewidth=0.9, label="95 % interval"
        )
        axes.plot(np.repeat(shown, 2), ends.ravel(), "_", color="black", markersize=5)
        axes.set(xlabel="rank k", ylabel="queries with a match among the first k (%)")
        axes.set(xlim=(0.5, len(ranks) + 0.5), ylim=(0, 101))
        axes.set_xticks([1, *range(5, len(ranks) + 1, 5)])
        axes.grid(visible=True)
        axes.legend(loc="lower right")
    return figure
