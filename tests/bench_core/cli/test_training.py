"""The options that say how batches are shared: what they ask for, and what of it is recorded."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from bench_core.contracts.result import ResultRecord

Bench = Callable[..., Result]


@pytest.mark.slow
def test_statistics_of_shares_are_another_training_and_another_row(
    bench: Bench,
    small_run: list[str],
    tmp_path: Path,
    read_results: Callable[[Path], list[ResultRecord]],
) -> None:
    for options in ((), ("--accumulate", "2", "--batch-statistics", "share")):
        assert bench("run", *small_run, *options).exit_code == 0
    records = {record.label: record for record in read_results(tmp_path / "results")}
    plain, shares = records["xiv"].provenance, records["xiv + statistics of 2 shares"].provenance
    assert (shares.training_processes, shares.training_parts, shares.normalized_shares) == (1, 2, 2)
    assert plain.normalized_shares is None
    assert plain.training_identities != shares.training_identities


def test_values_of_a_file_are_the_training_of_the_same_values_by_hand(
    bench: Bench, small_run: list[str]
) -> None:
    by_hand = json.loads(bench("train", *small_run, "--json").stdout)
    given = dict(word.split("=") for word in small_run if "=" in word)
    lines = "\n".join(f"{key} = {value}" for key, value in given.items())
    Path("mine.toml").write_text(f'method = "xiv"\npreset = "quick"\n[set]\n{lines}\n')
    rest = [*small_run[: small_run.index("--preset")], "--config", "mine.toml"]
    by_file = json.loads(bench("train", *rest, "--json").stdout)
    assert by_file == [{**by_hand[0], "cached": True}]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--batch-statistics", "share"], "a batch has no shares; add --processes N or --accum"),
        (["--memory-budget", "much"], "--memory-budget much: expected a size, as 8GiB or 500MiB"),
        (["--memory-budget", "0GiB"], "--memory-budget 0GiB: expected a size"),
        (["--accumulate", "3"], "3 parts cannot share a batch of 4 identities x 2 images of the"),
        (["--memory-budget", "1MiB"], "--memory-budget 1 MiB: a step of training takes: joint "),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_trained(
    bench: Any, small_run: list[str], tmp_path: Path, options: list[str], message: str
) -> None:
    result = bench("train", *small_run, *options)
    assert result.exit_code == 2
    assert result.stderr.count("Error: ") == 1
    assert message in result.stderr
    assert not list(tmp_path.glob("runs/*/*/checkpoint*"))
