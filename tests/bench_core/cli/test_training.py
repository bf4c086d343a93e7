"""The options that say how batches are shared: what they ask for, and what of it is recorded."""

from __future__ import annotations

import importlib
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
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


def test_a_few_steps_are_shown_and_nothing_is_kept(
    bench: Bench, small_run: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    result = bench("run", *small_run, "--limit", "2")
    assert result.exit_code == 0, result.stderr
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert "joint  2 of 4" in result.stdout
    assert "Nothing was kept." in " ".join(result.stdout.split())
    assert "images were extracted: 2 views" in result.stdout
    assert list(tmp_path.iterdir()) == [folder]
    assert not list(folder.glob("bench-*"))


def test_a_few_steps_are_told_in_json(bench: Bench, small_run: list[str]) -> None:
    document = json.loads(bench("train", *small_run, "--limit", "1", "--json").stdout)
    (stage,) = document["stages"]
    assert (stage["name"], stage["num_steps"], stage["epochs"]) == ("joint", 1, 2)
    assert stage["first_losses"] == stage["last_losses"]
    assert document["extraction"] is None
    assert document["projected_seconds"] == stage["projected_seconds"]
    assert not Path("runs").exists()


def test_a_model_that_trains_nothing_is_tried_by_its_extraction(
    bench: Bench, released_model: Path, sysu_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, weights = released_model / "theirs.toml", released_model / "theirs.t"
    path.write_text('name = "theirs"\ntitle = "T"\n' + (released_model / "agw.toml").read_text())
    with monkeypatch.context() as patch:
        patch.syspath_prepend(released_model)
        network = importlib.import_module("model").embed_net(class_num=5)
    torch.save({"net": network.state_dict()}, weights)
    protocol = ("--protocol", "sysu-all-single", "--data", sysu_root, "--limit", "1")
    tried = bench("run", "--method", path, *protocol, "--weights", weights)
    assert tried.exit_code == 0, tried.stderr
    assert "The method trains nothing." in tried.stdout
    assert "Extracting in float32 on cpu" in tried.stderr
    assert "32 of " in tried.stdout
    without = bench("run", "--method", path, *protocol)
    assert without.exit_code == 2
    assert "--weights" in without.stderr
