"""Several seeds of one configuration as one result, whose scores are means over the seeds."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from pydantic import Field

from bench_core.contracts.errors import DataError
from bench_core.contracts.result import Cost, Provenance, ResultRecord
from bench_core.contracts.scores import CameraScores, Intervals, Metrics, Scores, TrialScores
from bench_core.results.seeds import groups_of_seeds, repeated_seeds, spreads_over_seeds
from bench_core.system.files import hash_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from bench_core.evaluation.query_table import QueryTable
    from bench_core.results.remembered import RememberedIntervals


class JoinedRecord(ResultRecord):
    """Several seeds as one result, never written to a file.

    Its scores are means over seeds: of the mean, of each trial, of the standard deviation over
    trials. Its interval is the bootstrap's of the means over seeds of the scores of each query. It
    has no seed, the training identities of all members, and of provenance and cost what is alike in
    all of them; times and speeds are means.

    Attributes:
        members: The records, by seed; at least two.
    """

    members: tuple[ResultRecord, ...] = Field(exclude=True)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of its members, ascending."""
        return tuple(seed for member in self.members for seed in member.seeds)

    @property
    def seed_spread(self) -> Metrics:
        """Standard deviation over seeds (of a sample) of the mean over trials."""
        spreads = spreads_over_seeds(self.members)
        return Metrics.model_validate({name: s.over_seeds for name, s in spreads.items()})


@dataclass(frozen=True, kw_only=True)
class JoinedResults:
    """The results of a folder with the seeds of each configuration joined.

    Attributes:
        records: A record for each configuration, in the order of its first file.
        remarks: A line on each configuration whose seeds could not be joined.
    """

    records: tuple[ResultRecord, ...]
    remarks: tuple[str, ...]


def members_of(record: ResultRecord) -> tuple[ResultRecord, ...]:
    """Return the stored records that a record stands for: itself, unless it was joined."""
    return record.members if isinstance(record, JoinedRecord) else (record,)


def join_results(
    stored: Mapping[Path, ResultRecord], remembered: RememberedIntervals | None = None
) -> JoinedResults:
    """Join the seeds of each configuration.

    Args:
        stored: Records by their path; the scores of their queries lie beside them.
        remembered: Knows intervals that were worked out before, and learns of those that are.

    Returns:
        What is left is as it was: a single seed, a model from elsewhere, and configurations of
        which a seed is there twice or whose queries differ, each of which has a remark.
    """
    records: list[ResultRecord] = []
    remarks: list[str] = []
    for group in groups_of_seeds(stored, stored.__getitem__):
        members = [stored[path] for path in group]
        joined: list[ResultRecord] = list(members)
        if twice := repeated_seeds(members):
            same = [path for path in group if stored[path].method.seed == twice[0]]
            remarks.append(
                f"{same[0]} and {same[1]} are of one configuration and seed, by other code or "
                f"threads; the seeds of {members[0].label} have a row each, until one is removed"
            )
        elif len(members) > 1:
            try:
                joined = [join_records(group, members, remembered)]
            except DataError as error:
                remarks.append(f"{error}; the seeds of {members[0].label} have a row each")
        records += joined
    return JoinedResults(records=tuple(records), remarks=tuple(remarks))


def load_mean_table(paths: Sequence[Path], records: Sequence[ResultRecord]) -> QueryTable:
    """Read the scores of the queries of several seeds, and average them query by query.

    Raises:
        DataError: A file is missing or was changed, or the queries of two seeds differ.
    """
    from bench_core.evaluation.query_table import mean_table
    from bench_core.results.query_scores import load_query_table

    tables = [load_query_table(*pair) for pair in zip(paths, records, strict=True)]
    try:
        return mean_table(tables)
    except DataError as error:
        raise DataError(f"{' and '.join(map(str, paths))}: {error}") from error


