"""LFDA: local Fisher discriminant analysis (Sugiyama, JMLR 2007)."""

from __future__ import annotations

import numpy as np
import scipy.linalg

from bench_core.contracts.errors import TrainingError
from bench_core.metric_learning.forms import QuadraticForm
from bench_core.metric_learning.neighbours import squared_distances
from bench_core.metric_learning.samples import Floats, LabelledFeatures


def lfda(samples: LabelledFeatures, *, dimensions: int, neighbours: int = 7) -> QuadraticForm:
    """Learn the axes that part people and keep what is near within a person together.

    With the affinities A of the paper's local scaling within each person, S_b and S_w are the
    scatters (1/2) sum_ij W_ij (x_i - x_j)(x_i - x_j)^T of its Eqs. 8 to 13. The axes solve
    S_b a = lambda S_w a, and each is weighted by sqrt(lambda), as its Section 3.4 has it. Images of
    both modalities are samples alike.

    Args:
        samples: Labelled features.
        dimensions: Most axes.
        neighbours: The local scale of a sample is its distance to this neighbour of its person, or
            to the farthest one where there are fewer.

    Raises:
        TrainingError: S_w is singular.
    """
    features, labels = samples.together()
    between, within = local_scatters(features - features.mean(0), labels, neighbours)
    number = features.shape[1]
    try:
        values, axes = scipy.linalg.eigh(
            between, within, subset_by_index=[max(0, number - dimensions), number - 1]
        )
    except scipy.linalg.LinAlgError:
        raise TrainingError(
            f"the scatter within people is singular in {number} dimensions; keep fewer principal "
            "components, or train on more images"
        ) from None
    factor = axes[:, ::-1] * np.sqrt(values[::-1].clip(0))
    return QuadraticForm(factor, np.ones(factor.shape[1]))


def local_scatters(features: Floats, labels: np.ndarray, neighbours: int) -> tuple[Floats, Floats]:
    """Return the local scatters between and within people, each (D, D).

    Args:
        features: float64 (N, D).
        labels: int64 (N,).
        neighbours: Of which the distance is the local scale.
    """
    total, number = features.sum(0), len(features)
    between = number * (features.T @ features) - np.outer(total, total)
    within = np.zeros_like(between)
    for person in np.unique(labels):
        own = features[labels == person]
        summed = own.sum(0)
        between -= len(own) * (own.T @ own) - np.outer(summed, summed)
    between /= number
    for person in np.unique(labels):
        own = features[labels == person]
        affinities = local_affinities(own, neighbours)
        scatter = (own.T * affinities.sum(1)) @ own - own.T @ (affinities @ own)
        within += scatter / len(own)
        between += scatter * (1 / number - 1 / len(own))
    return between, within


def local_affinities(features: Floats, neighbours: int) -> Floats:
    """Return exp(-|x_i - x_j|^2 / (s_i s_j)) (N, N), s_i being the distance to a neighbour.

    Where a scale is 0, as of equal samples, so is the affinity.
    """
    squared = squared_distances(features, features)
    place = min(neighbours, len(features) - 1)
    scales = np.sqrt(np.sort(squared, axis=1)[:, place])
    products = np.outer(scales, scales)
    exponents = np.divide(squared, products, out=np.full_like(squared, np.inf), where=products > 0)
    return np.asarray(np.exp(-exponents))
