"""The scores of each query camera on its own."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from bench_core.evaluation.ranking import QueryScores
from bench_core.evaluation.summary import Evaluation
from bench_core.evaluation.trial import average_queries

if TYPE_CHECKING:
    from numpy.typing import NDArray


def split_by_query_camera(evaluation: Evaluation) -> dict[int, Evaluation]:
    """Average the queries of each camera on their own; galleries and ranks stay as they are.

    The mean over cameras, weighted by their valid queries, is the score of each trial.

    Args:
        evaluation: Scores of all queries.

    Returns:
        Camera, ascending, to the scores of its queries, over the trials in which one of them has a
        match. A camera of which no query ever has one is left out.
    """
    cameras = np.unique(np.concatenate([images.camera for images in evaluation.query_images]))
    scores = {int(camera): _scores_of(evaluation, camera) for camera in cameras}
    return {camera: found for camera, found in scores.items() if found}


def _scores_of(evaluation: Evaluation, camera: int) -> Evaluation | None:
    trials, query_images = [], []
    for trial, images in zip(evaluation.trials, evaluation.query_images, strict=True):
        rows = np.flatnonzero(images.camera == camera)
        scores = _take(trial.queries, rows)
        if scores.valid.any():
            trials.append(
                average_queries(scores, num_gallery=trial.num_gallery, num_ranks=len(trial.cmc))
            )
            query_images.append(images[rows])
    return Evaluation(tuple(trials), tuple(query_images)) if trials else None


def _take(scores: QueryScores, rows: NDArray[np.int64]) -> QueryScores:
    return QueryScores(
        **{field.name: getattr(scores, field.name)[rows] for field in fields(scores)}
    )
