"""Ranked lists: right and wrong differ in colour and in line."""

from __future__ import annotations

import numpy as np
from matplotlib.patches import Rectangle

from bench_core.figures.ranked_lists import RankedList, draw_ranked_lists


def ranked(correct: list[bool], caption: str = "a query") -> RankedList:
    return RankedList(
        caption=caption,
        query=np.zeros((8, 4, 3), dtype=np.uint8),
        gallery=np.full((len(correct), 8, 4, 3), 7, dtype=np.uint8),
        correct=np.array(correct),
        notes=tuple(f"camera {number}" for number in range(len(correct))),
    )


def frames(lists: list[RankedList]) -> list[Rectangle]:
    (axes,) = draw_ranked_lists(lists).axes
    return [patch for patch in axes.patches if isinstance(patch, Rectangle)]


def test_a_match_is_solid_and_a_mistake_dashed_in_another_colour() -> None:
    right, wrong = frames([ranked([True, False])])
    assert right.get_linestyle() in ("-", "solid")
    assert wrong.get_linestyle() not in ("-", "solid")
    assert right.get_edgecolor() != wrong.get_edgecolor()


def test_lists_of_different_lengths_share_a_figure() -> None:
    assert len(frames([ranked([True, False, True]), ranked([False])])) == 4


def test_captions_ranks_and_notes_are_written() -> None:
    lists = [ranked([True, False], "first"), ranked([False, True], "second")]
    (axes,) = draw_ranked_lists(lists).axes
    written = [text.get_text() for text in axes.texts]
    assert {"first", "second", "camera 0", "camera 1"} == set(written)
    assert [label.get_text() for label in axes.get_xticklabels()] == ["query", "1", "2"]


def test_nothing_is_written_outside_the_figure() -> None:
    figure = draw_ranked_lists([ranked([True] * 10), ranked([False] * 10)])
    figure.draw_without_rendering()
    for text in (*figure.axes[0].texts, *figure.axes[0].get_xticklabels()):
        box = text.get_window_extent()
        assert box.y0 >= 0
        assert box.y1 <= figure.bbox.y1
