"""Trials of a probe of features: their galleries drawn in one way, their scores combined in one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench_core.xray import comparisons, probes
from bench_core.xray.reference import Measures, RankingRules


def gather_trials(
    how: str,
    comparison: tuple[str, str],
    rules: RankingRules,
    *,
    cameras: Sequence[int] = probes.VISIBLE,
    shots: int = 1,
) -> list[Measures]:
    """Score the trials of the probe "folders", drawn in one way.

    Returns:
        The scores of each trial; none where the draw is not defined for so many shots.
    """
    probe = probes.make_features("folders")
    drawn = [
        probes.draw_gallery(probe.folders, probe.permutations, cameras, how, trial, shots)
        for trial in range(probes.NUM_TRIALS)
    ]
    return [
        comparisons.measure_features("folders", tuple(rows), *comparison, rules)
        for rows in drawn
        if rows is not None
    ]


def combine_trials(
    values: Sequence[Sequence[float]], rank_1: Sequence[float], way: str
) -> list[float]:
    """Combine the values of trials as a value of the choice "trials" says."""
    table = np.array(values)
    row = {
        "best": lambda: table[int(np.argmax(rank_1))],
        "first": lambda: table[0],
        "last": lambda: table[-1],
        "sum": lambda: table.sum(axis=0),
        "mean": lambda: table.mean(axis=0),
    }[way]()
    return [float(value) for value in row]
