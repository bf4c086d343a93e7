"""One look for all figures, and how they become files; matplotlib is loaded when one is drawn.

Figures are objects of their own: nothing here uses `pyplot` or depends on a user's matplotlibrc.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAGE_INCHES = 7.2
"""Width of a figure that fills the text of a page."""
DPI = 200
"""Dots of an inch of a PNG: sharp in print, and on a screen that shows it smaller."""

BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PURPLE, SKY, BLACK = "#CC79A7", "#56B4E9", "#000000"
PALETTE = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY, BLACK)
"""Colours that people with any colour vision tell apart (Okabe and Ito, 2008)."""
QUIET = "#5f5f5f"
"""Grey of what is there but secondary; readable on white."""

_STYLE: Mapping[str, Any] = MappingProxyType(
    {
        "font.size": 8,
        "axes.titlesize": 8,
        "axes.labelsize": 8,
        "xtick.labelsize": 7,
        "ytick.labelsize": 7,
        "legend.fontsize": 7,
        "legend.frameon": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.6,
        "grid.linewidth": 0.4,
        "grid.color": "#d9d9d9",
        "svg.fonttype": "none",  # text stays text: it can be searched and needs no glyph paths
        "svg.hashsalt": "vireid-bench",  # ids in the file are hashes: the same figure, the same ids
    }
)


@contextmanager
def style() -> Iterator[None]:
    """Draw and save in the one look; the caller's settings of matplotlib come back afterwards."""
    from matplotlib.style import context

    with context(["default", dict(_STYLE)]):
        yield


def new_figure(width: float, height: float) -> Figure:
    """Return an empty white figure, its size in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=DPI, facecolor="white")


def add_axes(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Add axes at a place in inches from the lower left corner of a figure."""
    full_width, full_height = figure.get_size_inches()
    return figure.add_axes(
        (left / full_width, bottom / full_height, width / full_width, height / full_height)
    )


def png_bytes(figure: Figure) -> bytes:
    """Return a figure as a PNG file."""
    return _saved(figure, format="png", metadata={"Software": None})


def svg_bytes(figure: Figure) -> bytes:
    """Return a figure as an SVG file; the same figure gives the same bytes."""
    return _saved(figure, format="svg", metadata={"Date": None, "Creator": None})


def _saved(figure: Figure, **options: Any) -> bytes:
    file = io.BytesIO()
    with style():
        figure.savefig(file, **options)
    return file.getvalue()
