"""The re-ranker: the harness's own k-reciprocal encoding, with the settings that were chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench_core.rerankers import (
    KReciprocalOptions,
    Reranker,
    RerankerInput,
    k_reciprocal_distances,
)
from bench_kreciprocal.config import KReciprocalConfig

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class KReciprocal(Reranker[KReciprocalConfig]):
    """Compares the neighbourhoods of images instead of the images."""

    def rerank(self, images: RerankerInput) -> NDArray[np.float32]:
        """Return float32 (Q, G) in [0, 1]; see docs/reranking.md."""
        options = KReciprocalOptions(**self.config.model_dump())
        return k_reciprocal_distances(images.distances, options)
