"""Re-ranking a trial by a plugin: chosen by name and settings, and held to its contract.

Letters in shapes: Q queries, G gallery images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from bench_core.configuration import (
    RerankerConfig,
    layered_values,
    parse_assignments,
    validate_config,
)
from bench_core.configuration_keys import shown_value, values_by_key
from bench_core.contracts.errors import BenchError, PluginError, UsageError
from bench_core.contracts.reranked import RerankerUsed
from bench_core.contracts.reranker import RerankerSpec
from bench_core.corrupted_twins import original_id
from bench_core.evaluation.reranking.contract import Reranker, RerankerInput, SearchedImages
from bench_core.evaluation.reranking.groups import query_groups, rerank_groups
from bench_core.loading import load_object, load_reranker
from bench_core.nested_values import merged
from bench_core.system.escaping import in_one_line
from bench_core.system.interruption import from_outside

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from bench_core.contracts.protocol import ProtocolSpec, Trial
    from bench_core.features.table import FeatureTable
    from bench_core.plugins import Registry

FloatArray: TypeAlias = "NDArray[np.floating[Any]]"

OPTION = "--rerank-set"
NO_PROTOCOL = "no protocol"
"""Stands for every protocol that a re-ranker has no settings of its own for."""


@dataclass(frozen=True, kw_only=True)
class RerankerChoice:
    """A re-ranker, made exact: what re-ranks, and what its result is filed under.

    Attributes:
        spec: The re-ranker.
        config: Its settings.
        overrides: The settings that differ from the re-ranker's own for the protocol, sorted.
        package: The installed package and version that registers it.
    """

    spec: RerankerSpec
    config: RerankerConfig
    overrides: tuple[str, ...]
    package: str

    @property
    def used(self) -> RerankerUsed:
        """What a result says of it."""
        return RerankerUsed(
            id=self.spec.id,
            config=self.config.model_dump(mode="json"),
            overrides=self.overrides,
            package=self.package,
        )

    def rerank(
        self,
        features: FeatureTable,
        trial: Trial,
        protocol: ProtocolSpec,
        *,
        device: torch.device | str = "cpu",
    ) -> FloatArray:
        """Compute the distances by which one trial is ranked.

        Args:
            features: Features of the query and gallery images.
            trial: Rows of `features`.
            protocol: Says which cameras may not meet, and which modalities are searched.
            device: Where the re-ranker may compute.

        Returns:
            Float (Q, G), finite; smaller is nearer.

        Raises:
            DataError: The features cannot be compared.
            PluginError: The re-ranker failed, or returned what cannot be ranked by; the message
                names it and its package.
        """
        camera = features.table["camera"].to_numpy()
        images = SearchedImages(
            query=features.features[trial.query],
            gallery=features.features[trial.gallery],
            metric=features.metric,
            query_cameras=camera[trial.query],
            gallery_cameras=camera[trial.gallery],
            modalities=(protocol.query_modality, protocol.gallery_modality),
        )
        given = RerankerInput(images, self.spec.needs, device=device)
        if self.spec.scope == "trial" or not protocol.excluded_camera_pairs:
            return self._of_group(given)
        groups = query_groups(
            images.query_cameras, images.gallery_cameras, protocol.excluded_camera_pairs
        )
        return rerank_groups(given, groups, self._of_group)

    @cached_property
    def _reranker(self) -> Reranker[Any]:
        reranker: Reranker[Any] = load_reranker(self.spec, self.config)
        return reranker

    def _of_group(self, images: RerankerInput) -> FloatArray:
        try:
            return checked_distances(self._reranker.rerank(images), images)
        except BaseException as error:  # a stranger's re-ranker may raise anything
            if from_outside(error) or isinstance(error, MemoryError):
                raise
            if isinstance(error, BenchError) and not isinstance(error, PluginError):
                raise
            what = str(error) if isinstance(error, PluginError) else in_one_line(error)
            raise PluginError(
                f"re-ranker '{self.spec.id}' (package {self.package}): {what}"
            ) from error


def checked_distances(distances: Any, images: RerankerInput) -> FloatArray:
    """Hold what a re-ranker returned to its contract.

    Raises:
        PluginError: It is no array of finite distances between all queries and gallery images.
    """
    expected = (images.num_queries, images.num_gallery)
    if not isinstance(distances, np.ndarray) or not np.issubdtype(distances.dtype, np.floating):
        kind = getattr(distances, "dtype", type(distances).__name__)
        raise PluginError(f"rerank returned {kind}, not a NumPy array of floats")
    if distances.shape != expected:
        raise PluginError(
            f"rerank returned shape {distances.shape} for {expected[0]} queries and "
            f"{expected[1]} gallery images"
        )
    # A sum is finite where all are, but for an overflow: no array beside them is made.
    with np.errstate(over="ignore", invalid="ignore"):
        suspicious = not np.isfinite(distances.sum(dtype=np.float64))
    if suspicious and not (finite := np.isfinite(distances)).all():
        row, column = np.argwhere(~finite)[0]
        raise PluginError(
            f"rerank returned {distances[row, column]} for query {row} and gallery image "
            f"{column}; only finite distances can be ranked"
        )
    return distances


def choose_reranker(
    registry: Registry, name: str, protocol: str, assignments: Sequence[str] = ()
) -> RerankerChoice:
    """Combine a re-ranker's defaults, its settings for a protocol and `--rerank-set` options.

    Args:
        registry: The plugins.
        name: Id of the re-ranker.
        protocol: Id of the protocol.
        assignments: `key=value` texts.

    Raises:
        UsageError: There is no such re-ranker, or a text does not fit it.
        PluginError: It cannot be loaded, or its settings for the protocol are wrong.
    """
    spec = registry.reranker(name)
    own = own_config(spec, protocol)
    config = validate_config(
        type(own),
        merged(own.model_dump(mode="json"), parse_assignments(assignments, OPTION)),
        OPTION,
    )
    return _choice(registry, spec, protocol, config)


def reopen_reranker(registry: Registry, used: RerankerUsed, protocol: str) -> RerankerChoice:
    """Return the re-ranker of a result, with its settings.

    Raises:
        UsageError: No installed plugin has it, or its settings are others by now.
        PluginError: It cannot be loaded.
    """
    spec = registry.reranker(used.id)
    config = validate_config(type(own_config(spec, protocol)), used.config, "the result")
    return _choice(registry, spec, protocol, config)


def own_config(spec: RerankerSpec, protocol: str) -> RerankerConfig:
    """Return a re-ranker's own settings for a protocol.

    Raises:
        PluginError: They cannot be loaded, or are wrong.
    """
    kind: Any = load_object(spec.config)
    if not (isinstance(kind, type) and issubclass(kind, RerankerConfig)):
        raise PluginError(f"{spec.config} is no RerankerConfig; derive it from that class")
    values = layered_values(
        kind, spec.by_protocol.get(protocol, spec.by_protocol.get(original_id(protocol), {}))
    )
    try:
        return validate_config(kind, values, "by_protocol")
    except UsageError as error:
        raise PluginError(
            f"the settings of re-ranker '{spec.id}' for {protocol} are wrong: {error}"
        ) from error


def default_settings(spec: RerankerSpec) -> tuple[str, ...]:
    """Return a re-ranker's settings where a protocol has none of its own, as "key=value".

    Raises:
        PluginError: They cannot be loaded, or are wrong.
    """
    values = values_by_key(own_config(spec, NO_PROTOCOL))
    return tuple(f"{key}={shown_value(value)}" for key, value in values.items())


def _choice(
    registry: Registry, spec: RerankerSpec, protocol: str, config: RerankerConfig
) -> RerankerChoice:
    return RerankerChoice(
        spec=spec,
        config=config,
        overrides=_changed(values_by_key(own_config(spec, protocol)), values_by_key(config)),
        package=registry.plugin_of_reranker(spec.id).distribution,
    )


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted(key for key, value in after.items() if before.get(key) != value))
