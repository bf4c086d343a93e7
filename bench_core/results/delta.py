"""How much of the difference of two methods is seeds, people, galleries and the choice of an epoch.

Each method is there with several seeds, which lie in the folders of the two results that are named.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, pstdev, stdev
from typing import TYPE_CHECKING, Any

from bench_core.contracts.errors import DataError, UsageError
from bench_core.contracts.metrics import METRICS
from bench_core.evaluation.over_seeds import SeedDifference, difference_over_seeds
from bench_core.results.comparison import (
    IN_WORDS,
    Comparison,
    check_comparable,
    compare_tables,
    show_interval,
    show_p_value,
)
from bench_core.results.joined import join_records, load_mean_table
from bench_core.results.seeds import configuration_key, repeated_seeds
from bench_core.results.store import find_results, read_result

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bench_core.contracts.result import ResultRecord
    from bench_core.results.remembered import RememberedAnswers

CHOICES = {"last": "those of the last epoch", "validation": "the best on validation people"}
"""Which models are scored, by selection. None is ever chosen on test data here."""
FEWEST = 2
"""Seeds without which there is no spread over them."""


@dataclass(frozen=True, kw_only=True)
class OtherSelection:
    """What the same configuration scores when its epoch is chosen in another way.

    Attributes:
        selection: How the epoch is chosen there: "last" or "validation".
        paths: The results.
        change: By metric, its mean over seeds less that of the results that are compared.
    """

    selection: str
    paths: tuple[Path, ...]
    change: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of two methods.

    Attributes:
        paths: Its results, by seed.
        records: What they hold.
        other_selection: Its results of another selection, where there are any.
    """

    paths: tuple[Path, ...]
    records: tuple[ResultRecord, ...]
    other_selection: OtherSelection | None

    @property
    def selection(self) -> str | None:
        """How the epoch of its models was chosen; None where that is unknown."""
        return self.records[0].provenance.selection

    def scores(self, metric: str) -> list[float]:
        """Return the mean over trials of each seed."""
        return [record.scores.mean.by_name()[metric] for record in self.records]

    def deviation(self, metric: str) -> float | None:
        """Return the standard deviation over seeds; None for a single one."""
        return stdev(self.scores(metric)) if len(self.records) >= FEWEST else None


