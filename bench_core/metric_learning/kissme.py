"""KISSME: a metric from a likelihood ratio (Koestinger et al., CVPR 2012)."""

from __future__ import annotations

import numpy as np

from bench_core.metric_learning.forms import QuadraticForm, inverse
from bench_core.metric_learning.samples import Floats, LabelledFeatures, pair_covariances


def kissme(samples: LabelledFeatures) -> QuadraticForm:
    """Learn M = inv(S_same) - inv(S_different), projected onto semidefinite matrices (Eqs. 10-14).

    The paper's pairs are whatever is labelled; here they are all pairs across modalities, which
    are those that are compared.

    Args:
        samples: Labelled features, of so few dimensions that both covariances can be inverted.

    Raises:
        TrainingError: A covariance is singular, or there are no pairs.
    """
    return likelihood_ratio(samples).semidefinite()


def likelihood_ratio(samples: LabelledFeatures) -> QuadraticForm:
    """Return the form of KISSME before it is projected; it may be indefinite.

    Raises:
        TrainingError: A covariance is singular, or there are no pairs.
    """
    pairs = pair_covariances(samples)
    matrix: Floats = inverse(pairs.same, "pairs of one person")
    matrix = matrix - inverse(pairs.different, "pairs of two people")
    return QuadraticForm.of(np.eye(samples.num_features), matrix)
