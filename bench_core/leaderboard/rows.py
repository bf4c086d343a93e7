"""From records to ranked rows: what shares a table, in which order, and the columns of a row."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from itertools import groupby
from typing import TYPE_CHECKING, TypeAlias

from bench_core.contracts.metrics import METRICS
from bench_core.contracts.result import Cost
from bench_core.leaderboard.over_seeds import SEED_COLUMNS, seed_values
from bench_core.leaderboard.settings import changes_of, reranker_id, reranker_settings
from bench_core.results.disclosure import disclosures
from bench_core.results.joined import members_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from bench_core.contracts.result import ResultRecord

Value: TypeAlias = str | int | float | bool | list[str] | list[int] | None
ToldApart: TypeAlias = "Callable[[ResultRecord, ResultRecord], bool]"
"""Says whether the rank-1 of two results of one section can be told apart."""

ROW_COLUMNS = (
    "rank",
    "rerank",
    "selection",
    "method",
    "variant",
    "title",
    "preset",
    "overrides",
    "seed",
    "trials",
    "queries",
    "valid_queries",
    *(f"{metric}{suffix}" for metric in METRICS for suffix in ("", "-std", "-low", "-high")),
    "parameters",
    "macs",
    "flops",
    "macs_visible",
    "macs_infrared",
    "training_only_parameters",
    "training_macs",
    "images_per_second",
    "extraction_seconds",
    "training_seconds",
    "device",
    "precision",
    "training_format",
    "training_threads",
    "weights",
    "origin",
    "origin_files",
    "findings",
    "assumptions",
    "created",
    "git_commit",
    "git_dirty",
    "reranker",
    "reranker_settings",
    "recomputed",
    "fidelity",
    "disclosed",
    *SEED_COLUMNS,
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
        given: Whether they were drawn outside this program, which could not repeat the draw.
        fingerprint: SHA-256 of the dataset's content.
        splits: SHA-256 of the split files.
    """

    synthetic: bool
    dataset: str
    protocol: str
    convention: str
    given: bool
    fingerprint: str
    splits: str


FLAT_COLUMNS = (*(field.name for field in fields(SectionKey)), *ROW_COLUMNS)
"""What is said of a row that stands apart from its table."""


@dataclass(frozen=True)
class Row:
    """A record and its place in its table.

    Attributes:
        rank: Place from 1 by mean rank-1, then mAP. A row that cannot be told apart from the first
            row of the rank above shares that rank. Re-ranked rows are counted apart.
        record: The run.
        recomputed: Whether whoever made the table scored its features again, with the same scores.
    """

    rank: int
    record: ResultRecord
    recomputed: bool = False

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

    @property
    def claimed(self) -> bool:
        """Whether it is the word of those who brought the features which images they are of."""
        return any(row.record.dataset.evidence == "features" for row in self.rows)

    @property
    def recomputed(self) -> tuple[bool, ...]:
        """Of each row, whether it was recomputed."""
        return tuple(row.recomputed for row in self.rows)


def sections(
    records: Iterable[ResultRecord],
    told_apart: ToldApart,
    recomputed: Collection[str] = frozenset(),
) -> list[Section]:
    """Arrange records as tables.

    Args:
        records: Runs in any order; the order changes nothing.
        told_apart: Asked of the first row of a rank and each row below it, until one differs; of
            rows with equal rank-1 and of those of different kinds (re-ranked or not) it is not.
        recomputed: Digests of the records whose features were scored again just now.

    Returns:
        Sections: real data before synthetic, then by dataset, protocol, convention and data.
    """
    ordered = sorted(records, key=lambda record: (_section_key(record), _order(record)))
    tables = {
        key: _marked(_ranked(list(group), told_apart), recomputed)
        for key, group in groupby(ordered, key=_section_key)
    }
    headings = [_heading(key) for key in tables]
    return [
        Section(key, rows, same_data=headings.count(_heading(key)) == 1)
        for key, rows in tables.items()
    ]


def row_values(row: Row) -> dict[str, Value]:
    """Return the `ROW_COLUMNS` of a row, for CSV and JSON.

    Fractions lie in [0, 1]; `*-std` is the standard deviation over trials, `*-low` and `*-high`
    are the ends of the 95 % interval, `*-seed-std` is the standard deviation over seeds; times are
    in seconds.
    """
    record = row.record
    return (
        {"rank": row.rank, "rerank": row.rerank, "selection": record.provenance.selection}
        | _method_values(record)
        | _score_values(record)
        | _cost_values(record)
        | _origin_values(record)
        | _reranker_values(record)
        | {"recomputed": row.recomputed, "fidelity": record.method.fidelity}
        | {"disclosed": list(disclosures(record))}
        | seed_values(record)
    )


