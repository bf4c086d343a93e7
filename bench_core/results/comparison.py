"""Two stored results, compared query by query, and what that says in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bench_core.contracts.errors import DataError, UsageError
from bench_core.contracts.metrics import METRICS
from bench_core.evaluation.query_table import QueryTable
from bench_core.evaluation.uncertainty import (
    CONFIDENCE,
    NUM_PERMUTATIONS,
    NUM_REPLICATES,
    SIGNIFICANCE,
    Difference,
    paired_differences,
)
from bench_core.results.query_scores import load_query_table, means_of_queries
from bench_core.results.seeds import seeds_label
from bench_core.results.store import read_result
from bench_core.system.progress import progress

if TYPE_CHECKING:
    from pathlib import Path

    from bench_core.contracts.result import ResultRecord

IN_WORDS = ("rank-1", "mAP")
"""The metrics that the sentence is about."""


class _Clause(NamedTuple):
    verdict: str
    detail: str
    conjunction: str


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The paired comparison of two results: second minus first.

    Attributes:
        paths: The two record files.
        records: What they hold.
        names: What to call them; never the same for two files.
        num_queries: Valid queries, each counted once for every group of trials that shares it.
        num_identities: People whose queries these are.
        differences: By metric, rank-1 to mINP.
        tables: The scores of the queries of each result.
    """

    paths: tuple[Path, Path]
    records: tuple[ResultRecord, ResultRecord]
    names: tuple[str, str]
    num_queries: int
    num_identities: int
    differences: dict[str, Difference]
    tables: tuple[QueryTable, QueryTable]

    @property
    def sentence(self) -> str:
        """What the comparison says, in words and points of percent."""
        first, second = (self._clause(metric) for metric in IN_WORDS)
        if first.verdict == second.verdict:
            words = f"{first.verdict} {first.detail} {first.conjunction} {second.detail}"
        else:
            words = f"{first.verdict} {first.detail}; {second.verdict} {second.detail}"
        return f"{words}." + self._re_ranking_note() + self._galleries_note()

    def as_document(self) -> dict[str, Any]:
        """Return the comparison as `bench compare --json` prints it; fractions in [-1, 1]."""
        protocol = self.records[0].protocol
        return {
            "protocol": protocol.id,
            "convention": protocol.convention,
            "queries": self.num_queries,
            "identities": self.num_identities,
            "first": self._side_document(0),
            "second": self._side_document(1),
            "difference": {
                metric: difference_document(difference)
                for metric, difference in self.differences.items()
            },
            "confidence": CONFIDENCE,
            "significance": SIGNIFICANCE,
            "replicates": NUM_REPLICATES,
            "permutations": NUM_PERMUTATIONS,
            "sentence": self.sentence,
        }

    def _side_document(self, side: int) -> dict[str, Any]:
        record = self.records[side]
        return {
            "result": str(self.paths[side]),
            "name": self.names[side],
            "rerank": record.protocol.rerank,
            "reranker": record.protocol.reranker.model_dump(include={"id", "config"}, mode="json")
            if record.protocol.reranker
            else None,
            "selection": record.provenance.selection,
            "mean": record.scores.mean.by_name(),
        }

    def _clause(self, metric: str) -> _Clause:
        difference, (first, second) = self.differences[metric], self.names
        low, high = (100 * end for end in difference.interval)
        points, chance = 100 * difference.value, f"p = {show_p_value(difference.p_value)}"
        if not difference.told_apart:
            return _Clause(
                f"{second} and {first} cannot be told apart",
                f"by {metric} (difference {points:+.2f} points, 95 % interval {low:+.2f} to "
                f"{high:+.2f}, {chance})",
                "or",
            )
        if points < 0:
            first, second, points, low, high = second, first, -points, -high, -low
        return _Clause(
            f"{second} is better than {first}",
            f"by {points:.2f} points of {metric} (95 % interval {low:.2f} to {high:.2f}, {chance})",
            "and",
        )

    def _re_ranking_note(self) -> str:
        first, second = (record.protocol.reranker for record in self.records)
        if first is None and second is None:
            return ""
        if first is not None and second is not None:
            if (first.id, first.config) == (second.id, second.config):
                return ""
            return (
                " The two are re-ranked differently, so the difference is that of re-ranking, too."
            )
        return (
            f" Only {self.names[0 if first else 1]} is re-ranked, so the difference is that of "
            "re-ranking, too."
        )

    def _galleries_note(self) -> str:
        """Say what nothing shows of galleries that were drawn outside."""
        if self.records[0].origin.kind != "given":
            return ""
        return (
            " The galleries are as given: nothing shows that both were drawn alike, so the "
            "difference may be that of the draw, too."
        )


@dataclass(frozen=True, kw_only=True)
class CameraComparison:
    """The paired comparison of the queries of one camera.

    Attributes:
        camera: The camera of the queries.
        num_queries: Valid queries, each counted once for every group of trials that shares it.
        means: By metric, the scores of the two results on them.
        differences: By metric, rank-1 to mINP.
    """

    camera: int
    num_queries: int
    means: tuple[dict[str, float], dict[str, float]]
    differences: dict[str, Difference]


