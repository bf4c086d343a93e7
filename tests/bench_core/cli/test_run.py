"""`bench run` and its three steps, from an empty folder to a leaderboard."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

from bench_core.contracts.dataset import DatasetSpec
from bench_core.contracts.result import ResultRecord

ReadResults = Callable[[Path], list[ResultRecord]]
Bench = Callable[..., Result]


@pytest.mark.slow
def test_run_trains_scores_and_writes_a_result(
    bench: Bench, small_run: list[str], tmp_path: Path, read_results: ReadResults
) -> None:
    result = bench("run", *small_run)
    assert result.exit_code == 0, result.stderr
    (record,) = read_results(tmp_path / "results")
    assert record.method.label == "xiv"
    assert record.method.preset == "quick"
    assert "sampling.identities" in record.method.overrides
    assert record.dataset.synthetic
    assert len(record.scores.trials) == 10
    assert record.provenance.weights == "none"
    assert "synthetic people" in result.stdout
    for place in ("model ", "result "):
        (line,) = [line for line in result.stdout.splitlines() if line.startswith(place)]
        assert Path(line.split()[1]).is_file()
    below = result.stdout[result.stdout.index("\nparameters ") :].splitlines()
    assert max(len(line) for line in below if line.split()[:1] not in (["model"], ["result"])) <= 80
    assert re.search(r"\n {9}trained in \d+ s, [\d.]+ % of it waiting for data\n", result.stdout)


@pytest.mark.slow
def test_protocols_of_one_dataset_share_a_training_and_its_features(
    bench: Bench, small_run: list[str], tmp_path: Path, read_results: ReadResults
) -> None:
    first = bench("run", *small_run)
    small_run[3] = "sysu-indoor-multi"
    second = bench("run", *small_run)
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "step/s" in first.stderr
    assert "step/s" not in second.stderr
    assert "extracting" not in second.stderr
    one, two = read_results(tmp_path / "results")
    assert one.provenance.training_identities == two.provenance.training_identities
    assert one.protocol.id != two.protocol.id


@pytest.mark.slow
def test_the_three_steps_give_the_scores_of_run(
    bench: Bench, small_run: list[str], sysu_root: Path, tmp_path: Path
) -> None:
    whole = json.loads(bench("run", *small_run, "--json").stdout)
    trained = json.loads(bench("train", *small_run, "--json").stdout)
    assert trained[0]["cached"]
    protocol = ["--protocol", "sysu-all-single"]
    extracted = bench(
        "extract", "--model", trained[0]["model"], *protocol, "--data", sysu_root,
        "--output", "features.npz",
    )  # fmt: skip
    assert extracted.exit_code == 0, extracted.stderr
    with np.load(tmp_path / "features.npz") as features:
        assert features["features"].shape[1:] == (2, 256)
    for source in (["--data", sysu_root], ["--splits", sysu_root / "exp"]):
        result = bench("eval", *protocol, "--features", "features.npz", *source, "--json")
        document = json.loads(result.stdout)
        assert document["protocol"] == "sysu-all-single"
        assert document["convention"] == "official"
        assert document["rerank"] is False
        for name in ("queries", "valid_queries", "gallery", "mean", "std"):
            assert document[name] == whole["scores"][name]


@pytest.mark.slow
def test_one_trial_is_trained_alone(
    bench: Bench, small_run: list[str], tiny_people: Callable[[str], Path]
) -> None:
    small_run[3] = "regdb-visible-to-thermal"
    small_run[5] = str(tiny_people("regdb"))
    (trained,) = json.loads(bench("train", *small_run, "--trial", "3", "--json").stdout)
    assert trained["split"] == "trial-3"
    beyond = bench("train", *small_run, "--trial", "11")
    assert beyond.exit_code == 2
    assert "--trial 11: the protocol has trials 1 to 10" in beyond.stderr


@pytest.mark.slow
def test_conventions_are_results_of_their_own(
    bench: Bench, small_run: list[str], tmp_path: Path, read_results: ReadResults
) -> None:
    bench("run", *small_run)
    bench("run", *small_run, "--convention", "agw")
    conventions = {record.protocol.convention for record in read_results(tmp_path / "results")}
    assert conventions == {"official", "agw"}
    table = bench("leaderboard").stdout
    assert table.count("\nSynthetic SYSU-MM01: ") == 2


@pytest.mark.slow
def test_running_again_replaces_the_result(
    bench: Bench, small_run: list[str], tmp_path: Path, read_results: ReadResults
) -> None:
    for _ in range(2):
        assert bench("run", *small_run).exit_code == 0
    assert len(read_results(tmp_path / "results")) == 1


@pytest.mark.slow
def test_json_is_one_document_on_standard_output(bench: Bench, small_run: list[str]) -> None:
    result = bench("run", *small_run, "--json")
    document = json.loads(result.stdout)
    assert document["schema_version"] == 3
    assert "step/s" in result.stderr


@pytest.mark.slow
def test_without_data_the_synthetic_people_are_made_and_said_so(
    bench: Bench, tmp_path: Path, sysu_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stand-in is a smaller one here, made once for both runs in a cache of its own."""
    monkeypatch.setenv("VIREID_BENCH_CACHE", str(tmp_path / "cache"))
    calls = []

    def render(out: Path, spec: DatasetSpec, **options: object) -> None:
        calls.append({"dataset": spec.id, **options})
        shutil.copytree(sysu_root, out)

    monkeypatch.setattr("bench_core.pipeline.stand_in.generate", render)
    arguments = ["--method", "xiv", "--protocol", "sysu-all-single", "--set", "epochs=1"]
    small = [
        "--set",
        "sampling.steps_per_epoch=1",
        "--set",
        "image_height=32",
        "--set",
        "image_width=16",
    ]
    for _ in range(2):
        result = bench("run", *arguments, *small)
        assert result.exit_code == 0, result.stderr
        assert "using synthetic people" in result.stderr
        assert "xiv (quick)" in result.stdout
    assert calls == [{"dataset": "sysu-mm01", "scale": "demo", "seed": 0}]