@dataclass(frozen=True, kw_only=True)
class Delta:
    """The difference of two methods over their seeds: second minus first.

    Attributes:
        comparison: Of the means over seeds of the scores of each query: with other people.
        sides: The two methods.
        over_seeds: By metric, how far the difference moves with other seeds; None where a side has
            a single one.
        over_trials: By metric, standard deviation over trials of the difference of the means over
            seeds; both sides have the same gallery in a trial.
        defects: Files beside the results that are no good records, any of which may be a seed.
    """

    comparison: Comparison
    sides: tuple[Side, Side]
    over_seeds: dict[str, SeedDifference] | None
    over_trials: dict[str, float]
    defects: tuple[DataError, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """What the comparison says, in words and points of percent; one for each metric."""
        if self.over_seeds is None:
            few = " and ".join(
                name
                for name, side in zip(self.comparison.names, self.sides, strict=True)
                if len(side.records) < FEWEST
            )
            said = f"Of {few} there is a single seed, so that nothing is known of other seeds."
            return (f"{said} On these seeds: {self.comparison.sentence}",)
        return tuple(self._sentence(metric, self.over_seeds[metric]) for metric in IN_WORDS)

    @property
    def selection_sentences(self) -> tuple[str, ...]:
        """What is known of the choice of an epoch."""
        first, second = self.sides
        said = [self._selection_sentence(side) for side in (0, 1)]
        if first.selection != second.selection:
            said.append("The two are chosen differently, so the difference is that of it, too.")
        return tuple(said)

    def as_document(self) -> dict[str, Any]:
        """Return what `bench compare --seeds --json` prints; fractions in [-1, 1]."""
        document = self.comparison.as_document()
        for name, side in zip(("first", "second"), self.sides, strict=True):
            other = side.other_selection
            del document[name]["result"]
            document[name] |= {
                "results": [str(path) for path in side.paths],
                "seeds": [record.method.seed for record in side.records],
                "deviation_over_seeds": {metric: side.deviation(metric) for metric in METRICS},
                "other_selection": other
                and {
                    "selection": other.selection,
                    "results": [str(path) for path in other.paths],
                    "change": other.change,
                },
            }
        over_seeds = self.over_seeds or {}
        for metric, difference in document["difference"].items():
            found = over_seeds.get(metric)
            difference |= {
                "interval_over_seeds": found and list(found.over_seeds),
                "interval_over_both": found and list(found.over_both),
                "exceeds_seeds": found and found.exceeds_seeds,
                "told_apart_over_both": found and found.told_apart,
                "deviation_over_trials": self.over_trials[metric],
            }
        document["sentence"] = " ".join((*self.sentences, *self.selection_sentences))
        return document

    def _sentence(self, metric: str, found: SeedDifference) -> str:
        first, second = self.comparison.names
        people = self.comparison.differences[metric]
        if found.told_apart:
            if found.value < 0:
                first, second, found = second, first, found.reversed()
            verdict = f"{second} is better than {first} by {metric}"
            reason = "more than other seeds and other people give"
        else:
            verdict = f"{second} and {first} cannot be told apart by {metric}"
            reason = _reason(seeds=found.exceeds_seeds, people=people.told_apart)
        return (
            f"{verdict}: {100 * found.value:+.2f} points are {reason} (95 % interval with both "
            f"{show_interval(found.over_both)}; with other seeds alone "
            f"{show_interval(found.over_seeds)}; of people alone p = "
            f"{show_p_value(people.p_value)})."
        )

    def _selection_sentence(self, number: int) -> str:
        name, side = self.comparison.names[number], self.sides[number]
        if side.selection is None:
            return f"How the epoch of {name} was chosen is not known."
        chosen = f"The models of {name} are {CHOICES[side.selection]}"
        other = side.other_selection
        if other is None:
            return (
                f"{chosen}; no result of another choice lies beside them, so that it is not known "
                "what the choice gives."
            )
        changes = " and ".join(
            f"{metric} by {100 * other.change[metric]:+.2f}" for metric in IN_WORDS
        )
        seeds = "seed" if len(other.paths) == 1 else "seeds"
        return (
            f"{chosen}; {CHOICES[other.selection]} instead would change {changes} points "
            f"({len(other.paths)} {seeds})."
        )


def compare_over_seeds(
    first: Path, second: Path, remembered: RememberedAnswers | None = None
) -> Delta:
    """Compare two methods over all their seeds.

    Args:
        first: A result of the method to compare with; those of its other seeds lie in its folder
            or in that of the second.
        second: A result of the method whose difference from the first is wanted; likewise.
        remembered: Knows the records that were read before.

    Raises:
        UsageError: The results differ in protocol, gallery convention, dataset or splits, or are
            seeds of one configuration.
        DataError: A file is no record, the scores of its queries are missing or changed, or a seed
            is there twice.
    """
    records = (read_result(first), read_result(second))
    check_comparable((first, second), records)
    if None is not configuration_key(records[0]) == configuration_key(records[1]):
        raise UsageError(
            f"{first} and {second} are of one configuration, which cannot be compared with itself; "
            "name a result of another, or leave out --seeds to compare the two seeds"
        )
    beside: dict[Path, ResultRecord] = {}
    defects: list[DataError] = []
    for folder in {path.parent.resolve(): path.parent for path in (first, second)}.values():
        found = find_results(folder, remembered)
        beside |= found.records
        defects += found.defects
    sides = (_side(first, records[0], beside), _side(second, records[1], beside))
    return _compared(sides, tuple(defects))


def _compared(sides: tuple[Side, Side], defects: tuple[DataError, ...]) -> Delta:
    first, second = sides
    comparison = compare_tables(
        (first.paths[0], second.paths[0]),
        (_joined(first), _joined(second)),
        (
            load_mean_table(first.paths, first.records),
            load_mean_table(second.paths, second.records),
        ),
    )
    several = min(len(first.records), len(second.records)) >= FEWEST
    return Delta(
        comparison=comparison,
        sides=sides,
        over_seeds={
            metric: difference_over_seeds(
                first.scores(metric),
                second.scores(metric),
                difference.standard_error,
                comparison.num_identities,
            )
            for metric, difference in comparison.differences.items()
        }
        if several
        else None,
        over_trials=_deviation_over_trials(*comparison.records),
        defects=defects,
    )


def _joined(side: Side) -> ResultRecord:
    if len(side.records) < FEWEST:
        return side.records[0]
    return join_records(side.paths, side.records)


def _side(path: Path, record: ResultRecord, beside: Mapping[Path, ResultRecord]) -> Side:
    key = configuration_key(record)
    if key is None:  # a model from elsewhere
        return Side(paths=(path,), records=(record,), other_selection=None)
    paths = _alike(beside, lambda other: configuration_key(other) == key)
    records = tuple(beside[path] for path in paths)
    if twice := repeated_seeds(records):
        same = [path for path in paths if beside[path].method.seed == twice[0]]
        raise DataError(
            f"{same[0]} and {same[1]} are of one configuration and seed, by other code or threads; "
            "keep one of them in the folder"
        )
    return Side(
        paths=paths, records=records, other_selection=_other_selection(record, records, beside)
    )


def _other_selection(
    record: ResultRecord, records: Sequence[ResultRecord], beside: Mapping[Path, ResultRecord]
) -> OtherSelection | None:
    wanted = configuration_key(record, with_selection=False)
    own = record.provenance.selection
    paths = _alike(
        beside,
        lambda other: (
            other.provenance.selection not in (None, own)
            and configuration_key(other, with_selection=False) == wanted
        ),
    )
    if not paths:
        return None
    others = [beside[path].scores.mean.by_name() for path in paths]
    means = [one.scores.mean.by_name() for one in records]
    return OtherSelection(
        selection=str(beside[paths[0]].provenance.selection),
        paths=paths,
        change={
            metric: fmean(one[metric] for one in others) - fmean(one[metric] for one in means)
            for metric in METRICS
        },
    )


def _alike(
    beside: Mapping[Path, ResultRecord], is_wanted: Callable[[ResultRecord], bool]
) -> tuple[Path, ...]:
    """Return the files of the wanted records, by seed."""
    found = [path for path, record in beside.items() if is_wanted(record)]
    return tuple(sorted(found, key=lambda path: beside[path].method.seed or 0))


def _deviation_over_trials(first: ResultRecord, second: ResultRecord) -> dict[str, float]:
    each = [
        [trial.as_metrics().by_name() for trial in record.scores.trials]
        for record in (first, second)
    ]
    pairs = list(zip(*each, strict=True))
    return {metric: pstdev(two[metric] - one[metric] for one, two in pairs) for metric in METRICS}


def _reason(*, seeds: bool, people: bool) -> str:
    """Say what a difference is no more than: of seeds, of people, or of both together."""
    if seeds and people:
        return "more than seeds or people alone give, but not more than both together"
    if seeds:
        return "more than other seeds give, but not more than other people"
    if people:
        return "no more than other seeds give"
    return "no more than other seeds give, nor than other people"
