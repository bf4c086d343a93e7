"""Ranked lists: a query and the gallery images nearest to it, right and wrong (TS-GAN, Fig. 4).

Letters in shapes: K images of a list, H and W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench_core.figures.drawing import BLUE, QUIET, RED, style
from bench_core.figures.image_grids import MARGIN_INCHES, draw_montage, set_column_titles
from bench_core.system.escaping import plot_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from bench_core.figures.image_grids import Cells

RIGHT_FRAME, WRONG_FRAME = (BLUE, "-"), (RED, (0, (2, 1)))
"""Colour and line: solid is right, dashed is wrong, so that no colour is needed."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RankedList:
    """What a query found.

    Attributes:
        caption: One line about the query.
        query: Its image, uint8 (H, W, 3).
        gallery: The nearest images that it may meet, uint8 (K, H, W, 3), the nearest first.
        correct: Whether each is of the query's identity, bool (K,).
        notes: A few letters about each, K of them.
    """

    caption: str
    query: NDArray[np.uint8]
    gallery: NDArray[np.uint8]
    correct: NDArray[np.bool_]
    notes: tuple[str, ...]


def draw_ranked_lists(lists: Sequence[RankedList]) -> Figure:
    """Draw lists below each other; frames are solid where a match is right, dashed where wrong.

    Args:
        lists: At least one; images all of one size. A list may be shorter than others.
    """
    longest = max(len(shown.gallery) for shown in lists)
    images = np.stack([_row(shown, longest) for shown in lists])
    width = images.shape[3]
    with style():
        gaps = (round(0.62 * width), round(0.16 * width))
        figure, axes, cells = draw_montage(images, gaps, left=MARGIN_INCHES, top=0.38)
        set_column_titles(axes, cells, ["query", *map(str, range(1, longest + 1))])
        axes.tick_params(axis="x", pad=12)
        for row, shown in enumerate(lists):
            _annotate(axes, cells, row, shown)
    return figure


def _row(shown: RankedList, length: int) -> NDArray[np.uint8]:
    """Return the query's image and the list as (1 + length, H, W, 3), with white for no image."""
    images = np.concatenate([shown.query[np.newaxis], shown.gallery])
    missing = length - len(shown.gallery)
    return np.pad(images, ((0, missing), (0, 0), (0, 0), (0, 0)), constant_values=255)


def _annotate(axes: Axes, cells: Cells, row: int, shown: RankedList) -> None:
    from matplotlib.patches import Rectangle

    top = row * cells.row
    # Axes end at the first image's upper edge; the first caption is above them.
    axes.text(
        0,
        top - 0.05 * cells.width,
        plot_text(shown.caption),
        fontsize=7,
        va="bottom",
        clip_on=False,
    )
    for place, (correct, note) in enumerate(zip(shown.correct, shown.notes, strict=True), 1):
        left = place * cells.column
        color, line = RIGHT_FRAME if correct else WRONG_FRAME
        axes.add_patch(
            Rectangle(
                (left - 0.5, top - 0.5), cells.width, cells.height,
                fill=False, edgecolor=color, linestyle=line, linewidth=1.6, clip_on=False,
            )
        )  # fmt: skip
        axes.text(
            left + cells.width / 2, top + cells.height + 0.03 * cells.width, plot_text(note),
            fontsize=5.5, color=QUIET, ha="center", va="top",
        )  # fmt: skip
