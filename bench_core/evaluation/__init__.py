"""Arrays in, numbers out: distances, ranks, CMC, mAP and mINP. Knows no plugin, file or model.

Who scores a search of their own calls `evaluate_distances` or `evaluate_features`; they are loaded
when they are asked for, and take NumPy arrays and torch tensors alike. torch is not loaded here.

Letters in shapes: Q queries, G gallery images, V views, D dimensions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench_core.evaluation.searches import SameCamera as SameCamera
    from bench_core.evaluation.searches import evaluate_distances as evaluate_distances
    from bench_core.evaluation.searches import evaluate_features as evaluate_features
    from bench_core.evaluation.summary import TrialScore as TrialScore

_HOMES = {
    "SameCamera": "bench_core.evaluation.searches",
    "TrialScore": "bench_core.evaluation.summary",
    "evaluate_distances": "bench_core.evaluation.searches",
    "evaluate_features": "bench_core.evaluation.searches",
}
"""Module of each public name; who needs a part of the package alone does not load them."""


def __getattr__(name: str) -> Any:
    """Load a public name when it is asked for.

    Raises:
        AttributeError: It is none.
    """
    if name not in _HOMES:
        raise AttributeError(f"module 'bench_core.evaluation' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