def join_records(
    paths: Sequence[Path],
    members: Sequence[ResultRecord],
    remembered: RememberedIntervals | None = None,
) -> JoinedRecord:
    """Join two or more seeds of one configuration.

    Args:
        paths: The files of the records.
        members: What they hold, by seed.
        remembered: As for `join_results`.

    Raises:
        DataError: The scores of the queries are missing or changed, or the queries differ.
    """
    first = members[0]
    hashes = [member.query_scores for member in members]
    intervals = None if remembered is None else remembered.get(*hashes)
    if intervals is None:
        intervals = _intervals(load_mean_table(paths, members))
        if remembered is not None:
            remembered.keep(intervals, *hashes)
    # Without validation: a record of a file must have a seed.
    return JoinedRecord.model_construct(
        schema_version=max(member.schema_version for member in members),
        method=first.method.model_copy(update={"seed": None}),
        dataset=first.dataset.model_copy(
            update={"findings": _union(member.dataset.findings for member in members)}
        ),
        protocol=first.protocol.model_copy(
            update={"assumptions": _union(member.protocol.assumptions for member in members)}
        ),
        scores=_mean_scores(members, intervals),
        query_scores=hash_json(hashes),
        features=tuple(one for member in members for one in member.features),
        origin=first.origin,
        digest=hash_json([member.digest for member in members]),
        cost=_mean_cost(members),
        provenance=_common_provenance(members),
        members=tuple(members),
    )


def _intervals(table: QueryTable) -> Intervals:
    from bench_core.evaluation.uncertainty import bootstrap_intervals

    return Intervals.model_validate(bootstrap_intervals(table))


def _union(parts: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line for part in parts for line in part))


def _mean_scores(members: Sequence[ResultRecord], intervals: Intervals) -> Scores:
    scores = [member.scores for member in members]
    similarities = [one.similarity for one in scores]
    known = [value for value in similarities if value is not None]
    trials = zip(*(one.trials for one in scores), strict=True)
    return scores[0].model_copy(
        update={
            "trials": tuple(_mean_trial(trial) for trial in trials),
            "mean": _mean_metrics([one.mean for one in scores]),
            "std": _mean_metrics([one.std for one in scores]),
            "interval": intervals,
            "similarity": fmean(known) if len(known) == len(scores) else None,
            "by_query_camera": _mean_cameras(scores),
        }
    )


def _mean_trial(trials: Sequence[TrialScores]) -> TrialScores:
    return TrialScores(
        cmc=tuple(fmean(rank) for rank in zip(*(trial.cmc for trial in trials), strict=True)),
        mean_average_precision=fmean(trial.mean_average_precision for trial in trials),
        mean_inverse_negative_penalty=fmean(
            trial.mean_inverse_negative_penalty for trial in trials
        ),
    )


def _mean_metrics(metrics: Sequence[Metrics]) -> Metrics:
    each = [one.by_name() for one in metrics]
    return Metrics.model_validate({name: fmean(one[name] for one in each) for name in each[0]})


def _mean_cameras(scores: Sequence[Scores]) -> dict[str, CameraScores]:
    """Average the cameras that all seeds have: records of the earliest schema have none."""
    return {
        camera: of.model_copy(
            update={
                name: _mean_metrics([getattr(one.by_query_camera[camera], name) for one in scores])
                for name in ("mean", "std")
            }
        )
        for camera, of in scores[0].by_query_camera.items()
        if all(camera in one.by_query_camera for one in scores)
    }


def _mean_cost(members: Sequence[ResultRecord]) -> Cost | None:
    costs = [member.cost for member in members if member.cost is not None]
    if len(costs) < len(members):
        return None
    measured = ("images_per_second", "extraction_seconds", "training_seconds")
    texts = ("device", "precision")
    update: dict[str, Any] = {
        name: " and ".join(dict.fromkeys(getattr(cost, name) for cost in costs)) for name in texts
    }
    for name in measured:
        values = [getattr(cost, name) for cost in costs]
        update[name] = None if None in values else fmean(values)
    return costs[0].model_copy(update=update)


def _common_provenance(members: Sequence[ResultRecord]) -> Provenance:
    """Return what is alike in all members, and nothing for what is not; the date is the last."""
    first, *others = (member.provenance for member in members)
    every = (first, *others)
    names = ("git_commit", "git_dirty", "training_threads", "training_processes", "training_parts")
    return first.model_copy(
        update={
            **{
                name: None
                for name in names
                if any(getattr(one, name) != getattr(first, name) for one in others)
            },
            "created": max(one.created for one in every),
            "versions": {
                name: version
                for name, version in first.versions.items()
                if all(one.versions.get(name) == version for one in others)
            },
            "training_identities": tuple(i for one in every for i in one.training_identities),
        }
    )
