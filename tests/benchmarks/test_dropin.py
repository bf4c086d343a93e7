"""How fast the drop-in call is at the size of SYSU-MM01, beside the loop whose place it takes.

Target, on a machine that does nothing else: a fiftieth of the loop's time.
"""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench_core.dropin import eval_sysu

LOOP = runpy.run_path(str(Path(__file__).parents[1] / "bench_core/dropin/agw_loop.py"))
NUM_PEOPLE = 96


@pytest.mark.parametrize(
    ("num_queries", "num_gallery"),
    [pytest.param(3803, 301, id="single-shot"), pytest.param(800, 3010, id="multi-shot")],
)
def test_eval_sysu_beside_the_loop(
    compare: Callable[..., None], num_queries: int, num_gallery: int
) -> None:
    """In multi-shot both take a part of the queries: the loop takes many seconds for all."""
    draw = np.random.default_rng(0)
    distances = draw.random((num_queries, num_gallery))
    query = draw.integers(0, NUM_PEOPLE, num_queries), draw.choice([3, 6], num_queries)
    gallery = np.arange(num_gallery) % NUM_PEOPLE, draw.choice([1, 2, 4, 5], num_gallery)

    def ours() -> object:
        return eval_sysu(distances, query[0], gallery[0], query[1], gallery[1])

    def theirs() -> object:
        return LOOP["agw_loop"](distances, query, gallery, LOOP["same_room"], by_identity=True)

    compare(ours, theirs, rounds=3)
