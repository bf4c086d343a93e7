"""HCML's objective and its gradients. C: people, N: images of a modality, D: dimensions.

V and T transform visible and infrared features, M = P P^T is the metric behind them. With x_i and
z_j, the means of the features of person i in either modality,

    D_ij = |P^T (V^T x_i - T^T z_j)|^2.

All is computed in double precision.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from bench_hcml.config import InfraredGradient


@dataclass(frozen=True)
class Features:
    """Features of one modality, reduced by PCA.

    Attributes:
        means: (C, D), of each person.
        labels: int64 (C,), whose they are.
        deviations: (N, D), each feature less the mean of its person.
    """

    means: torch.Tensor
    labels: torch.Tensor
    deviations: torch.Tensor

    @classmethod
    def of(cls, features: torch.Tensor, labels: torch.Tensor) -> Features:
        """Split features (N, D) of people, int64 (N,), into means and deviations from them."""
        known, places = torch.unique(labels, return_inverse=True)
        # A product, as sums by index come in any order on a GPU.
        members = functional.one_hot(places, len(known)).to(features.dtype)
        means = members.T @ features / members.sum(0)[:, None]
        return cls(means, known, features - means[places])


@dataclass(frozen=True)
class Transforms:
    """What is learned.

    Attributes:
        visible: V (D, D).
        infrared: T (D, D).
        metric: M (D, D), symmetric.
    """

    visible: torch.Tensor
    infrared: torch.Tensor
    metric: torch.Tensor

    @classmethod
    def identity(cls, dimensions: int, like: torch.Tensor) -> Transforms:
        """Return V = T = M = I of the format and on the device of a tensor."""
        return cls(*(torch.eye(dimensions, dtype=like.dtype, device=like.device) for _ in range(3)))


class Objective:
    """F = cross + weight x within, as a function of V, T and M.

    cross = sum over i, j of w_ij log(1 + exp(y_ij (D_ij - mu))), where y_ij is 1 for one person and
    -1 for two, w_ij is one over the number of such pairs, and mu is the mean of D at V = T = M = I.
    within = for each modality the mean over its images of log(1 + exp(|V^T (x_n - x)|^2)), where x
    is the mean of the person of image n, and likewise with T.

    Args:
        visible: Features of one modality.
        infrared: Those of the other.
        within_weight: See above.
        infrared_gradient: How the gradient of T is computed; it is a gradient with "own" alone.
    """

    def __init__(
        self,
        visible: Features,
        infrared: Features,
        *,
        within_weight: float,
        infrared_gradient: InfraredGradient = "own",
    ) -> None:
        self._visible, self._infrared = visible, infrared
        self._weight, self._infrared_gradient = within_weight, infrared_gradient
        same = visible.labels[:, None] == infrared.labels[None, :]
        signs = torch.where(same, 1.0, -1.0).to(visible.means)
        self._signs = signs
        # A modality may lack every pair of a kind, such as where it has one person alone.
        numbers = torch.where(same, same.sum(), (~same).sum()).to(signs)
        self._weights = 1 / numbers
        start = Transforms.identity(visible.means.shape[1], visible.means)
        self.threshold = self.distances(start).mean()

    def distances(self, at: Transforms) -> torch.Tensor:
        """Return D (C, C)."""
        visible, infrared = self._transformed(at)
        by_visible, by_infrared = visible @ at.metric, infrared @ at.metric
        squares = [
            (rows * weighted).sum(1)
            for rows, weighted in ((visible, by_visible), (infrared, by_infrared))
        ]
        return squares[0][:, None] + squares[1][None, :] - 2 * by_visible @ infrared.T

    def cross(self, at: Transforms) -> torch.Tensor:
        """Return the term across modalities, a scalar."""
        margins = self._signs * (self.distances(at) - self.threshold)
        return (self._weights * functional.softplus(margins)).sum()

    def within(self, at: Transforms) -> torch.Tensor:
        """Return the term within modalities without its weight, a scalar."""
        means = [
            functional.softplus((deviations @ transform).square().sum(1)).mean()
            for deviations, transform in self._deviations(at)
        ]
        return means[0] + means[1]

    def value(self, at: Transforms) -> torch.Tensor:
        """Return F, a scalar."""
        return self.cross(at) + self._weight * self.within(at)

    def metric_gradient(self, at: Transforms) -> torch.Tensor:
        """Return the gradient of F by M (D, D), symmetric; only the term across has M."""
        visible, infrared = self._transformed(at)
        slopes = self._slopes(at)
        mixed = visible.T @ slopes @ infrared
        scatter = visible.T @ (slopes.sum(1)[:, None] * visible)
        scatter = scatter + infrared.T @ (slopes.sum(0)[:, None] * infrared)
        return scatter - mixed - mixed.T

    def transform_gradients(self, at: Transforms) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the gradients of F by V and by T, (D, D) each.

        In either one, what a modality's own images say is a scatter matrix of them times its
        transform. With `infrared_gradient="by-visible"` that of T within its modality is times V.
        """
        visible, infrared = self._visible.means, self._infrared.means
        slopes, metric = self._slopes(at), at.metric
        mixed = visible.T @ slopes @ infrared
        own = at.infrared if self._infrared_gradient == "own" else at.visible
        of_visible = visible.T @ (slopes.sum(1)[:, None] * visible) @ at.visible
        of_infrared = infrared.T @ (slopes.sum(0)[:, None] * infrared) @ at.infrared
        within = [
            self._within_scatter(deviations, transform)
            for deviations, transform in self._deviations(at)
        ]
        return (
            2 * (of_visible - mixed @ at.infrared) @ metric + self._weight * within[0] @ at.visible,
            2 * (of_infrared - mixed.T @ at.visible) @ metric + self._weight * within[1] @ own,
        )

    def _slopes(self, at: Transforms) -> torch.Tensor:
        """Return the derivatives of the term across by D (C, C)."""
        margins = self._signs * (self.distances(at) - self.threshold)
        return self._weights * self._signs * margins.sigmoid()

    @staticmethod
    def _within_scatter(deviations: torch.Tensor, transform: torch.Tensor) -> torch.Tensor:
        """Return S (D, D), of which S V is the gradient by V of a modality's term within."""
        slopes = (deviations @ transform).square().sum(1).sigmoid() * (2 / len(deviations))
        return deviations.T @ (slopes[:, None] * deviations)

    def _transformed(self, at: Transforms) -> tuple[torch.Tensor, torch.Tensor]:
        return self._visible.means @ at.visible, self._infrared.means @ at.infrared

    def _deviations(self, at: Transforms) -> tuple[tuple[torch.Tensor, torch.Tensor], ...]:
        return (
            (self._visible.deviations, at.visible),
            (self._infrared.deviations, at.infrared),
        )
