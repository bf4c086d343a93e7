"""From records to ranked rows: what shares a table, in which order, and the columns of a row."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bench_core.contracts.result import ResultRecord

Value: TypeAlias = str | int | float | bool | None

ROW_COLUMNS = (
    "rank",
    "rerank",
    "method",
    "variant",
    "title",
    "preset",
    "overrides",
    "seed",
    "trials",
    "queries",
    "valid_queries",
    "rank-1",
    "rank-1-std",
    "rank-5",
    "rank-5-std",
    "rank-10",
    "rank-10-std",
    "rank-20",
    "rank-20-std",
    "mAP",
    "mAP-std",
    "mINP",
    "mINP-std",
    "parameters",
    "macs",
    "flops",
    "macs_visible",
    "macs_infrared",
    "training_only_parameters",
    "images_per_second",
    "extraction_seconds",
    "training_seconds",
    "device",
    "precision",
    "weights",
    "created",
    "git_commit",
    "git_dirty",
)
"""What CSV and JSON say about a row, in this order; readers of those files rely on it."""


@dataclass(frozen=True, kw_only=True, order=True)
class SectionKey:
    """What two rows must have in common to be compared; the order of fields is that of sections.

    Attributes:
        synthetic: Whether the people were rendered; real sections come first.
        dataset: Id of the dataset.
        protocol: Id of the protocol.
        convention: How the galleries were drawn.
        fingerprint: SHA-256 of the dataset's content.
        splits: SHA-256 of the split files.
    """

    synthetic: bool
    dataset: str
    protocol: str
    convention: str
    fingerprint: str
    splits: str


@dataclass(frozen=True)
class Row:
    """A record and its place in its table.

    Attributes:
        rank: Place from 1 by mean rank-1, then mAP; rows equal in both share it. Re-ranked rows
            are counted apart from the others.
        record: The run.
    """

    rank: int
    record: ResultRecord

    @property
    def rerank(self) -> bool:
        """Whether the row was scored with re-ranked distances."""
        return self.record.protocol.rerank


@dataclass(frozen=True)
class Section:
    """One table.

    Attributes:
        key: What its rows have in common.
        rows: At least one row: those without re-ranking first, each kind from the best down.
        same_data: Whether no other section has this protocol and convention on other images or
            splits.
    """

    key: SectionKey
    rows: tuple[Row, ...]
    same_data: bool


def sections(records: Iterable[ResultRecord]) -> list[Section]:
    """Arrange records as tables.

    Args:
        records: Runs in any order; the order changes nothing.

    Returns:
        Sections: real data before synthetic, then by dataset, protocol, convention and data.
    """
    ordered = sorted(records, key=lambda record: (_section_key(record), _order(record)))
    tables = {key: _ranked(list(group)) for key, group in groupby(ordered, key=_section_key)}
    headings = [_heading(key) for key in tables]
    return [
        Section(key, rows, same_data=headings.count(_heading(key)) == 1)
        for key, rows in tables.items()
    ]


def row_values(row: Row) -> dict[str, Value]:
    """Return the `ROW_COLUMNS` of a row, for CSV and JSON.

    Fractions lie in [0, 1]; `*-std` is the standard deviation over trials; times are in seconds.
    """
    record = row.record
    return (
        {"rank": row.rank, "rerank": row.rerank}
        | _method_values(record)
        | _score_values(record)
        | _cost_values(record)
        | {
            "weights": record.provenance.weights,
            "created": record.provenance.created.isoformat(),
            "git_commit": record.provenance.git_commit,
            "git_dirty": record.provenance.git_dirty,
        }
    )


def _method_values(record: ResultRecord) -> dict[str, Value]:
    method = record.method
    return {
        "method": method.id,
        "variant": method.variant,
        "title": method.title,
        "preset": method.preset,
        "overrides": " ".join(method.overrides),
        "seed": method.seed,
    }


def _score_values(record: ResultRecord) -> dict[str, Value]:
    scores = record.scores
    values: dict[str, Value] = {
        "trials": len(scores.trials),
        "queries": scores.queries,
        "valid_queries": scores.valid_queries,
    }
    std = scores.std.by_name()
    for name, mean in scores.mean.by_name().items():
        values |= {name: mean, f"{name}-std": std[name]}
    return values


def _cost_values(record: ResultRecord) -> dict[str, Value]:
    values: dict[str, Value] = record.cost.model_dump()
    return values


def _section_key(record: ResultRecord) -> SectionKey:
    return SectionKey(
        synthetic=record.dataset.synthetic,
        dataset=record.dataset.id,
        protocol=record.protocol.id,
        convention=record.protocol.convention,
        fingerprint=record.dataset.fingerprint,
        splits=record.protocol.splits,
    )


def _heading(key: SectionKey) -> tuple[bool, str, str, str]:
    return key.synthetic, key.dataset, key.protocol, key.convention


def _order(record: ResultRecord) -> tuple[bool, float, float, str, str, str, int, str]:
    method, (rank_1, mean_average_precision) = record.method, _merit(record)
    return (
        record.protocol.rerank,
        -rank_1,
        -mean_average_precision,
        method.id,
        method.variant or "",
        method.preset,
        method.seed,
        record.model_dump_json(by_alias=True),  # the last word, so that no order is left open
    )


def _merit(record: ResultRecord) -> tuple[float, float]:
    mean = record.scores.mean
    return mean.rank_1, mean.mean_average_precision


def _ranked(records: Sequence[ResultRecord]) -> tuple[Row, ...]:
    return tuple(
        Row(1 + sum(_beats(other, record) for other in records), record) for record in records
    )


def _beats(other: ResultRecord, record: ResultRecord) -> bool:
    return other.protocol.rerank == record.protocol.rerank and _merit(other) > _merit(record)
