"""Arrays in, numbers out: distances, ranks, CMC, mAP and mINP. Knows no plugin, file or model.

Letters in shapes: Q queries, G gallery images, V views, D dimensions.
"""

from bench_core.evaluation.distances import pairwise_distances
from bench_core.evaluation.image_quality import frechet_distance, mean_pair_distance
from bench_core.evaluation.query_table import QueryImages, QueryTable
from bench_core.evaluation.ranking import QueryScores, score_queries
from bench_core.evaluation.summary import Evaluation, join_evaluations
from bench_core.evaluation.trial import TrialScore, score_trial

__all__ = [
    "Evaluation",
    "QueryImages",
    "QueryScores",
    "QueryTable",
    "TrialScore",
    "frechet_distance",
    "join_evaluations",
    "mean_pair_distance",
    "pairwise_distances",
    "score_queries",
    "score_trial",
]
