"""No text of a record or a plugin is taken for mathematics, nor breaks a figure."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from bench_core.figures.accuracy_cost import Panel, Point, draw_accuracy_cost
from bench_core.figures.drawing import svg_bytes
from bench_core.figures.histograms import draw_channel_intensities, draw_distances
from bench_core.figures.image_grids import draw_image_grid
from bench_core.figures.ranked_lists import RankedList, draw_ranked_lists
from bench_core.figures.sweep import SweptLine, SweptPanel, draw_sweep

IMAGES = np.zeros((2, 8, 4, 3), dtype=np.uint8)
DISTANCES = np.linspace(0, 1, 20)


def of_points(text: str) -> Figure:
    point = Point(label=text, family=text, macs=10**9, rank_1=0.5, interval=(0.4, 0.6))
    return draw_accuracy_cost([Panel(text, (point,))], text)


def of_lists(text: str) -> Figure:
    shown = RankedList(
        caption=text,
        query=IMAGES[0],
        gallery=IMAGES,
        correct=np.array([True, False]),
        notes=(text, text),
    )
    return draw_ranked_lists([shown])


def of_sweep(text: str) -> Figure:
    line = SweptLine(label=text, scores={text: [{"rank-1": 0.5, "mAP": 0.4}]})
    return draw_sweep([SweptPanel(title=text, lines=(line,))], text, [text])


DRAWINGS = {
    "sweep": of_sweep,
    "points": of_points,
    "lists": of_lists,
    "grid": lambda text: draw_image_grid({text: IMAGES}, [text, text]),
    "distances": lambda text: draw_distances(DISTANCES, DISTANCES, text),
    "intensities": lambda text: draw_channel_intensities({text: IMAGES}),
}


@pytest.mark.slow
@pytest.mark.parametrize("drawing", DRAWINGS)
@pytest.mark.parametrize(
    "text", ["$\\frac{$", "$x$ and $y", "\\$", "a\x00\x1b\ud800b", "two\nlines"]
)
def test_a_text_is_drawn_as_it_is(drawing: str, text: str) -> None:
    svg = svg_bytes(DRAWINGS[drawing](text)).decode()
    shown = {
        "a\x00\x1b\ud800b": r"a\x00\x1b\ud800b",
        "two\nlines": "two lines",
    }
    assert shown.get(text, text) in svg
