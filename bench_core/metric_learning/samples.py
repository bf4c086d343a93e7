"""Labelled features of two modalities, from which a metric is learned.

N: samples of one modality. n, m: visible and infrared ones. D: dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bench_core.contracts.errors import TrainingError
from bench_core.contracts.images import Modality

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LabelledFeatures:
    """Features with their labels.

    Attributes:
        visible: float64 (n, D).
        infrared: float64 (m, D).
        visible_labels: int64 (n,).
        infrared_labels: int64 (m,), of the same people.
    """

    visible: Floats
    infrared: Floats
    visible_labels: NDArray[np.int64]
    infrared_labels: NDArray[np.int64]

    @property
    def num_features(self) -> int:
        """D."""
        return int(self.visible.shape[1])

    def together(self) -> tuple[Floats, NDArray[np.int64]]:
        """Return the features (n + m, D) of both modalities, visible ones first, and labels."""
        features = np.concatenate([self.visible, self.infrared])
        return features, np.concatenate([self.visible_labels, self.infrared_labels])

    def centre(self) -> Floats:
        """Return the mean (D,) of all features of both modalities."""
        total = self.visible.sum(0) + self.infrared.sum(0)
        return np.asarray(total / (len(self.visible) + len(self.infrared)))

    def mapped(self, axes: Floats, centre: Floats) -> LabelledFeatures:
        """Return these samples, less a centre (D,), along some axes (D, R)."""
        return LabelledFeatures(
            (self.visible - centre) @ axes,
            (self.infrared - centre) @ axes,
            self.visible_labels,
            self.infrared_labels,
        )

    def of(self, modality: Modality) -> tuple[Floats, NDArray[np.int64]]:
        """Return the features and labels of one modality."""
        if modality == "visible":
            return self.visible, self.visible_labels
        return self.infrared, self.infrared_labels


@dataclass(frozen=True, eq=False)
class PairCovariances:
    """Second moments of the differences x - z of visible x and infrared z.

    Attributes:
        same: float64 (D, D), over the pairs of one person.
        different: float64 (D, D), over the pairs of two people.
    """

    same: Floats
    different: Floats


def pair_covariances(samples: LabelledFeatures) -> PairCovariances:
    """Return the covariances of all pairs across modalities, in closed form.

    A sum over pairs of (x - z)(x - z)^T is one over samples: each x counts as often as there are z
    that it is paired with, and the products x z^T are those of sums over a person (XQDA, Section
    4.3). About the joint mean, so that nothing large cancels.

    Raises:
        TrainingError: No person, or only one, is in both modalities.
    """
    people = np.union1d(samples.visible_labels, samples.infrared_labels)
    of_visible = np.searchsorted(people, samples.visible_labels)
    of_infrared = np.searchsorted(people, samples.infrared_labels)
    counts = np.bincount(of_visible, minlength=len(people))
    others = np.bincount(of_infrared, minlength=len(people))
    num_same = int(counts @ others)
    num_different = len(samples.visible) * len(samples.infrared) - num_same
    if not num_same or not num_different:
        raise TrainingError(
            "a metric is learned from pairs of images across modalities of one person and of two; "
            f"there are {num_same} and {num_different} of them"
        )
    centre = samples.centre()
    visible, infrared = samples.visible - centre, samples.infrared - centre
    sums = _sums(visible, of_visible, len(people))
    other_sums = _sums(infrared, of_infrared, len(people))
    same = _moments(visible, others[of_visible]) + _moments(infrared, counts[of_infrared])
    same -= _symmetric(sums.T @ other_sums)
    everything = len(infrared) * (visible.T @ visible) + len(visible) * (infrared.T @ infrared)
    everything -= _symmetric(np.outer(sums.sum(0), other_sums.sum(0)))
    return PairCovariances(same / num_same, (everything - same) / num_different)


def _moments(features: Floats, weights: NDArray[np.int64]) -> Floats:
    return np.asarray(features.T @ (features * weights[:, None]))


def _symmetric(products: Floats) -> Floats:
    return np.asarray(products + products.T)


def _sums(features: Floats, places: NDArray[np.int64], number: int) -> Floats:
    """Sum up the features of each person, (people, D)."""
    sums = np.zeros((number, features.shape[1]))
    np.add.at(sums, places, features)
    return sums
