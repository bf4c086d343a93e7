"""Similarities of all pairs beside a loop over them: who counts, and as what."""

from __future__ import annotations

from itertools import combinations
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_core.evaluation import pair_similarity
from bench_core.evaluation.pair_similarity import KINDS, NUM_STEPS, Spread, pair_similarities

HALF_A_STEP = 1.01 / NUM_STEPS
MODALITY = {1: "visible", 2: "visible", 3: "infrared", 4: "thermal"}
"""Of each camera: one modality has two, the others one."""


@given(
    seed=st.integers(0, 10**6),
    views=st.integers(1, 2),
    apart=st.sets(st.tuples(st.integers(1, 4), st.integers(1, 4)), max_size=2),
    matches_apart=st.sets(st.tuples(st.integers(1, 4), st.integers(1, 4)), max_size=2),
    block=st.sampled_from([1, 3, 512]),
)
def test_it_equals_a_loop_over_pairs(
    seed: int,
    views: int,
    apart: set[tuple[int, int]],
    matches_apart: set[tuple[int, int]],
    block: int,
) -> None:
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((14, views, 3)) + 0.5
    features[0] = 0
    identity, camera = rng.integers(0, 3, 14), rng.integers(1, 5, 14)
    several = len(set(camera.tolist()) & {1, 2}) == 2
    modality = np.array([MODALITY[one] for one in camera.tolist()])
    lengths = np.maximum(np.linalg.norm(features, axis=2, keepdims=True), 1e-300)
    units = features / lengths
    expected: dict[tuple[str, str], list[float]] = {kind: [] for kind in KINDS}
    for one, other in combinations(range(14), 2):
        pairs = {(camera[one], camera[other]), (camera[other], camera[one])}
        same, across = identity[one] == identity[other], modality[one] != modality[other]
        if pairs & apart or (same and pairs & matches_apart):
            continue
        if camera[one] == camera[other] in (1, 2) and several:
            continue
        kind = ("same" if same else "different", "across" if across else "within")
        expected[kind].append(float((units[one] * units[other]).sum() / views))
    with patch.object(pair_similarity, "_ROWS_PER_BLOCK", block):
        found = pair_similarities(
            features,
            identity=identity,
            camera=camera,
            modality=modality,
            excluded_camera_pairs=apart,
            excluded_match_camera_pairs=matches_apart,
        )
    for kind, values in expected.items():
        assert found[kind].num_pairs == len(values)
        if values:
            assert found[kind].mean == pytest.approx(np.mean(values), abs=HALF_A_STEP)


def test_the_share_above_is_that_of_all_pairs() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 6, 30), rng.integers(2, 8, 20)
    gaps = first[:, np.newaxis] - second
    spreads = [Spread(np.bincount(steps, minlength=NUM_STEPS)) for steps in (first, second)]
    assert spreads[0].share_above(spreads[1]) == pytest.approx(
        (gaps > 0).mean() + (gaps == 0).mean() / 2
    )


def test_a_kind_without_pairs_has_no_mean() -> None:
    assert np.isnan(Spread(np.zeros(NUM_STEPS, dtype=np.int64)).mean)
