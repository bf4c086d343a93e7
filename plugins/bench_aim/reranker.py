"""The re-ranker: affinities of features, with the settings that were chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench_aim.affinities import affinity_distances
from bench_aim.config import AimConfig
from bench_core.rerankers import Reranker, RerankerInput, feature_distances

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class AffinityInference(Reranker[AimConfig]):
    """Adds to the similarity of two images that of what they are similar to in the gallery."""

    def rerank(self, images: RerankerInput) -> NDArray[np.float64]:
        """Return float64 (Q, G) in [0, 4]; see docs/reranking.md."""
        # Whatever the method's own metric is, AIM compares features of length 1.
        distances = feature_distances(*images.features, "cosine", device=images.device)
        views = images.features[0].shape[1]
        return affinity_distances(distances, views, k1=self.config.k1, k2=self.config.k2)
