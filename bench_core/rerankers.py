"""The door for who writes a re-ranker: its base class, its settings, and what it is given."""

from bench_core.configuration import RerankerConfig as RerankerConfig
from bench_core.evaluation.reranking.contract import (
    Reranker as Reranker,
    RerankerInput as RerankerInput,
    SearchedImages as SearchedImages,
)
from bench_core.evaluation.reranking.distances import (
    ImageDistances as ImageDistances,
    feature_distances as feature_distances,
)
from bench_core.evaluation.reranking.k_reciprocal import (
    KReciprocalOptions as KReciprocalOptions,
    k_reciprocal_distances as k_reciprocal_distances,
)
