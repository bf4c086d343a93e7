"""Which results are seeds of one configuration, and how far a metric spreads over seeds and trials.

A record stays one file a seed. What is alike in all but the seed, and in what follows from the seed
(the identities of the trainings, the scores), is one configuration.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any, TypeVar

from bench_core.contracts.metrics import METRICS
from bench_core.system.files import hash_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bench_core.contracts.result import ResultRecord

Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True)
class Spread:
    """A metric over seeds, as a fraction.

    Attributes:
        mean: Over seeds, of the mean over trials.
        over_seeds: Standard deviation over seeds (of a sample) of the mean over trials.
        over_trials: Standard deviation over the trials of one seed, on average over seeds.
    """

    mean: float
    over_seeds: float
    over_trials: float


def configuration_key(record: ResultRecord, *, with_selection: bool = True) -> str | None:
    """Return what is the same for all seeds of a configuration, and for nothing else.

    That is the row key without the seed and the identities of the trainings, which follow from it;
    and of how it was trained what decides more than bits: the selection, the number format and the
    shares that were normalised apart. Threads, processes, devices and versions are no part.

    Args:
        record: A result.
        with_selection: Whether the selection is a part of it.

    Returns:
        A hash; None for a model that was not trained here, whose seed says nothing.
    """
    if record.origin.kind != "trained-here":
        return None
    key: dict[str, Any] = dict(record.row_key)
    del key["training_identities"]
    key["method"] = {name: value for name, value in key["method"].items() if name != "seed"}
    provenance = record.provenance
    how = [provenance.training_format, provenance.normalized_shares]
    return hash_json([key, how, provenance.selection if with_selection else None])


def groups_of_seeds(
    items: Iterable[Item], record_of: Callable[[Item], ResultRecord]
) -> list[list[Item]]:
    """Group what is of one configuration.

    Args:
        items: Anything with a record.
        record_of: Returns the record of one.

    Returns:
        In the order of the first of each group, by seed within a group; what is of no
        configuration stands alone.
    """
    groups: dict[str, list[Item]] = {}
    for number, item in enumerate(items):
        key = configuration_key(record_of(item)) or str(number)
        groups.setdefault(key, []).append(item)
    return [
        sorted(group, key=lambda item: record_of(item).method.seed or 0)
        for group in groups.values()
    ]


def repeated_seeds(records: Iterable[ResultRecord]) -> tuple[int, ...]:
    """Return the seeds that several records of a group have, as those of two codes do."""
    counts = Counter(record.method.seed for record in records)
    return tuple(seed for seed, count in counts.items() if count > 1 and seed is not None)


def seeds_label(seeds: Sequence[int]) -> str:
    """Return "seed 4", or "3 seeds" of a mean over them; nothing where none is known."""
    if len(seeds) > 1:
        return f"{len(seeds)} seeds"
    return f"seed {seeds[0]}" if seeds else ""


def spreads_over_seeds(records: Sequence[ResultRecord]) -> dict[str, Spread]:
    """Return mean and spreads of each of `METRICS`.

    Args:
        records: Those of two or more seeds of one configuration.
    """
    means = [record.scores.mean.by_name() for record in records]
    deviations = [record.scores.std.by_name() for record in records]
    return {
        name: Spread(
            mean=fmean(mean[name] for mean in means),
            over_seeds=stdev(mean[name] for mean in means),
            over_trials=fmean(std[name] for std in deviations),
        )
        for name in METRICS
    }
