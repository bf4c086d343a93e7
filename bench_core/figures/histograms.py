"""Histograms: distances of matches and non-matches, and the brightness of colour channels.

Letters in shapes: N images, H and W pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bench_core.figures.drawing import (
    BLUE,
    GREEN,
    ORANGE,
    PAGE_INCHES,
    RED,
    add_axes,
    new_figure,
    style,
)
from bench_core.system.escaping import plot_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

DISTANCE_BINS = 50
INTENSITY_BINS = 32
EQUAL_INTENSITY = 0.5 / 255
"""Channels that differ by less in every image are drawn as one, as those of infrared images."""
PANELS_A_ROW = 3
CHANNELS = (("R", RED, "-"), ("G", GREEN, "--"), ("B", BLUE, ":"))
"""Name, colour and line of each channel: the lines differ, so that no colour is needed."""


def draw_distances(matches: NDArray[Any], others: NDArray[Any], unit: str) -> Figure:
    """Draw how far matches and non-matches lie apart (JSIA-ReID, Fig. 4, there as similarities).

    Args:
        matches: Distances of queries to gallery images of their identity, float (any,), not empty.
        others: Distances to images of other identities, float (any,), not empty.
        unit: What the distance is, such as "cosine distance".
    """
    width, height = 5.2, 2.9
    bins = np.linspace(
        min(matches.min(), others.min()), max(matches.max(), others.max()), DISTANCE_BINS + 1
    )
    with style():
        figure = new_figure(width, height)
        axes = add_axes(figure, 0.55, 0.45, width - 0.7, height - 0.6)
        for values, color, line, name in (
            (others, ORANGE, "--", "other people"),
            (matches, BLUE, "-", "the same person"),
        ):
            label = f"{name} ({len(values):,} pairs)"
            weights = np.full(len(values), 100 / len(values))
            shared: dict[str, Any] = {"bins": bins, "weights": weights, "color": color}
            axes.hist(values, histtype="stepfilled", alpha=0.35, **shared)
            axes.hist(values, histtype="step", linestyle=line, label=label, **shared)
        axes.set(xlabel=plot_text(unit), ylabel="pairs (%)", xlim=(bins[0], bins[-1]))
        axes.margins(y=0.3)  # room for the legend
        axes.legend(loc="upper left")
    return figure


def draw_channel_intensities(pictures: Mapping[str, NDArray[np.uint8]]) -> Figure:
    """Draw the mean intensity of each channel over the pixels of an image (XIV, Fig. 3).

    Args:
        pictures: By name, uint8 (N, H, W, 3), N at least 1; a panel each.
    """
    rows = -(-len(pictures) // PANELS_A_ROW)
    columns = -(-len(pictures) // rows)
    width, height = (PAGE_INCHES - 0.6) / PANELS_A_ROW, 2.1
    shares = {name: _intensity_shares(images) for name, images in pictures.items()}
    top = min(105, 1.3 * max(share.max() for share in shares.values()))  # room for the legends
    with style():
        figure = new_figure(0.6 + columns * width, rows * height + 0.1)
        for place, (name, share) in enumerate(shares.items()):
            row, column = divmod(place, columns)
            left, bottom = 0.5 + column * width, (rows - 1 - row) * height + 0.4
            axes = add_axes(figure, left, bottom, width - 0.25, height - 0.6)
            _draw_intensities(axes, share)
            axes.set_title(plot_text(name), loc="left")
            axes.set(xlim=(0, 1), ylim=(0, top), xlabel="mean intensity of an image")
            axes.set_ylabel("images (%)" if column == 0 else "")
    return figure


def _intensity_shares(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the share (%) of images in each bin: a row a channel, or one row for equal ones."""
    means = images.mean(axis=(1, 2)) / 255
    if (np.abs(means - means[:, :1]) < EQUAL_INTENSITY).all():
        means = means[:, :1]
    counts = [np.histogram(channel, INTENSITY_BINS, (0, 1))[0] for channel in means.T]
    return 100 * np.stack(counts) / len(means)


def _draw_intensities(axes: Axes, shares: NDArray[np.float64]) -> None:
    edges = np.linspace(0, 1, INTENSITY_BINS + 1)
    lines = CHANNELS if len(shares) > 1 else (("R = G = B", "black", "-"),)
    for share, (name, color, line) in zip(shares, lines, strict=True):
        heights = np.append(share, share[-1:])
        axes.step(edges, heights, line, where="post", color=color, linewidth=1.1, label=name)
    axes.legend(loc="upper right", handlelength=2.2)
