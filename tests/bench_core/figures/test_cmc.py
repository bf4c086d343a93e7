"""The CMC figure shows the mean, the spread of the trials and the intervals, in percent."""

from __future__ import annotations

import numpy as np
import pytest

from bench_core.figures.cmc import draw_cmc

TRIALS = [np.linspace(0.2, 0.8, 20).tolist(), np.linspace(0.4, 0.9, 20).tolist()]


def test_the_line_is_the_mean_over_trials() -> None:
    (axes,) = draw_cmc(TRIALS, {}).axes
    (line,) = [line for line in axes.lines if line.get_label() == "mean"]
    assert np.asarray(line.get_ydata())[[0, -1]] == pytest.approx([30, 85])
    assert np.asarray(line.get_xdata())[[0, -1]].tolist() == [1, 20]


def test_the_band_is_from_the_lowest_to_the_highest_trial() -> None:
    (axes,) = draw_cmc(TRIALS, {}).axes
    bounds = axes.collections[0].get_datalim(axes.transData)
    assert (bounds.y0, bounds.y1) == pytest.approx((20, 90))


def test_a_single_trial_has_no_band() -> None:
    labels = [text.get_text() for text in draw_cmc(TRIALS[:1], {}).axes[0].get_legend().get_texts()]
    assert "mean" in labels
    assert not any("trials" in label for label in labels)


def test_an_interval_stands_at_its_rank() -> None:
    (axes,) = draw_cmc(TRIALS, {5: (0.3, 0.5), 40: (0.0, 1.0)}).axes
    bars = [one for one in axes.collections if one.get_label() == "95 % interval"]
    assert [path.vertices.tolist() for path in bars[0].get_paths()] == [[[5, 30], [5, 50]]]
