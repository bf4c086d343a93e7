"""Seeds of one configuration are one result; what is not alike in all but the seed is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
import pytest

from bench_core.evaluation.query_table import QueryTable
from bench_core.evaluation.uncertainty import bootstrap_intervals
from bench_core.results.joined import JoinedRecord, join_results, members_of
from bench_core.results.remembered import RememberedIntervals
from bench_core.results.seeds import configuration_key
from bench_core.results.store import find_results

MakeTable = Callable[..., QueryTable]
StoreResult = Callable[..., Path]


@pytest.fixture
def tables(make_table: MakeTable) -> list[QueryTable]:
    """The queries of three seeds; scores that the stored files hold without rounding."""
    found = [make_table(0.4 + 0.1 * seed, seed=seed) for seed in range(3)]
    return [
        replace(table, scores=table.scores.astype(np.float32).astype(np.float64)) for table in found
    ]


@pytest.fixture
def stored(tables: list[QueryTable], store_result: StoreResult) -> list[Path]:
    """Their records."""
    return [store_result(table, method__seed=seed) for seed, table in enumerate(tables)]


def joined(folder: Path) -> list[Any]:
    return list(join_results(find_results(folder / "results").records).records)


def test_scores_are_means_over_seeds(
    stored: list[Path], tables: list[QueryTable], tmp_path: Path
) -> None:
    (row,) = joined(tmp_path)
    members = members_of(row)
    assert row.seeds == (0, 1, 2)
    assert row.method.seed is None
    means = [member.scores.mean.rank_1 for member in members]
    assert row.scores.mean.rank_1 == fmean(means)
    assert row.seed_spread.rank_1 == stdev(means)
    assert row.scores.trials[3].cmc[0] == fmean(m.scores.trials[3].cmc[0] for m in members)
    assert row.scores.std.rank_1 == fmean(member.scores.std.rank_1 for member in members)
    assert row.scores.by_query_camera["3"].mean == row.scores.mean


def test_the_interval_is_that_of_the_mean_scores_of_each_query(
    stored: list[Path], tables: list[QueryTable], tmp_path: Path
) -> None:
    (row,) = joined(tmp_path)
    mean = replace(tables[0], scores=np.mean([table.scores for table in tables], axis=0))
    expected = bootstrap_intervals(mean)
    assert row.scores.interval.rank_1 == pytest.approx(expected["rank-1"])
    assert row.scores.interval.mean_average_precision == pytest.approx(expected["mAP"])
    widths = [m.scores.interval.rank_1 for m in members_of(row)]
    assert row.scores.interval.rank_1 not in widths


def test_what_differs_between_seeds_is_not_said_of_their_mean(
    tables: list[QueryTable], store_result: StoreResult, tmp_path: Path
) -> None:
    for seed, table in enumerate(tables):
        store_result(
            table,
            method__seed=seed,
            provenance__git_commit=f"{seed // 2}" * 40,
            provenance__created=f"2026-01-0{1 + seed}T00:00:00Z",
            cost__training_seconds=100.0 + seed,
            dataset__findings=[f"finding {seed // 2}"],
        )
    (row,) = joined(tmp_path)
    assert row.provenance.git_commit is None
    assert row.provenance.created.day == 3
    assert row.provenance.platform == members_of(row)[0].provenance.platform
    assert row.cost.training_seconds == 101.0
    assert row.cost.macs == members_of(row)[0].cost.macs
    assert row.dataset.findings == ("finding 0", "finding 1")


@pytest.mark.parametrize(
    "change",
    [
        {"method__variant": "baseline"},
        {"method__preset": "other"},
        {"method__config": {"epochs": 99}},
        {"protocol__convention": "agw"},
        {"protocol__id": "sysu-indoor-single"},
        {"protocol__splits": "9" * 64},
        {"dataset__fingerprint": "9" * 64},
        {"provenance__weights": f"sha256:{'9' * 64}"},
        {"provenance__selection": "validation"},
        {"provenance__training_format": "bfloat16"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_configuration_is_not_joined(
    tables: list[QueryTable], store_result: StoreResult, tmp_path: Path, change: dict[str, object]
) -> None:
    store_result(tables[0], method__seed=0)
    store_result(tables[1], method__seed=1, **change)
    assert [len(members_of(record)) for record in joined(tmp_path)] == [1, 1]


@pytest.mark.parametrize(
    "change",
    [
        {"provenance__training_identities": ["9" * 64]},
        {"provenance__training_threads": 7},
        {"provenance__platform": "another"},
        {"cost__device": "another"},
        {"method__overrides": ["epochs"]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_follows_from_the_seed_or_decides_bits_alone_keeps_nothing_apart(
    tables: list[QueryTable], store_result: StoreResult, tmp_path: Path, change: dict[str, object]
) -> None:
    store_result(tables[0], method__seed=0)
    store_result(tables[1], method__seed=1, **change)
    (row,) = joined(tmp_path)
    assert isinstance(row, JoinedRecord)


def test_a_model_from_elsewhere_has_no_seed_to_join(
    tables: list[QueryTable], store_result: StoreResult, tmp_path: Path
) -> None:
    for seed in range(2):
        store_result(
            tables[seed],
            method__seed=seed,
            origin__kind="trained-elsewhere",
            origin__files=["e" * 64],
            provenance__training_identities=[],
        )
    records = joined(tmp_path)
    assert [len(members_of(record)) for record in records] == [1, 1]
    assert configuration_key(records[0]) is None


def test_a_seed_that_is_there_twice_is_named_and_nothing_joined(
    tables: list[QueryTable], store_result: StoreResult, tmp_path: Path
) -> None:
    first = store_result(tables[0], method__seed=0)
    second = store_result(tables[1], method__seed=0, provenance__training_identities=["9" * 64])
    store_result(tables[2], method__seed=1)
    found = join_results(find_results(tmp_path / "results").records)
    assert [len(members_of(record)) for record in found.records] == [1, 1, 1]
    (remark,) = found.remarks
    assert str(first) in remark
    assert str(second) in remark
    assert "are of one configuration and seed, by other code or threads" in remark


def test_seeds_of_other_queries_are_named_and_not_joined(
    tables: list[QueryTable], make_table: MakeTable, store_result: StoreResult, tmp_path: Path
) -> None:
    store_result(tables[0], method__seed=0)
    store_result(make_table(num_identities=39), method__seed=1)
    found = join_results(find_results(tmp_path / "results").records)
    assert len(found.records) == 2
    (remark,) = found.remarks
    assert "they were not scored on the same queries" in remark


def test_intervals_are_remembered_by_the_scores_they_are_of(
    stored: list[Path], tmp_path: Path
) -> None:
    records = find_results(tmp_path / "results").records
    remembered = RememberedIntervals(tmp_path / "intervals.bin")
    (first,) = join_results(records, remembered).records
    remembered.save()
    again = RememberedIntervals(tmp_path / "intervals.bin")
    for path in stored:
        path.with_suffix(".queries.npz").unlink()  # so that it cannot be worked out again
    (second,) = join_results(records, again).records
    assert second.scores == first.scores
    assert again.get(*(record.query_scores for record in records.values())) is not None
    assert again.get(next(iter(records.values())).query_scores) is None
