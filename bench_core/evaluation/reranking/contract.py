"""What a re-ranker is given of a trial, and what it gives back.

Letters in shapes: Q queries, G gallery images, V views, D dimensions.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from bench_core.contracts.errors import PluginError

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from bench_core.contracts.images import Modality
    from bench_core.contracts.method import Metric
    from bench_core.contracts.reranker import RerankerNeed
    from bench_core.evaluation.reranking.distances import ImageDistances

FloatArray: TypeAlias = "NDArray[np.floating[Any]]"
IntArray: TypeAlias = "NDArray[np.int64]"
Config = TypeVar("Config")


@dataclass(frozen=True, kw_only=True, eq=False)
class SearchedImages:
    """The queries and the gallery of a trial, without who they show.

    Attributes:
        query: Float (Q, V, D), their features.
        gallery: Float (G, V, D).
        metric: By which features are compared.
        query_cameras: Integers (Q,).
        gallery_cameras: Integers (G,).
        modalities: Of the queries, and of the gallery images.
    """

    query: FloatArray
    gallery: FloatArray
    metric: Metric
    query_cameras: IntArray
    gallery_cameras: IntArray
    modalities: tuple[Modality, Modality]


class RerankerInput:
    """What a re-ranker is given: of a trial, or of a group of it, what its spec says it needs.

    Args:
        images: The images.
        needs: What of them is given.
        device: Where distances between images are computed, such as "cpu" or "cuda".
        distances: Between the images, queries first, where they are known already; None for those
            of the features.

    Attributes:
        num_queries: Q.
        num_gallery: G.
        metric: By which features are compared, "euclidean" or "cosine".
        device: Where the re-ranker may compute.
    """

    def __init__(
        self,
        images: SearchedImages,
        needs: Collection[RerankerNeed],
        *,
        device: torch.device | str = "cpu",
        distances: ImageDistances | None = None,
    ) -> None:
        self._images, self._needs = images, frozenset(needs)
        self.num_queries, self.num_gallery = len(images.query), len(images.gallery)
        self.metric, self.device = images.metric, device
        self._given = distances

    @property
    def features(self) -> tuple[FloatArray, FloatArray]:
        """Features of the queries, float (Q, V, D), and of the gallery, float (G, V, D).

        Raises:
            PluginError: The spec does not name "features" in its needs.
        """
        self._check("features")
        return self._images.query, self._images.gallery

    @property
    def distances(self) -> ImageDistances:
        """The distances between all images, queries first, which are computed when asked for.

        Raises:
            PluginError: The spec does not name "distances" in its needs.
            DataError: The features cannot be compared.
        """
        self._check("distances")
        return self._distances

    @property
    def cameras(self) -> tuple[IntArray, IntArray]:
        """Cameras of the queries, integers (Q,), and of the gallery images, integers (G,).

        Raises:
            PluginError: The spec does not name "cameras" in its needs.
        """
        self._check("cameras")
        return self._images.query_cameras, self._images.gallery_cameras

    @property
    def modalities(self) -> tuple[Modality, Modality]:
        """Modality of the queries, and of the gallery images.

        Raises:
            PluginError: The spec does not name "modalities" in its needs.
        """
        self._check("modalities")
        return self._images.modalities

    def subset(self, queries: IntArray, gallery: IntArray) -> RerankerInput:
        """Return the same of some queries (from 0 to Q) and gallery images (to G).

        Their distances are those of the whole, bit by bit: features are prepared once.
        """
        images = replace(
            self._images,
            query=self._images.query[queries],
            gallery=self._images.gallery[gallery],
            query_cameras=self._images.query_cameras[queries],
            gallery_cameras=self._images.gallery_cameras[gallery],
        )
        needed = "distances" in self._needs
        distances = self._distances.subset(queries, gallery) if needed else None
        return RerankerInput(images, self._needs, device=self.device, distances=distances)

    @cached_property
    def _distances(self) -> ImageDistances:
        if self._given is not None:
            return self._given
        from bench_core.evaluation.reranking.distances import feature_distances

        images = self._images
        return feature_distances(images.query, images.gallery, images.metric, device=self.device)

    def _check(self, need: RerankerNeed) -> None:
        if need not in self._needs:
            asked = ", ".join(sorted(self._needs))
            raise PluginError(
                f"it asks for {need}, and its spec says that it needs {asked} alone; name "
                f'"{need}" in needs of the RerankerSpec'
            )


class Reranker(ABC, Generic[Config]):
    """Base of re-rankers: from the distances of a search to others, without who is who.

    Args:
        config: Its settings.

    Attributes:
        config: Its settings, of the class that the spec names.
    """

    def __init__(self, config: Config) -> None:
        self.config = config

    @abstractmethod
    def rerank(self, images: RerankerInput) -> FloatArray:
        """Compute the distances that queries are ranked by.

        It must be the same each time, leave what it is given unchanged, and follow the images: in
        another order of queries or of gallery images, the same distances in that order. Images
        may be few, and equal.

        Args:
            images: At least one query and one gallery image.

        Returns:
            Float (Q, G), finite; smaller is nearer.
        """