@pytest.mark.slow
def test_observers_are_told_of_the_run(
    bench: Bench, small_run: list[str], registry: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bench_core import hookimpl

    events: list[tuple[object, ...]] = []
    trained: list[str] = []

    class Observer:
        @hookimpl
        def bench_run_started(self, method: str, protocol: str) -> None:
            events.append(("started", method, protocol))

        @hookimpl
        def bench_epoch_finished(
            self, stage: str, epoch: int, folder: str, line: dict[str, object]
        ) -> None:
            events.append(("epoch", stage, epoch, line["epoch"]))
            assert (Path(folder) / "log.jsonl").is_file()
            trained.append(folder)

        @hookimpl
        def bench_run_finished(self, record: object, path: str, folders: Sequence[str]) -> None:
            events.append(("finished", Path(path).is_file()))
            assert list(folders) == sorted(set(trained))

    manager = registry._manager  # type: ignore[attr-defined]
    observer = Observer()
    manager.register(observer)
    try:
        bench("run", *small_run)
    finally:
        manager.unregister(observer)
    assert events == [
        ("started", "xiv", "sysu-all-single"),
        ("epoch", "joint", 1, 1),
        ("epoch", "joint", 2, 2),
        ("finished", True),
    ]


@pytest.mark.slow
def test_a_reranked_result_is_another_row(
    bench: Bench, small_run: list[str], tmp_path: Path, read_results: ReadResults
) -> None:
    plain, reranked, other = (
        bench("run", *small_run, *options)
        for options in ((), ("--rerank",), ("--rerank", "--rerank-set", "k1=4"))
    )
    assert reranked.exit_code == other.exit_code == 0, reranked.stderr + other.stderr
    assert "re-ranked," in reranked.stdout
    assert "re-ranked by k-reciprocal with k1=4," in other.stdout
    assert "re-ranked" not in plain.stdout
    records = read_results(tmp_path / "results")
    used = {record.label: record.protocol.reranker for record in records}
    assert used["xiv"] is None
    version = records[0].provenance.versions["vireid-bench"]
    for label, k1 in (("xiv + re-ranking", 20), ("xiv + k-reciprocal re-ranking", 4)):
        found = used[label]
        assert found is not None
        assert found.config["k1"] == k1
        assert found.package == f"vireid-bench {version}"
    assert len({record.scores.mean.mean_average_precision for record in records}) == 3
    tables = bench("leaderboard", "--format", "markdown").stdout
    assert "xiv + re-ranking" in tables
    assert "xiv + k-reciprocal re-ranking, re-ranked with k1=4" in tables


@pytest.mark.slow
def test_a_model_selected_by_validation_is_another_training_and_another_row(
    bench: Bench, small_run: list[str], tmp_path: Path, read_results: ReadResults
) -> None:
    last, selected = bench("run", *small_run), bench("run", *small_run, "--select", "validation")
    assert selected.exit_code == 0, selected.stderr
    assert "selected on validation" in selected.stdout
    assert "mAP on validation people" in selected.stdout
    assert "validation" not in last.stdout
    records = read_results(tmp_path / "results")
    assert sorted(record.provenance.selection for record in records) == ["last", "validation"]
    first, second = (record.provenance.training_identities for record in records)
    assert not set(first) & set(second)
    assert "  xiv + validation selection  " in bench("leaderboard").stdout


@pytest.mark.slow
def test_the_steps_of_a_selected_model_give_the_scores_of_run(
    bench: Bench, small_run: list[str], sysu_root: Path
) -> None:
    small_run += ["--select", "validation"]
    whole = json.loads(bench("run", *small_run, "--json").stdout)
    (trained,) = json.loads(bench("train", *small_run, "--json").stdout)
    assert (trained["split"], trained["selection"]) == ("train", "validation")
    assert trained["selected_epoch"] in (1, 2)
    assert 0 < trained["validation_mAP"] <= 1
    source = ["--protocol", "sysu-all-single", "--data", sysu_root]
    model = ["--model", trained["model"], "--output", "features.npz"]
    assert bench("extract", *model, *source).exit_code == 0
    result = bench("eval", *source, "--features", "features.npz", "--json")
    assert json.loads(result.stdout)["mean"] == whole["scores"]["mean"]


@pytest.mark.slow
def test_the_result_on_a_folder_whose_name_is_no_unicode_can_be_read(
    bench: Bench,
    small_run: list[str],
    sysu_root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    read_results: ReadResults,
) -> None:
    root = tmp_path / os.fsdecode(b"caf\xe9")
    root.symlink_to(sysu_root)
    small_run[small_run.index(str(sysu_root))] = str(root)
    monkeypatch.setattr(sys, "argv", ["bench", "run", *small_run])
    assert bench("run", *small_run).exit_code == 0
    (record,) = read_results(tmp_path / "results")
    assert any(argument.endswith("caf\\xe9") for argument in record.provenance.command)
