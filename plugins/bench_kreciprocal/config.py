"""What can be set, as the paper names it."""

from __future__ import annotations

from pydantic import Field

from bench_core.rerankers import RerankerConfig


class KReciprocalConfig(RerankerConfig):
    """The settings of k-reciprocal re-ranking.

    Attributes:
        k1: Neighbours that may be k-reciprocal.
        k2: Neighbours whose rows are averaged (local query expansion); 1 is without.
        lambda_value: Weight of the original distance; the rest is the Jaccard distance.
    """

    k1: int = Field(default=20, ge=1)
    k2: int = Field(default=6, ge=1)
    lambda_value: float = Field(default=0.3, ge=0, le=1)
