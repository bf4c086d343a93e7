"""Grids of images: a row a kind of picture, a column a person.

Letters in shapes: R rows, C columns, H and W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bench_core.figures.drawing import PAGE_INCHES, add_axes, new_figure, style
from bench_core.system.escaping import plot_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

LABEL_INCHES = 1.1
"""Room for the names of the rows, left of the images."""
COLUMN_INCHES = 0.85
"""Most room for an image with its gap: a figure of few images gets narrower, not coarser."""
MARGIN_INCHES = 0.05


@dataclass(frozen=True)
class Cells:
    """Where the images of a grid lie, in pixels of the whole.

    Attributes:
        height: Of an image.
        width: Of an image.
        gap_below: Pixels below each image.
        gap_right: Pixels right of each image.
    """

    height: int
    width: int
    gap_below: int
    gap_right: int

    @property
    def row(self) -> int:
        """Pixels from a row to the next."""
        return self.height + self.gap_below

    @property
    def column(self) -> int:
        """Pixels from a column to the next."""
        return self.width + self.gap_right

    def montage(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Lay out images (R, C, H, W, 3) as one with white gaps, (R * row, C * column, 3)."""
        gaps = ((0, 0), (0, 0), (0, self.gap_below), (0, self.gap_right), (0, 0))
        padded = np.pad(images, gaps, constant_values=255)
        num_rows, num_columns = images.shape[:2]
        shape = (num_rows * self.row, num_columns * self.column, 3)
        return padded.transpose(0, 2, 1, 3, 4).reshape(shape)


def draw_image_grid(
    rows: Mapping[str, NDArray[np.uint8]], column_titles: Sequence[str] = ()
) -> Figure:
    """Draw named rows of images below each other, as in AlignGAN, Fig. 5.

    Args:
        rows: By name, uint8 (C, H, W, 3), all of one shape.
        column_titles: A text above each column; none by default.
    """
    images = np.stack(list(rows.values()))
    height, width = images.shape[2:4]
    gap = max(1, width // 16)
    with style():
        top = 0.2 if column_titles else MARGIN_INCHES
        figure, axes, cells = draw_montage(images, (gap, gap), left=LABEL_INCHES, top=top)
        centres = np.arange(len(rows)) * cells.row + height / 2
        axes.set_yticks(centres, labels=[plot_text(name) for name in rows])
        set_column_titles(axes, cells, column_titles)
    return figure


def draw_montage(
    images: NDArray[np.uint8], gaps: tuple[int, int], *, left: float, top: float
) -> tuple[Figure, Axes, Cells]:
    """Draw a grid of images alone, at most as wide as a page; called within `style`.

    Args:
        images: uint8 (R, C, H, W, 3).
        gaps: Pixels below and right of each image.
        left: Inches left of the grid.
        top: Inches above the grid.

    Returns:
        The figure, its only axes, whose unit is a pixel, and where the images lie.
    """
    num_rows, num_columns, height, width = images.shape[:4]
    cells = Cells(height, width, *gaps)
    column = min(COLUMN_INCHES, (PAGE_INCHES - left - MARGIN_INCHES) / num_columns)
    grid_width = column * num_columns
    grid_height = column * cells.row / cells.column * num_rows
    figure = new_figure(left + grid_width + MARGIN_INCHES, top + grid_height + MARGIN_INCHES)
    axes = add_axes(figure, left, MARGIN_INCHES, grid_width, grid_height)
    axes.imshow(cells.montage(images), aspect="auto", interpolation="antialiased")
    plain: dict[str, Any] = {"length": 0, "labelbottom": False, "labeltop": True}
    axes.tick_params(**plain)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    return figure, axes, cells


def set_column_titles(axes: Axes, cells: Cells, titles: Sequence[str]) -> None:
    """Write a text above each column of a grid."""
    axes.set_xticks(
        np.arange(len(titles)) * cells.column + cells.width / 2,
        labels=[plot_text(title) for title in titles],
    )
