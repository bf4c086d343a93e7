"""The compiled counting of ranks; the names below are all that others use of it.

All trials of a protocol are pooled, values to count by come from a source of distances, and the
pool is ranked.
"""

from bench_core.evaluation.engine.pool import TrialPool, TrialRows, pool_trials
from bench_core.evaluation.engine.ranking import BlockSizes, rank_pool
from bench_core.evaluation.engine.sources import FeatureDistances, GivenDistances

__all__ = [
    "BlockSizes",
    "FeatureDistances",
    "GivenDistances",
    "TrialPool",
    "TrialRows",
    "pool_trials",
    "rank_pool",
]
