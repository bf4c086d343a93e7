"""CDFE: common discriminant feature extraction (Lin and Tang, ECCV 2006)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.sparse
from numpy.typing import NDArray

from bench_core.contracts.errors import TrainingError
from bench_core.contracts.images import INFRARED, MODALITIES, VISIBLE
from bench_core.metric_learning.forms import CommonSpace
from bench_core.metric_learning.neighbours import nearest
from bench_core.metric_learning.samples import Floats, LabelledFeatures


@dataclass(frozen=True, kw_only=True)
class Weights:
    """What the terms of CDFE's objective weigh.

    Attributes:
        separation: alpha, of the distance between people, against 1 of that within one.
        consistency: beta, of the local consistency.
        neighbours: LabelledFeatures of its modality that a sample is to stay near to.
    """

    separation: float
    consistency: float
    neighbours: int


def cdfe(samples: LabelledFeatures, weights: Weights, *, dimensions: int) -> CommonSpace:
    """Learn a transform of each modality, A and B, into a common space.

    They minimise J_1 + beta J_2. J_1, the empirical separability, is the mean of
    |A^T x - B^T z|^2 over pairs of one person, less alpha times that over pairs of two. J_2, the
    local consistency, is the mean over samples of sum_j w_ij |x'_i - x'_j|^2 over the neighbours j
    of i in its own modality, with w_ij = exp(-|x_i - x_j|^2 / s^2). As stacked transforms U = (A;
    B), both are traces tr(U^T R U), and with U^T C U = I the smallest generalised eigenvectors
    solve it; C is the covariance of each modality, in blocks.

    Each modality is centred by its own mean. s^2 is the mean squared distance of neighbours.

    Args:
        samples: Labelled features.
        weights: Of the terms.
        dimensions: Most dimensions of the common space.

    Raises:
        TrainingError: A covariance is singular.
    """
    centres = {modality: samples.of(modality)[0].mean(0) for modality in MODALITIES}
    centred = LabelledFeatures(
        samples.visible - centres[VISIBLE],
        samples.infrared - centres[INFRARED],
        samples.visible_labels,
        samples.infrared_labels,
    )
    number = centred.num_features
    covariances = [
        centred.of(modality)[0].T @ centred.of(modality)[0] / len(centred.of(modality)[0])
        for modality in MODALITIES
    ]
    try:
        _, axes = scipy.linalg.eigh(
            objective(centred, weights),
            scipy.linalg.block_diag(*covariances),
            subset_by_index=[0, min(dimensions, 2 * number) - 1],
        )
    except scipy.linalg.LinAlgError:
        raise TrainingError(
            f"the covariance of a modality is singular in {number} dimensions; keep fewer "
            "principal components, or train on more images"
        ) from None
    return CommonSpace(axes[:number], axes[number:], centres[VISIBLE], centres[INFRARED])


def objective(samples: LabelledFeatures, weights: Weights) -> Floats:
    """Return R (2D, 2D), of which tr(U^T R U) is J_1 + beta J_2, visible transforms first."""
    same, different = _pairs(samples)
    blocks = same - weights.separation * different
    number = samples.num_features
    for start, modality in zip((0, number), MODALITIES, strict=True):
        features, _ = samples.of(modality)
        own = slice(start, start + number)
        blocks[own, own] += weights.consistency * _consistency(features, weights.neighbours)
    return np.asarray((blocks + blocks.T) / 2)


def _pairs(samples: LabelledFeatures) -> tuple[Floats, Floats]:
    """Return the matrices (2D, 2D) of the means of |A^T x - B^T z|^2 over both kinds of pairs."""
    x, z = samples.visible, samples.infrared
    people = np.union1d(samples.visible_labels, samples.infrared_labels)
    of_x = _members(samples.visible_labels, people)
    of_z = _members(samples.infrared_labels, people)
    partners_of_x, partners_of_z = of_x @ of_z.sum(0), of_z @ of_x.sum(0)
    num_same = partners_of_x.sum()
    num_different = len(x) * len(z) - num_same
    if not num_same or not num_different:
        raise TrainingError("CDFE learns from pairs across modalities of one person and of two")
    cross = (x.T @ of_x) @ (of_z.T @ z)
    same = _stacked(x, z, partners_of_x, partners_of_z, cross)
    everything = np.outer(x.sum(0), z.sum(0))
    different = _stacked(x, z, len(z) - partners_of_x, len(x) - partners_of_z, everything - cross)
    return same / num_same, different / num_different


def _stacked(x: Floats, z: Floats, of_x: Floats, of_z: Floats, cross: Floats) -> Floats:
    blocks = [[(x.T * of_x) @ x, -cross], [-cross.T, (z.T * of_z) @ z]]
    return np.asarray(np.block(blocks))


def _members(labels: NDArray[np.int64], people: NDArray[np.int64]) -> Floats:
    """Return 1 where a sample (N) is of a person (P), else 0."""
    return np.asarray(labels[:, None] == people, dtype=np.float64)


def _consistency(features: Floats, neighbours: int) -> Floats:
    """Return the matrix (D, D) of J_2 of one modality."""
    number = min(neighbours, len(features) - 1)
    places, squared = nearest(features, number)
    scale = squared.mean()
    near = np.exp(-squared / scale) if scale > 0 else np.ones_like(squared)
    weights = scipy.sparse.csr_array(
        (near.ravel(), (np.repeat(np.arange(len(features)), number), places.ravel())),
        shape=(len(features), len(features)),
    )
    weights = weights + weights.T
    degrees = np.asarray(weights.sum(1)).ravel()
    scatter = (features.T * degrees) @ features - features.T @ (weights @ features)
    return np.asarray(scatter / len(features))
