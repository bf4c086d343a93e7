"""XQDA: cross-view quadratic discriminant analysis (Liao et al., CVPR 2015)."""

from __future__ import annotations

import numpy as np
import scipy.linalg

from bench_core.metric_learning.forms import QuadraticForm
from bench_core.metric_learning.samples import Floats, LabelledFeatures, pair_covariances

RIDGE = 0.001
"""Added to the diagonal of the intra-personal covariance by the authors' code."""


def xqda(
    samples: LabelledFeatures, *, ridge: float = RIDGE, dimensions: int | None = None
) -> QuadraticForm:
    """Learn a subspace W and the metric M = inv(W^T S_I W) - inv(W^T S_E W) in it, as one form.

    W holds the left singular vectors of inv(S_I + ridge) S_E whose singular values exceed 1, one at
    least, as the authors' code has it; M may be indefinite. Where there are fewer samples than
    dimensions, all is computed in the span of the samples, which changes nothing.

    Args:
        samples: Labelled features.
        ridge: Added to the diagonal of S_I, the covariance of pairs of one person.
        dimensions: Most directions that are kept, those of the largest singular values; by default
            all that exceed 1.

    Raises:
        TrainingError: There are no pairs.
    """
    basis = None
    if samples.num_features > len(samples.visible) + len(samples.infrared):
        stacked = np.concatenate([samples.visible, samples.infrared])
        basis = scipy.linalg.qr(stacked.T, mode="economic", overwrite_a=True)[0]
        samples = samples.mapped(basis, np.zeros(samples.num_features))
    form = _in_few_dimensions(samples, ridge, dimensions)
    return form if basis is None else form.before(basis)


def _in_few_dimensions(
    samples: LabelledFeatures, ridge: float, dimensions: int | None
) -> QuadraticForm:
    pairs = pair_covariances(samples)
    same, different = pairs.same, pairs.different
    same[np.diag_indices_from(same)] += ridge
    ratio: Floats = scipy.linalg.solve(same, different, assume_a="pos")
    axes, values, _ = scipy.linalg.svd(ratio, full_matrices=False, overwrite_a=True)
    number = max(1, int((values > 1).sum()))
    axes = axes[:, : number if dimensions is None else min(number, dimensions)]
    same, different = (axes.T @ matrix @ axes for matrix in (same, different))
    matrix = scipy.linalg.inv(same) - scipy.linalg.inv(different)
    return QuadraticForm.of(axes, (matrix + matrix.T) / 2)
