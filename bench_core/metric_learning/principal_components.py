"""Principal components of features, exact or by random projections where there are many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from bench_core.metric_learning.samples import Floats

EXACT_UP_TO = 1500
"""LabelledFeatures or dimensions, whichever are fewer, up to which all components are computed."""
OVERSAMPLED = 32
ROUNDS = 6
"""Further axes and multiplications of the random projection (Halko et al. 2011)."""


@dataclass(frozen=True, eq=False)
class PrincipalComponents:
    """Orthonormal axes of the largest variance.

    Attributes:
        centre: float64 (D,), the mean.
        axes: float64 (D, R), in the order of variance.
    """

    centre: Floats
    axes: Floats


def principal_components(features: Floats, dimensions: int) -> PrincipalComponents:
    """Return the components of the largest variance, as many as there are, at most.

    Directions without variance are left out. Signs are fixed: the largest entry of an axis is
    positive.

    Args:
        features: float64 (N, D).
        dimensions: Most components.
    """
    centre = features.mean(0)
    centred = features - centre
    if min(centred.shape) <= EXACT_UP_TO:
        axes, values = _exact(centred)
    else:
        axes, values = _approximate(centred, dimensions)
    smallest = values[0] * max(centred.shape) * np.finfo(np.float64).eps
    axes = axes[:, : min(dimensions, max(1, int((values > smallest).sum())))]
    largest = np.abs(axes).argmax(0)
    return PrincipalComponents(centre, axes * np.sign(axes[largest, np.arange(axes.shape[1])]))


def _exact(centred: Floats) -> tuple[Floats, Floats]:
    """Return all axes with their singular values squared, by the smaller of two products."""
    wide = centred.shape[1] > centred.shape[0]
    values, vectors = scipy.linalg.eigh(centred @ centred.T if wide else centred.T @ centred)
    values, vectors = values[::-1].clip(0), vectors[:, ::-1]
    if not wide:
        return vectors, values
    axes = centred.T @ vectors
    norms = np.linalg.norm(axes, axis=0)
    return axes / np.where(norms > 0, norms, 1), values


def _approximate(centred: Floats, dimensions: int) -> tuple[Floats, Floats]:
    """Return the first axes by a random projection with subspace iterations, the same each time."""
    width = min(dimensions + OVERSAMPLED, *centred.shape)
    axes = np.random.default_rng(0).standard_normal((centred.shape[1], width))
    for _ in range(ROUNDS):
        product: Floats = centred.T @ (centred @ axes)
        axes = np.linalg.qr(product)[0]
    reduced, values, _ = scipy.linalg.svd((centred @ axes).T, full_matrices=False)
    return axes @ reduced, values**2
