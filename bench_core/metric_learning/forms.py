"""What is learned: a quadratic form, or a linear map of each modality.

D: dimensions of a feature. R: dimensions of the learned space.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from bench_core.contracts.errors import TrainingError
from bench_core.metric_learning.samples import Floats


@dataclass(frozen=True, eq=False)
class QuadraticForm:
    """The squared distance d(x, z) = (x - z)^T M (x - z) with M = F diag(signs) F^T.

    Attributes:
        factor: F, float64 (D, R).
        signs: float64 (R,), 1 or -1; where one is -1, M is indefinite, and d may be negative.
    """

    factor: Floats
    signs: Floats

    @classmethod
    def of(cls, axes: Floats, matrix: Floats) -> QuadraticForm:
        """Return the form of M = W matrix W^T.

        Args:
            axes: W (D, R).
            matrix: Symmetric (R, R).
        """
        values, vectors = scipy.linalg.eigh(matrix)
        order = np.argsort(-values, kind="stable")
        values, vectors = values[order], vectors[:, order]
        factor = axes @ (vectors * np.sqrt(np.abs(values)))
        return cls(factor, np.where(values < 0, -1.0, 1.0))

    def matrix(self) -> Floats:
        """Return M (D, D)."""
        return np.asarray((self.factor * self.signs) @ self.factor.T)

    def distances(self, first: Floats, second: Floats) -> Floats:
        """Return d (n, m) between features (n, D) and (m, D)."""
        first, second = first @ self.factor, second @ self.factor
        weighted = first * self.signs
        norms = (weighted * first).sum(1)[:, None] + (second * self.signs * second).sum(1)
        return np.asarray(norms - 2 * weighted @ second.T)

    def semidefinite(self) -> QuadraticForm:
        """Return the nearest form without negative directions: M on the cone of such matrices.

        Nearest in the Frobenius norm, where the axes that it was made of are orthonormal.
        """
        kept = self.signs > 0
        return QuadraticForm(self.factor[:, kept], self.signs[kept])

    def before(self, axes: Floats) -> QuadraticForm:
        """Return the same form of features (A,) of which x is axes^T x, axes being (A, D)."""
        return QuadraticForm(axes @ self.factor, self.signs)


@dataclass(frozen=True, eq=False)
class CommonSpace:
    """A map of each modality into a space in which distances are Euclidean.

    Attributes:
        visible: float64 (D, R).
        infrared: float64 (D, R).
        visible_centre: float64 (D,), taken from a visible feature before it is mapped.
        infrared_centre: float64 (D,), likewise.
    """

    visible: Floats
    infrared: Floats
    visible_centre: Floats
    infrared_centre: Floats

    def before(self, axes: Floats, centre: Floats) -> CommonSpace:
        """Return the same maps of features a of which x is axes^T (a - centre)."""
        return CommonSpace(
            axes @ self.visible,
            axes @ self.infrared,
            centre + axes @ self.visible_centre,
            centre + axes @ self.infrared_centre,
        )


def inverse(matrix: Floats, name: str) -> Floats:
    """Invert a covariance.

    Args:
        matrix: Symmetric (D, D).
        name: What it is, for the message.

    Raises:
        TrainingError: It is singular to working precision.
    """
    values, vectors = scipy.linalg.eigh(matrix)
    smallest = values[-1] * len(values) * np.finfo(np.float64).eps
    if not values[0] > smallest:
        rank = int((values > smallest).sum())
        raise TrainingError(
            f"the covariance of {name} has rank {rank} in {len(values)} dimensions and cannot be "
            "inverted; keep fewer principal components, or train on more images"
        )
    return np.asarray((vectors / values) @ vectors.T)
