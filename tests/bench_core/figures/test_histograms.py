"""Histograms are shares of 100 %, so that groups of different sizes compare."""

from __future__ import annotations

import numpy as np
import pytest

from bench_core.figures.histograms import draw_channel_intensities, draw_distances


def test_matches_and_others_each_add_up_to_all_of_their_kind() -> None:
    random = np.random.default_rng(0)
    figure = draw_distances(random.random(40), 1 + random.random(900), "cosine distance")
    (axes,) = figure.axes
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["other people (900 pairs)", "the same person (40 pairs)"]
    assert axes.get_xlabel() == "cosine distance"
    for patch in axes.patches:
        x, y = patch.get_xy().T
        steps = np.diff(x, append=x[0]) > 0  # the upper edges, from left to right
        widths = np.diff(x, append=x[0])[steps] / (axes.get_xlim()[1] - axes.get_xlim()[0])
        assert (widths * 50 * y[steps]).sum() == pytest.approx(100)


def test_colour_channels_have_a_line_each() -> None:
    images = np.zeros((4, 6, 3, 3), dtype=np.uint8)
    images[..., 0] = 255
    (axes,) = draw_channel_intensities({"X": images}).axes
    assert axes.get_title(loc="left") == "X"
    heights = {str(line.get_label()): np.asarray(line.get_ydata()) for line in axes.lines}
    assert set(heights) == {"R", "G", "B"}
    assert (heights["R"][31], heights["G"][0], heights["B"][0]) == (100, 100, 100)
    assert len({line.get_linestyle() for line in axes.lines}) == 3


def test_equal_channels_share_a_line() -> None:
    grey = np.random.default_rng(0).integers(0, 256, (4, 6, 3, 1), dtype=np.uint8).repeat(3, axis=3)
    (axes,) = draw_channel_intensities({"infrared": grey}).axes
    assert [line.get_label() for line in axes.lines] == ["R = G = B"]


@pytest.mark.parametrize(
    ("number", "rows", "columns"), [(1, 1, 1), (3, 1, 3), (4, 2, 2), (6, 2, 3)]
)
def test_panels_fill_their_rows(number: int, rows: int, columns: int) -> None:
    images = np.zeros((2, 4, 2, 3), dtype=np.uint8)
    figure = draw_channel_intensities({str(name): images for name in range(number)})
    places = [axes.get_position() for axes in figure.axes]
    assert len({round(place.x0, 6) for place in places}) == columns
    assert len({round(place.y0, 6) for place in places}) == rows
    assert all(place.x1 <= 1 and place.y1 <= 1 for place in places)
