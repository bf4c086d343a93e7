"""Batches of a training as a picture: a block of rows a stage, a column an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench_core.figures.drawing import QUIET, style
from bench_core.figures.image_grids import draw_montage
from bench_core.system.escaping import plot_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

CHARACTER_INCHES = 0.065
"""Room for a character of the name of a row, left of the images."""
TOP_INCHES = 0.05
WHITE = 255


def draw_batches(stages: Mapping[str, Mapping[str, NDArray[np.uint8]]]) -> Figure:
    """Draw named rows of images, by stage.

    Args:
        stages: By stage and name, uint8 (C, H, W, 3), all of one height and width; rows with fewer
            images than others end earlier.
    """
    named = [(stage, name, row) for stage, rows in stages.items() for name, row in rows.items()]
    columns = max(len(row) for _, _, row in named)
    images = np.stack([_filled(row, columns) for _, _, row in named])
    height, width = images.shape[2:4]
    gap = max(1, width // 16)
    with style():
        several = len(stages) > 1
        labels = [f"{stage}: {name}" if several else name for stage, name, _ in named]
        left = 0.2 + CHARACTER_INCHES * max(map(len, labels))
        figure, axes, cells = draw_montage(images, (gap, gap), left=left, top=TOP_INCHES)
        centres = np.arange(len(named)) * cells.row + height / 2
        axes.set_yticks(centres, labels=[plot_text(label) for label in labels])
        for place in range(1, len(named)):
            if named[place][0] != named[place - 1][0]:
                axes.axhline(place * cells.row - gap / 2, color=QUIET, linewidth=0.8)
    return figure


def _filled(row: NDArray[np.uint8], columns: int) -> NDArray[np.uint8]:
    missing = columns - len(row)
    return np.pad(row, ((0, missing), (0, 0), (0, 0), (0, 0)), constant_values=WHITE)
