"""Differences are drawn as they are, and told apart without colour."""

from __future__ import annotations

import numpy as np
import pytest

from bench_core.figures.differences import DifferenceRow, draw_differences, draw_query_scores


def row(label: str, value: float, *, told_apart: bool) -> DifferenceRow:
    return DifferenceRow(
        label=label, value=value, interval=(value - 0.02, value + 0.04), told_apart=told_apart
    )


def test_a_row_has_its_value_its_interval_and_a_filled_mark_where_told_apart() -> None:
    rows = [row("mAP", 0.1, told_apart=True), row("rank-1", -0.01, told_apart=False)]
    (axes,) = draw_differences(rows).axes
    zero, first, mark, second, hollow = axes.lines
    assert zero.get_xdata() == [0, 0]
    assert np.asarray(first.get_xdata()) == pytest.approx([8, 14])
    assert np.asarray(second.get_xdata()) == pytest.approx([-3, 3])
    assert [float(np.ravel(each.get_xdata())[0]) for each in (mark, hollow)] == [10, -1]
    assert mark.get_markerfacecolor() == mark.get_color() != hollow.get_markerfacecolor()
    heights = dict(
        zip(axes.get_yticks(), [t.get_text() for t in axes.get_yticklabels()], strict=True)
    )
    assert heights == {1: "mAP", 0: "rank-1"}  # the first is above


def test_queries_are_points_in_percent_beside_the_line_of_equals() -> None:
    names = ("a" * 60, "b")
    (axes,) = draw_query_scores(np.array([0.1, 1.0]), np.array([0.5, 0.0]), names).axes
    (points,) = axes.collections
    assert np.asarray(points.get_offsets()).tolist() == [[10, 50], [100, 0]]
    assert (
        np.asarray(axes.lines[0].get_xdata()).tolist()
        == np.asarray(axes.lines[0].get_ydata()).tolist()
    )
    assert len(axes.get_xlabel()) < 70
    assert axes.get_ylabel() == "average precision by b (%)"
