"""Similarities are shares of each group, over one range for all panels."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.patches import StepPatch

from bench_core.figures.similarities import MOST_BARS, SimilarityPanel, draw_similarities

STEPS = 1000


def counts(*steps: int) -> np.ndarray:
    return np.bincount(steps, minlength=STEPS)


def shares(patch: StepPatch) -> np.ndarray:
    return np.asarray(patch.get_data().values)


@pytest.mark.parametrize("last", [500, 501, 579, 580, 581, 999])
def test_each_group_adds_up_to_all_of_its_pairs(last: int) -> None:
    panels = [
        SimilarityPanel("one", {"a": counts(500, 500, last), "b": counts(500)}),
        SimilarityPanel("two", {"a": counts(last), "b": counts(last, 500)}),
    ]
    figure = draw_similarities(panels)
    patches = [patch for axes in figure.axes for patch in axes.patches]
    assert len(patches) == 8  # an area and a line each
    for patch in patches:
        assert isinstance(patch, StepPatch)
        assert shares(patch).sum() == pytest.approx(100)
        assert len(shares(patch)) <= MOST_BARS + 1
    assert len({axes.get_xlim() for axes in figure.axes}) == 1


def test_the_legend_says_mean_and_number() -> None:
    figure = draw_similarities([SimilarityPanel("x", {"a": counts(749, 750), "b": counts(10)})])
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == ["a: mean 0.500, 2 pairs", "b: mean -0.979, 1 pairs"]
