"""What a re-ranker is: a publication, its settings by protocol, and what it looks at, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from bench_core.contracts.method import Paper  # fields of specs are checked by their types

K_RECIPROCAL = "k-reciprocal"
"""Id of the re-ranker that `--rerank` takes where it is given no name."""
K_RECIPROCAL_CONFIG: Mapping[str, Any] = MappingProxyType({"k1": 20, "k2": 6, "lambda_value": 0.3})
"""Its settings where nothing else is asked for: those of every record of schema 1 and 2."""

RerankerNeed: TypeAlias = Literal["features", "distances", "cameras", "modalities"]
"""What a re-ranker may ask to be given of a trial. Identities are none of it."""
RerankerScope: TypeAlias = Literal["group", "trial"]
"""Whose images a re-ranker is given at once.

"group" are the queries that may meet the same gallery images, with these images: what a protocol
removes for a query then has no influence on its ranking. "trial" are all queries and the whole
gallery of a trial, those that are removed afterwards included.
"""


@dataclass(frozen=True, kw_only=True)
class RerankerSpec:
    """A re-ranker as its plugin registers it; nothing here imports torch or NumPy.

    Attributes:
        id: Short name, such as "k-reciprocal"; what `--rerank` takes.
        title: Name for people.
        paper: The publication.
        reranker: "module:Class" of a `bench_core.rerankers.Reranker`.
        config: "module:Class" of its settings, a `bench_core.rerankers.RerankerConfig`.
        needs: What it is given of a trial. A re-ranker that needs "distances" alone works on any
            distances between images.
        scope: Whose images it is given at once.
        by_protocol: Settings under a protocol that differ from the defaults of `config`, by the id
            of the protocol, such as {"sysu-all-single": {"k1": 4}}.
    """

    id: str
    title: str
    paper: Paper
    reranker: str
    config: str
    needs: tuple[RerankerNeed, ...] = ("distances",)
    scope: RerankerScope = "group"
    by_protocol: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
