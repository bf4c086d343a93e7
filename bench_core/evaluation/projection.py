"""Features in two dimensions: principal components, t-SNE, UMAP.

The last two keep who is near whom, and not distances: gaps and sizes of groups mean nothing in
them. Both are those of libraries of their own (extra `maps`).

Letters in shapes: N images, V views, D dimensions.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from bench_core.contracts.errors import UsageError
from bench_core.evaluation.scaling import scale_together
from bench_core.evaluation.similarity import unit_features

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench_core.contracts.method import Metric

Exact: TypeAlias = "NDArray[np.float64]"

SEED = 0
LEAST_IMAGES = 10
MOST_PERPLEXITY = 30.0
MOST_NEIGHBOURS = 15
WAY_OUT = "pip install 'vireid-bench[maps]'"


@dataclass(frozen=True, eq=False)
class Components:
    """The first two principal components.

    Attributes:
        places: float64 (N, 2), centred.
        shares: Part of the variance that each of the two holds, in [0, 1].
    """

    places: Exact
    shares: tuple[float, float]


def points_of(features: NDArray[np.floating[Any]], metric: Metric) -> Exact:
    """Return features as points whose Euclidean distances order as their distances do.

    Args:
        features: Float (N, V, D), finite.
        metric: For "cosine" each view gets length 1. Views lie side by side, so that with several
            the squared distances of the views add up, not the distances.

    Returns:
        float64 (N, V x D).
    """
    if metric == "cosine":
        return unit_features(features)
    (scaled,), _ = scale_together(features)
    return scaled.reshape(len(scaled), -1).astype(np.float64)


def principal_components(points: Exact) -> Components:
    """Project points onto the two directions in which they vary most.

    Args:
        points: float64 (N, V x D), N at least 2; a component without any variance is 0.

    Returns:
        The components; of each direction the one in which the largest entry is positive, so that
        the picture never flips.

    Examples:
        >>> found = principal_components(np.array([[0.0, 0, 3], [0, 0, -3], [0, 1, 0], [0, -1, 0]]))
        >>> found.places.round(6).tolist(), found.shares[0].__round__(6)
        ([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]], 0.9)
    """
    centred = points - points.mean(axis=0)
    left, lengths, directions = np.linalg.svd(centred, full_matrices=False)
    left, lengths = left[:, :2], lengths[:2]
    largest = np.abs(directions[:2]).argmax(axis=1)
    signs = np.where(directions[np.arange(len(largest)), largest] < 0, -1.0, 1.0)
    places = np.zeros((len(points), 2))
    places[:, : len(lengths)] = left * lengths * signs + 0.0
    total = float((centred**2).sum())
    shares = np.zeros(2)
    shares[: len(lengths)] = lengths**2 / total if total else 0
    return Components(places, (float(shares[0]), float(shares[1])))


def perplexity_of(num_points: int) -> float:
    """Return the perplexity of a t-SNE: 30, or what few points allow."""
    return min(MOST_PERPLEXITY, (num_points - 1) / 3)


def t_sne(points: Exact, components: Components) -> Exact:
    """Embed points by exact t-SNE (van der Maaten and Hinton, JMLR 9, 2008), from scikit-learn.

    Args:
        points: float64 (N, V x D), N at least `LEAST_IMAGES`.
        components: Their principal components, which it starts from: no random draw decides.

    Returns:
        float64 (N, 2).

    Raises:
        UsageError: scikit-learn is not installed.
    """
    try:
        from sklearn.manifold import TSNE
    except ImportError as error:
        raise UsageError(f"it needs scikit-learn; {WAY_OUT}") from error
    start = components.places / (components.places[:, 0].std() or 1) * 1e-4
    model = TSNE(
        method="exact", perplexity=perplexity_of(len(points)), init=start, random_state=SEED
    )
    return np.asarray(model.fit_transform(points), dtype=np.float64)


def u_map(points: Exact) -> Exact:
    """Embed points by UMAP (McInnes, Healy and Melville, 2018), from umap-learn.

    Args:
        points: float64 (N, V x D), N at least `LEAST_IMAGES`.

    Returns:
        float64 (N, 2).

    Raises:
        UsageError: umap-learn is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it says that it has no TensorFlow, which is unused
            from umap import UMAP
    except ImportError as error:
        raise UsageError(f"it needs umap-learn; {WAY_OUT}") from error
    model = UMAP(n_neighbors=min(MOST_NEIGHBOURS, len(points) - 1), random_state=SEED, n_jobs=1)
    return np.asarray(model.fit_transform(points), dtype=np.float64)
