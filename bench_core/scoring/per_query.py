"""The scores of each query in each trial as a table for people who look for failures."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bench_core.contracts.errors import UsageError
from bench_core.system.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

    from bench_core.evaluation.query_table import QueryImages
    from bench_core.evaluation.summary import Evaluation, TrialScore

QUERY_COLUMNS = (
    "trial",
    "identity",
    "camera",
    "index",
    "valid",
    "num_matches",
    "first_match_rank",
    "average_precision",
    "inverse_negative_penalty",
)
"""Columns of a per-query file, one row a trial and query.

- `trial` (int64): from 1.
- `identity`, `camera`, `index` (int64): the query image; `index` counts from 0 (see
  `bench_core.contracts.images`).
- `valid` (bool): whether it has a match in the gallery that it may see.
- `num_matches` (int64): number of matches.
- `first_match_rank` (Int64): from 1, as the CMC curve of the protocol counts it.
- `average_precision`, `inverse_negative_penalty` (float64): in [0, 1].

The last three are missing where the query is not valid, so that their mean is that of the trial.
"""


def check_query_file(path: Path) -> None:
    """Check that a per-query file can be written under this name, before anything is computed.

    Raises:
        UsageError: The suffix is neither .csv nor .parquet, or what writes Parquet is missing.
    """
    if path.suffix not in (".csv", ".parquet"):
        raise UsageError(f"--per-query {path}: the name must end in .csv or .parquet")
    if path.suffix == ".parquet" and importlib.util.find_spec("pyarrow") is None:
        raise UsageError(
            f"--per-query {path}: Parquet needs pyarrow; install it with "
            "pip install 'vireid-bench[parquet]', or write a .csv"
        )


def query_frame(evaluation: Evaluation, first_trial: int = 1) -> pd.DataFrame:
    """Return the columns `QUERY_COLUMNS`, in order of trial and of queries as they were scored.

    Args:
        evaluation: The scores.
        first_trial: Number of its first trial, from 1.
    """
    trials = zip(evaluation.trials, evaluation.query_images, strict=True)
    return pd.concat(
        [_trial_frame(number, *trial) for number, trial in enumerate(trials, start=first_trial)],
        ignore_index=True,
    )


def write_query_file(path: Path, evaluation: Evaluation, first_trial: int = 1) -> None:
    """Write the scores of each query, whole or not at all; the suffix decides the format.

    Args:
        path: A name that `check_query_file` accepts.
        evaluation: The scores.
        first_trial: Number of its first trial, from 1.

    Raises:
        UsageError: The file cannot be written under this name.
        BenchError: The file cannot be written.
    """
    check_query_file(path)
    frame = query_frame(evaluation, first_trial)
    if path.suffix == ".csv":
        write_atomically(path, lambda file: frame.to_csv(file, index=False, lineterminator="\n"))
    else:
        write_atomically(path, lambda file: frame.to_parquet(file, index=False, engine="pyarrow"))


def _trial_frame(number: int, trial: TrialScore, images: QueryImages) -> pd.DataFrame:
    scores = trial.queries
    valid = scores.valid
    return pd.DataFrame(
        {
            "trial": number,
            "identity": images.identity,
            "camera": images.camera,
            "index": images.index,
            "valid": valid,
            "num_matches": scores.num_matches,
            "first_match_rank": pd.arrays.IntegerArray(scores.first_match_rank, mask=~valid),
            "average_precision": np.where(valid, scores.average_precision, np.nan),
            "inverse_negative_penalty": np.where(valid, scores.inverse_negative_penalty, np.nan),
        }
    )
