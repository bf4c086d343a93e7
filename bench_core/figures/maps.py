"""Maps of features: a place an image, modality by shape, person by colour and letter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench_core.figures.drawing import PAGE_INCHES, add_axes, new_figure, style
from bench_core.system.escaping import plot_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

PEOPLE = (
    "#2d0078", "#4b004b", "#5a0000", "#004b87", "#960f00", "#692dc3", "#694b69", "#2d2dff",
    "#963c3c", "#e14b3c", "#698778", "#a569ff", "#b478b4", "#d28700", "#2db469", "#96a5ff",
    "#ffc300", "#96e178", "#5ae1ff", "#d2d2c3",
)  # fmt: skip
"""A colour a person: any two are at least 20 apart in CIELAB, also as people see them who lack
one of the three kinds of cones (Machado, Oliveira and Fernandes, 2009)."""
LETTERS = "ABCDEFGHIJKLMNOPQRST"
SHAPES = ("o", "^", "s", "D")
PANEL = 3.45
"""Inches of a panel with its labels; two fill a page."""
HEAD = 0.3


@dataclass(frozen=True, eq=False)
class Map:
    """A panel.

    Attributes:
        title: How the places were found.
        places: float64 (N, 2).
        labels: What the two axes are; nothing where they are nothing.
    """

    title: str
    places: NDArray[np.float64]
    labels: tuple[str, str] = ("", "")


def draw_maps(
    maps: Sequence[Map], person: NDArray[np.int64], group: NDArray[np.int64], groups: Sequence[str]
) -> Figure:
    """Draw maps of the same images, two a row (as AlignGAN, Fig. 6).

    Args:
        maps: At least one.
        person: int64 (N,), number of each image's person, from 0, below `len(PEOPLE)`.
        group: int64 (N,), number of each image's modality, from 0.
        groups: Names of the modalities.
    """
    columns = min(2, len(maps))
    rows = -(-len(maps) // columns)
    with style():
        figure = new_figure(max(columns * PANEL, PAGE_INCHES / 2), rows * PANEL + HEAD)
        for number, one in enumerate(maps):
            row, column = divmod(number, columns)
            left, bottom = column * PANEL + 0.3, (rows - 1 - row) * PANEL + 0.3
            axes = add_axes(figure, left, bottom, PANEL - 0.4, PANEL - 0.55)
            _draw_map(axes, one, person, group)
        _draw_legend(figure, groups)
    return figure


def _draw_map(axes: Axes, one: Map, person: NDArray[np.int64], group: NDArray[np.int64]) -> None:
    from matplotlib.patheffects import withStroke

    colors = np.array(PEOPLE)[person]
    for number in np.unique(group).tolist():
        own = group == number
        axes.scatter(
            one.places[own, 0], one.places[own, 1], s=13, marker=SHAPES[number], c=colors[own],
            linewidths=0.3, edgecolors="white",
        )  # fmt: skip
        for who in np.unique(person[own]).tolist():
            centre = np.median(one.places[own & (person == who)], axis=0)
            axes.annotate(
                LETTERS[who], centre, (0, 5), textcoords="offset points", fontsize=6.5,
                ha="center", va="center", weight="bold",
                path_effects=[withStroke(linewidth=1.8, foreground="white")],
            )  # fmt: skip
    axes.set_title(plot_text(one.title), loc="left")
    axes.set(xticks=[], yticks=[], xlabel=plot_text(one.labels[0]), ylabel=plot_text(one.labels[1]))
    axes.margins(0.06)


def _draw_legend(figure: Figure, groups: Sequence[str]) -> None:
    from matplotlib.lines import Line2D

    shapes = [
        Line2D([], [], marker=SHAPES[number], color="black", linestyle="", markersize=4,
               label=plot_text(name))
        for number, name in enumerate(groups)
    ]  # fmt: skip
    figure.legend(handles=shapes, loc="upper left", ncols=len(shapes), bbox_to_anchor=(0.02, 1))
