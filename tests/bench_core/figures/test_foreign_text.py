"""No text of a record or a plugin is taken for mathematics, nor breaks a figure."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from bench_core.figures.accuracy_cost import Panel, Point, draw_accuracy_cost
from bench_core.figures.differences import DifferenceRow, draw_differences, draw_query_scores
from bench_core.figures.drawing import svg_bytes
from bench_core.figures.histograms import draw_channel_intensities, draw_distances
from bench_core.figures.image_grids import draw_image_grid
from bench_core.figures.maps import Map, draw_maps
from bench_core.figures.ranked_lists import RankedList, draw_ranked_lists
from bench_core.figures.similarities import SimilarityPanel, draw_similarities
from bench_core.figures.sweep import SweptLine, SweptPanel, draw_sweep

IMAGES = np.zeros((2, 8, 4, 3), dtype=np.uint8)
ONES = np.ones(100, dtype=np.int64)
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


def of_differences(text: str) -> Figure:
    row = DifferenceRow(label=text, value=0.1, interval=(0.0, 0.2), told_apart=True)
    return draw_differences([row])


DRAWINGS = {
    "sweep": of_sweep,
    "points": of_points,
    "lists": of_lists,
    "grid": lambda text: draw_image_grid({text: IMAGES}, [text, text]),
    "distances": lambda text: draw_distances(DISTANCES, DISTANCES, text),
    "similarities": lambda text: draw_similarities(
        [SimilarityPanel(text, {text: ONES, "b": ONES})]
    ),
    "maps": lambda text: draw_maps(
        [Map(text, np.eye(2), (text, text))], np.array([0, 1]), np.array([0, 1]), [text, text]
    ),
    "differences": of_differences,
    "query scores": lambda text: draw_query_scores(DISTANCES, DISTANCES, (text, text)),
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
