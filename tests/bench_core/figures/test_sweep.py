"""A picture of a setting shows means where the values stand, with the spread of the seeds."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, stdev
from typing import Any

import pytest

from bench_core.figures.drawing import svg_bytes
from bench_core.figures.sweep import SettingValue, SweptLine, SweptPanel, draw_sweep


def line(label: str, scores: dict[Any, Sequence[float]]) -> SweptLine:
    """A line whose mAP is half its rank-1."""
    return SweptLine(
        label=label,
        scores={
            value: [{"rank-1": score, "mAP": score / 2} for score in seeds]
            for value, seeds in scores.items()
        },
    )


def draw(
    values: Sequence[SettingValue], *lines: SweptLine, metrics: Sequence[str] = ("rank-1",)
) -> Any:
    return draw_sweep([SweptPanel(title="people", lines=lines)], "weight", values, metrics)


def drawn(axes: Any) -> list[tuple[list[float], list[float]]]:
    """Return the places and scores of the marks of means."""
    return [
        (list(bars.lines[0].get_xdata()), list(bars.lines[0].get_ydata()))
        for bars in axes.containers
    ]


def test_marks_are_means_over_seeds_and_bars_their_deviation() -> None:
    seeds = [0.5, 0.6, 0.64]
    scores = line("a", {1: seeds, 2: [0.2, 0.3]})
    rank_1, mean_ap = draw([1, 2], scores, metrics=("rank-1", "mAP")).axes
    ((places, means),) = drawn(rank_1)
    assert places == [1.0, 2.0]
    assert means == pytest.approx([100 * fmean(seeds), 25.0])
    assert drawn(mean_ap)[0][1] == pytest.approx([50 * fmean(seeds), 12.5])
    (bars,) = rank_1.containers[0].lines[2]
    low, high = bars.get_segments()[0][:, 1]
    assert high - low == pytest.approx(200 * stdev(seeds))
    singles = [dots for dots in rank_1.lines if dots.get_marker() == "."]
    assert sorted(singles[0].get_ydata()) == pytest.approx([20, 30, 50, 60, 64])


def test_nothing_that_is_drawn_lies_outside_of_the_axes() -> None:
    lines = [line(name, {1: [at, at + 0.2], 2: [at]}) for at, name in ((0.1, "a"), (0.6, "b"))]
    low, high = draw([1, 2], *lines).axes[0].get_ylim()
    assert low < 10
    assert high > 80


@pytest.mark.parametrize(
    ("values", "scale", "places"),
    [
        ([0.1, 1.0, 10.0], "log", [0.1, 1.0, 10.0]),
        ([3, 1, 2], "linear", [1.0, 2.0, 3.0]),
        ([0, 0.01, 1.0], "linear", [0.0, 1.0, 2.0]),
        (["small", "large"], "linear", [0.0, 1.0]),
        ([False, True], "linear", [0.0, 1.0]),
    ],
    ids=["far apart", "near", "zero among far ones", "texts", "flags"],
)
def test_values_stand_where_they_are_or_evenly(
    values: list[Any], scale: str, places: list[float]
) -> None:
    axes = draw(values, line("a", {value: [0.5] for value in values})).axes[0]
    assert axes.get_xscale() == scale
    assert drawn(axes)[0][0] == places
    assert list(axes.get_xticks()) == places


def test_a_method_without_the_setting_is_drawn_across() -> None:
    axes = draw([1, 2], line("a", {1: [0.5], 2: [0.6]}), line("b", {None: [0.3, 0.5]})).axes[0]
    assert len(axes.containers) == 1
    across = [one for one in axes.lines if list(one.get_xdata()) == [0, 1]]
    assert across[0].get_ydata() == pytest.approx([40.0, 40.0])


def test_a_value_that_is_not_done_has_no_mark() -> None:
    axes = draw([1, 2, 3], line("a", {1: [0.5], 3: [0.6]})).axes[0]
    assert drawn(axes)[0][0] == [1.0, 3.0]
    assert list(axes.get_xticks()) == [1.0, 2.0, 3.0]


def test_each_protocol_has_a_row_and_the_same_drawing_the_same_bytes() -> None:
    lines = (line("a", {1: [0.5, 0.6], 2: [0.6]}), line("$b_x$ <script>", {1: [0.4]}))
    panels = [SweptPanel(title=title, lines=lines) for title in ("all", "indoor")]
    figures = [draw_sweep(panels, "weight", [1, 2], ["mAP"]) for _ in range(2)]
    assert [axes.get_title(loc="left") for axes in figures[0].axes] == ["all", "indoor"]
    first, second = (svg_bytes(figure) for figure in figures)
    assert first == second
    assert b"<script>" not in first
    assert b"$b_x$" in first