def _reranker_values(record: ResultRecord) -> dict[str, Value]:
    return {
        "reranker": reranker_id(record),
        "reranker_settings": list(reranker_settings(record)),
    }


def flat_rows(tables: Iterable[Section]) -> list[dict[str, Value]]:
    """Return the rows of all tables, each with the key of its table: the `FLAT_COLUMNS`."""
    return [asdict(table.key) | row_values(row) for table in tables for row in table.rows]


def _origin_values(record: ResultRecord) -> dict[str, Value]:
    provenance = record.provenance
    return {
        "training_format": provenance.training_format,
        "training_threads": provenance.training_threads,
        "weights": provenance.weights,
        "origin": record.origin.kind,
        "origin_files": list(record.origin.files),
        "findings": list(record.dataset.findings),
        "assumptions": list(record.protocol.assumptions),
        "created": provenance.created.isoformat(),
        "git_commit": provenance.git_commit,
        "git_dirty": provenance.git_dirty,
    }


def _method_values(record: ResultRecord) -> dict[str, Value]:
    method = record.method
    return {
        "method": method.id,
        "variant": method.variant,
        "title": method.title,
        "preset": method.preset,
        "overrides": list(changes_of(record)),
        "seed": method.seed,
    }


def _score_values(record: ResultRecord) -> dict[str, Value]:
    scores = record.scores
    values: dict[str, Value] = {
        "trials": len(scores.trials),
        "queries": scores.queries,
        "valid_queries": scores.valid_queries,
    }
    std, interval = scores.std.by_name(), scores.interval.by_name()
    for name, mean in scores.mean.by_name().items():
        low, high = interval[name]
        values |= {name: mean, f"{name}-std": std[name], f"{name}-low": low, f"{name}-high": high}
    return values


def _cost_values(record: ResultRecord) -> dict[str, Value]:
    """Return what the method costs; nothing where that is unknown."""
    if record.cost is None:
        return dict.fromkeys(Cost.model_fields)
    values: dict[str, Value] = record.cost.model_dump()
    return values


def _section_key(record: ResultRecord) -> SectionKey:
    return SectionKey(
        synthetic=record.dataset.synthetic,
        dataset=record.dataset.id,
        protocol=record.protocol.id,
        convention=record.protocol.convention,
        given=record.origin.kind == "given",
        fingerprint=record.dataset.fingerprint,
        splits=record.protocol.splits,
    )


def _heading(key: SectionKey) -> tuple[bool, str, str, str, bool]:
    return key.synthetic, key.dataset, key.protocol, key.convention, key.given


def _order(record: ResultRecord) -> tuple[bool, float, float, str, str, str, int, str]:
    method, mean = record.method, record.scores.mean
    return (
        record.protocol.rerank,
        -mean.rank_1,
        -mean.mean_average_precision,
        method.id,
        method.variant or "",
        method.preset or "",
        -1 if method.seed is None else method.seed,
        # The last word, so that no order is left open.
        record.digest or record.model_dump_json(by_alias=True),
    )


def _ranked(records: Sequence[ResultRecord], told_apart: ToldApart) -> tuple[Row, ...]:
    """Rank sorted records, each compared with the first of a rank, so that ranks are no chain."""
    rows: list[Row] = []
    for _, kind in groupby(records, key=lambda record: record.protocol.rerank):
        first: Row | None = None
        for place, record in enumerate(kind, start=1):
            if first is None or _differ(first.record, record, told_apart):
                first = Row(place, record)
            rows.append(Row(first.rank, record))
    return tuple(rows)


def _marked(rows: tuple[Row, ...], recomputed: Collection[str]) -> tuple[Row, ...]:
    """Mark the rows whose records, of every seed, were recomputed."""
    return tuple(
        replace(
            row, recomputed=all(member.digest in recomputed for member in members_of(row.record))
        )
        for row in rows
    )


def _differ(first: ResultRecord, record: ResultRecord, told_apart: ToldApart) -> bool:
    equal = first.scores.mean.rank_1 == record.scores.mean.rank_1
    return not equal and told_apart(first, record)
