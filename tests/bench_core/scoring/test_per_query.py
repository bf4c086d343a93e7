"""The per-query file: one row a trial and query, in full precision."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench_core.contracts.errors import BenchError, UsageError
from bench_core.evaluation.query_table import QueryImages, TrialQueries
from bench_core.evaluation.summary import Evaluation, average_queries
from bench_core.scoring.per_query import (
    QUERY_COLUMNS,
    check_query_file,
    query_frame,
    write_query_file,
)


@pytest.fixture
def evaluation() -> Evaluation:
    """Two trials of three queries; the last query has no match."""
    images = QueryImages(
        identity=np.array([7, 7, 9]), camera=np.array([3, 6, 6]), index=np.array([0, 4, 1])
    )
    trials = tuple(
        average_queries(
            TrialQueries(
                num_matches=np.array([2, 1, 0]),
                first_match_rank=np.array([rank, 3, 0]),
                average_precision=np.array([1 / rank, 1 / 3, 0]),
                inverse_negative_penalty=np.array([0.1, 1 / 3, 0]),
            ),
            num_gallery=20,
        )
        for rank in (1, 7)
    )
    return Evaluation(trials, (images, images))


def test_there_is_a_row_for_each_trial_and_query(evaluation: Evaluation) -> None:
    frame = query_frame(evaluation)
    assert tuple(frame.columns) == QUERY_COLUMNS
    assert frame["trial"].tolist() == [1, 1, 1, 2, 2, 2]
    assert frame["identity"].tolist() == [7, 7, 9] * 2
    assert frame["camera"].tolist() == [3, 6, 6] * 2
    assert frame["index"].tolist() == [0, 4, 1] * 2
    assert frame["valid"].tolist() == [True, True, False] * 2
    assert frame["num_matches"].tolist() == [2, 1, 0] * 2


def test_trials_count_from_the_first_that_was_scored(evaluation: Evaluation) -> None:
    assert query_frame(evaluation, first_trial=3)["trial"].tolist() == [3, 3, 3, 4, 4, 4]


def test_scores_are_missing_where_there_is_no_match(evaluation: Evaluation) -> None:
    frame = query_frame(evaluation)
    scores = ["first_match_rank", "average_precision", "inverse_negative_penalty"]
    assert frame.loc[~frame["valid"], scores].isna().all(axis=None)
    assert frame.loc[frame["valid"], "first_match_rank"].tolist() == [1, 3, 7, 3]


def test_means_of_the_rows_are_the_scores_of_the_trials(evaluation: Evaluation) -> None:
    rows = query_frame(evaluation).groupby("trial")
    means = rows["average_precision"].mean()
    assert means.tolist() == [trial.mean_average_precision for trial in evaluation.trials]
    means = rows["inverse_negative_penalty"].mean()
    assert means.tolist() == [trial.mean_inverse_negative_penalty for trial in evaluation.trials]


def test_rows_count_on_from_trial_to_trial(evaluation: Evaluation) -> None:
    assert query_frame(evaluation).index.tolist() == list(range(6))


def test_csv_keeps_every_digit(evaluation: Evaluation, tmp_path: Path) -> None:
    path = tmp_path / "new" / "queries.csv"
    write_query_file(path, evaluation)
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == QUERY_COLUMNS
    assert ",".join(rows[2].values()) == "1,9,6,1,False,0,,,"
    assert ",".join(rows[3].values()).startswith("2,7,3,0,True,2,7,0.14285714285714285,")
    assert float(rows[3]["average_precision"]) == 1 / 7


def test_parquet_keeps_every_type(evaluation: Evaluation, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="the extra 'parquet' is not installed")
    path = tmp_path / "queries.parquet"
    write_query_file(path, evaluation)
    pd.testing.assert_frame_equal(pd.read_parquet(path), query_frame(evaluation))


def test_parquet_without_pyarrow_says_how_to_install_it(
    evaluation: Evaluation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", {}.get)
    with pytest.raises(UsageError, match=r"needs pyarrow; install it with pip install 'vireid-b"):
        write_query_file(tmp_path / "queries.parquet", evaluation)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["queries", "queries.txt", "queries.csv.gz"])
def test_another_suffix_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=rf"--per-query {name}: .* end in \.csv or \.parquet"):
        check_query_file(Path(name))


def test_a_place_that_cannot_be_written_is_an_error(evaluation: Evaluation, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BenchError, match="cannot write"):
        write_query_file(tmp_path / "file" / "queries.csv", evaluation)
