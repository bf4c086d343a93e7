"""The plot of accuracy against cost: its Pareto front, and what each panel shows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes

from bench_core.figures.accuracy_cost import (
    Panel,
    Point,
    draw_accuracy_cost,
    pareto_front,
    spread_labels,
)


def point(label: str, macs: int, rank_1: float, family: str = "xiv") -> Point:
    return Point(
        label=label, family=family, macs=macs, rank_1=rank_1, interval=(rank_1 / 2, rank_1)
    )


POINTS = st.lists(
    st.builds(
        point, st.sampled_from("abc"), st.integers(1, 5), st.sampled_from([0.1, 0.2, 0.3, 0.4])
    ),
    min_size=1,
    max_size=12,
)


@given(points=POINTS)
def test_the_front_is_what_nothing_beats(points: list[Point]) -> None:
    def beats(first: Point, second: Point) -> bool:
        no_worse = first.macs <= second.macs and first.rank_1 >= second.rank_1
        return no_worse and (first.macs, first.rank_1) != (second.macs, second.rank_1)

    expected = [one for one in points if not any(beats(other, one) for other in points)]
    found = pareto_front(points)
    assert sorted(found, key=id) == sorted(expected, key=id)
    assert [one.macs for one in found] == sorted(one.macs for one in found)


def texts(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def test_every_point_is_named_with_its_score_and_the_front_is_bold() -> None:
    panel = Panel("a protocol", (point("beaten", 9, 0.25), point("cheap", 1, 0.5)))
    (axes,) = draw_accuracy_cost([panel], "a heading").axes
    assert texts(axes) == ["beaten  25.0", "cheap  50.0"]
    assert [text.get_fontweight() for text in axes.texts] == ["normal", "bold"]


def test_the_front_alone_is_filled() -> None:
    panel = Panel("a protocol", (point("beaten", 9, 0.25), point("cheap", 1, 0.5)))
    (axes,) = draw_accuracy_cost([panel], "a heading").axes
    faces = [line.get_markerfacecolor() for line in axes.lines if line.get_marker() != "None"]
    assert faces[0] == "white"
    assert faces[1] != "white"


def test_a_method_looks_alike_in_all_panels() -> None:
    panels = [
        Panel("first", (point("a", 1, 0.5, "xiv"),)),
        Panel("second", (point("b", 1, 0.5, "jsia"), point("c", 2, 0.6, "xiv"))),
    ]
    first, second = draw_accuracy_cost(panels, "a heading").axes
    looks = [
        [
            (line.get_marker(), line.get_color())
            for line in axes.lines
            if line.get_marker() != "None"
        ]
        for axes in (first, second)
    ]
    assert looks[0][0] == looks[1][1]
    assert looks[1][0] != looks[1][1]


def test_axes_hold_all_points_with_their_intervals() -> None:
    panel = Panel("a protocol", (point("a", 1_000_000_000, 0.2), point("b", 8_000_000_000, 0.7)))
    (axes,) = draw_accuracy_cost([panel], "a heading").axes
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    assert left < 1
    assert right > 8
    assert low < 10
    assert high > 70


PLACES = st.lists(st.floats(0, 1), min_size=1, max_size=10)


@given(places=PLACES, gap=st.floats(0.01, 0.1))
def test_labels_are_a_gap_apart_in_the_order_of_their_points(
    places: list[float], gap: float
) -> None:
    moved = spread_labels(places, gap)
    steps = np.diff(moved[np.argsort(places, kind="stable")])
    assert (steps >= gap * (1 - 1e-9)).all()
    assert moved.min() >= 0
    assert moved.max() <= 1


def test_labels_that_are_far_apart_stay() -> None:
    assert spread_labels([0.9, 0.1, 0.5], 0.2) == pytest.approx([0.9, 0.1, 0.5])


def test_crowded_labels_make_room_on_both_sides_but_not_beyond_the_panel() -> None:
    assert spread_labels([0.5, 0.5], 0.2) == pytest.approx([0.4, 0.6])
    assert spread_labels([1.0, 1.0], 0.2) == pytest.approx([0.8, 1.0])
    assert spread_labels([0.0, 0.0], 0.2) == pytest.approx([0.0, 0.2])


@pytest.mark.parametrize("number", [1, 30])
def test_a_panel_is_as_high_as_its_labels(number: int) -> None:
    panel = Panel("a protocol", tuple(point(str(one), 1 + one, 0.5) for one in range(number)))
    figure = draw_accuracy_cost([panel], "a heading")
    heights = [text.get_position()[1] for text in figure.axes[0].texts]
    place = figure.axes[0].get_position()
    inches = [(place.y0 + place.height * height) * figure.get_figheight() for height in heights]
    assert min(inches) >= place.y0 * figure.get_figheight()
    assert max(inches) <= place.y1 * figure.get_figheight() + 1e-9
    assert all(np.diff(sorted(inches)) >= 0.13 - 1e-9)
