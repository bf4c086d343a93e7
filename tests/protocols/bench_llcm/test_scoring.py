"""Scores of random features: those of the authors' evaluation, written out query by query."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import bench_llcm
from bench_core import ProtocolSpec
from bench_core.features.table import FeatureTable
from bench_core.loading import load_protocol
from bench_core.scoring.score import score
from bench_llcm.dataset import LlcmReader

RANKS = 3


def score_query(
    distances: np.ndarray, matches: np.ndarray, removed: np.ndarray, identity: np.ndarray
) -> tuple[list[int], float, float] | None:
    """Score a query: its CMC by identity, AP and INP; None where it has no match."""
    order = [place for place in np.argsort(distances, kind="stable") if not removed[place]]
    ranks = [rank for rank, place in enumerate(order, start=1) if matches[place]]
    if not ranks:
        return None
    people = list(dict.fromkeys(identity[order].tolist()))
    first = people.index(identity[order][ranks[0] - 1])
    precision = [number / rank for number, rank in enumerate(ranks, start=1)]
    cmc = [int(rank >= first) for rank in range(RANKS)]
    return cmc, float(np.mean(precision)), len(ranks) / ranks[-1]


@pytest.mark.parametrize("spec", bench_llcm.bench_register_protocols(), ids=lambda spec: spec.id)
def test_images_of_the_querys_own_person_and_camera_do_not_count(
    spec: ProtocolSpec, root: Path
) -> None:
    dataset = LlcmReader().read(root)
    protocol = load_protocol(spec, dataset.splits)
    features = np.random.default_rng(0).normal(size=(len(dataset.images), 1, 3))
    table = dataset.images[["identity", "camera", "modality", "index"]]
    table_of_features = FeatureTable(features=features, table=table, metric="euclidean")
    evaluation = score({"train": table_of_features}, protocol, "official").evaluation
    identity, camera = table["identity"].to_numpy(), table["camera"].to_numpy()
    num_removed = 0
    for number, scores in enumerate(evaluation.trials):
        trial = protocol.trial(dataset.images, "official", number)
        expected = []
        for query in trial.query:
            matches = identity[trial.gallery] == identity[query]
            removed = matches & (camera[trial.gallery] == camera[query])
            distances = np.linalg.norm(features[trial.gallery, 0] - features[query, 0], axis=1)
            expected.append(score_query(distances, matches, removed, identity[trial.gallery]))
            num_removed += removed.sum()
        cmc, precision, penalty = zip(*filter(None, expected), strict=True)
        assert scores.num_valid_queries == len(cmc)
        assert scores.cmc[:RANKS] == pytest.approx(np.mean(cmc, axis=0))
        assert scores.mean_average_precision == pytest.approx(np.mean(precision))
        assert scores.mean_inverse_negative_penalty == pytest.approx(np.mean(penalty))
    assert num_removed > 0