def compare_by_camera(comparison: Comparison) -> list[CameraComparison]:
    """Compare the same two results on the queries of each camera that has a valid one."""
    images, valid = comparison.tables[0].images, comparison.tables[0].valid
    compared = []
    cameras = np.unique(images.camera[valid]).tolist()
    for camera in progress(cameras, description="comparing by camera", unit="camera"):
        first, second = (table.of_camera(camera) for table in comparison.tables)
        compared.append(
            CameraComparison(
                camera=camera,
                num_queries=int(np.count_nonzero(first.valid)),
                means=(
                    means_of_queries(first, first.valid),
                    means_of_queries(second, second.valid),
                ),
                differences=paired_differences(first, second),
            )
        )
    return compared


@dataclass(frozen=True, kw_only=True)
class ChangedQuery:
    """A query whose average precision differs between two results.

    Attributes:
        identity: Of the query image, as are `camera` and `index`.
        camera: See there.
        index: See there.
        first: Average precision in the first result, mean over trials, in [0, 1].
        second: In the second one.
    """

    identity: int
    camera: int
    index: int
    first: float
    second: float


def most_changed(comparison: Comparison, number: int, *, gained: bool) -> list[ChangedQuery]:
    """Return the queries whose average precision rose or fell the most, each of another person.

    Args:
        comparison: Of two results.
        number: At most so many.
        gained: Whether those that rose in the second result; else those that fell.
    """
    first, second = (table.scores[:, METRICS.index("mAP")] for table in comparison.tables)
    table = comparison.tables[0]
    rise = (second - first) if gained else (first - second)
    images, chosen = table.images, dict[int, int]()
    for row in np.argsort(-rise, kind="stable").tolist():
        if table.valid[row] and rise[row] > 0:
            chosen.setdefault(int(images.identity[row]), row)
    return [
        ChangedQuery(
            identity=identity,
            camera=int(images.camera[row]),
            index=int(images.index[row]),
            first=float(first[row]),
            second=float(second[row]),
        )
        for identity, row in list(chosen.items())[:number]
    ]


def compare_results(first: Path, second: Path) -> Comparison:
    """Compare two stored results on the queries that both were scored on.

    Args:
        first: File of the record to compare with.
        second: File of the record whose difference from the first is wanted.

    Returns:
        The comparison.

    Raises:
        UsageError: The results differ in protocol, gallery convention, dataset or splits.
        DataError: A file is no record, or the scores of its queries are missing or changed.
    """
    paths, records = (first, second), (read_result(first), read_result(second))
    check_comparable(paths, records)
    tables = (load_query_table(first, records[0]), load_query_table(second, records[1]))
    return compare_tables(paths, records, tables)


def compare_tables(
    paths: tuple[Path, Path],
    records: tuple[ResultRecord, ResultRecord],
    tables: tuple[QueryTable, QueryTable],
) -> Comparison:
    """Compare two results whose scores of the queries are at hand.

    Args:
        paths: Their files, which names and errors are made of.
        records: The results.
        tables: The scores of their queries.

    Raises:
        DataError: The queries differ.
    """
    return Comparison(
        paths=paths,
        records=records,
        names=_names(paths, records),
        num_queries=int(np.count_nonzero(tables[0].valid)),
        num_identities=len(np.unique(tables[0].images.identity[tables[0].valid])),
        differences=_differences(paths, tables),
        tables=tables,
    )


def show_interval(interval: tuple[float, float]) -> str:
    """Return an interval in points of percent, such as "+0.12 to +3.40"."""
    return " to ".join(f"{100 * end:+.2f}" for end in interval)


def difference_document(difference: Difference) -> dict[str, Any]:
    """Return a difference as JSON values; fractions in [-1, 1]."""
    return {
        "value": difference.value,
        "interval": list(difference.interval),
        "p": difference.p_value,
        "told_apart": difference.told_apart,
    }


def show_p_value(p_value: float) -> str:
    """Return a p-value as people read it: three decimals, four below 0.001."""
    return f"{p_value:.4f}" if p_value < 0.001 else f"{p_value:.3f}"


def _differences(
    paths: tuple[Path, Path], tables: tuple[QueryTable, QueryTable]
) -> dict[str, Difference]:
    try:
        return paired_differences(*tables)
    except DataError as error:
        raise DataError(f"{paths[0]} and {paths[1]}: {error}") from error


def check_comparable(paths: tuple[Path, Path], records: tuple[ResultRecord, ResultRecord]) -> None:
    """Refuse results of other queries or galleries.

    Raises:
        UsageError: Protocol, gallery convention, dataset or splits differ.
    """
    first, second = (_conditions(record) for record in records)
    for what, value in first.items():
        if second[what] != value:
            raise UsageError(
                f"{paths[0]} and {paths[1]} cannot be compared: their {what} differs ({value} and "
                f"{second[what]}); choose results of one protocol, convention and dataset"
            )


def _conditions(record: ResultRecord) -> dict[str, str]:
    return {
        "protocol": record.protocol.id,
        "gallery convention": record.protocol.convention,
        "dataset": record.dataset.id,
        "dataset fingerprint": record.dataset.fingerprint[:12],
        "hash of the split files": record.protocol.splits[:12],
    }


def _names(paths: tuple[Path, Path], records: tuple[ResultRecord, ResultRecord]) -> tuple[str, str]:
    """Name the results by their methods; where that is not enough, say more."""
    short = tuple(record.label for record in records)
    long = tuple(
        name
        if record.is_foreign
        else f"{name} ({record.method.preset}, {seeds_label(record.seeds)})"
        for name, record in zip(short, records, strict=True)
    )
    stems = tuple(path.stem for path in paths)
    for first, second in (short, long, stems):
        if first != second or paths[0] == paths[1]:
            return first, second
    return str(paths[0]), str(paths[1])
