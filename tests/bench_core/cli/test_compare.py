"""`bench compare` says whether one result is better than another, or why it cannot say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from bench_core.cli.printing import print_scores
from bench_core.contracts.scores import Scores
from bench_core.evaluation.query_table import QueryTable
from bench_core.results.store import query_scores_path

Bench = Callable[..., Result]
MakeTable = Callable[..., QueryTable]
StoreResult = Callable[..., Path]


@pytest.fixture
def pair(make_table: MakeTable, store_result: StoreResult) -> tuple[Path, Path]:
    """A baseline and a better method."""
    return (
        store_result(make_table(0.2), method__variant="baseline"),
        store_result(make_table(0.7)),
    )


def error_of(result: Result, exit_code: int) -> str:
    """Return the one error line of a failed command."""
    assert result.exit_code == exit_code, result.output
    lines = result.stderr.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("Error: ")
    return lines[0]


def test_a_table_of_all_metrics_and_a_sentence_are_printed(
    bench: Bench, pair: tuple[Path, Path]
) -> None:
    result = bench("compare", *pair)
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == ("sysu-all-single, official galleries: the same 200 queries of 40 people")
    assert lines[2].split()[:4] == ["percent", "xiv:baseline", "xiv", "difference"]
    assert [line.split()[0] for line in lines[4:10]] == [
        "rank-1", "rank-5", "rank-10", "rank-20", "mAP", "mINP",
    ]  # fmt: skip
    assert lines[-1].startswith("xiv is better than xiv:baseline by ")


def test_json_holds_the_same_as_fractions(bench: Bench, pair: tuple[Path, Path]) -> None:
    document = json.loads(bench("compare", *pair, "--json").stdout)
    assert [document[side]["result"] for side in ("first", "second")] == [str(p) for p in pair]
    assert (document["queries"], document["identities"]) == (200, 40)
    found = document["difference"]["rank-1"]
    means = [document[side]["mean"]["rank-1"] for side in ("first", "second")]
    assert found["value"] == pytest.approx(means[1] - means[0], abs=1e-9)
    assert found["interval"][0] < found["value"] < found["interval"][1]
    assert found["p"] < 0.05
    assert found["told_apart"] is True
    assert document["sentence"] in bench("compare", *pair).stdout


@pytest.mark.slow
def test_a_run_can_be_compared_with_another(
    bench: Bench, small_run: list[str], tmp_path: Path
) -> None:
    for method in ("xiv", "xiv:baseline"):
        small_run[1] = method
        assert bench("run", *small_run).exit_code == 0
    paths = sorted((tmp_path / "results").rglob("*.json"))
    document = json.loads(bench("compare", *paths, "--json").stdout)
    names = {document[side]["name"] for side in ("first", "second")}
    assert names == {"xiv", "xiv:baseline"}
    table = bench("leaderboard")
    assert table.exit_code == 0, table.stderr
    assert table.stdout == bench("leaderboard").stdout


def test_summaries_show_the_interval(capsys: pytest.CaptureFixture[str]) -> None:
    names = ("rank-1", "rank-5", "rank-10", "rank-20", "mAP", "mINP")
    document = {
        "queries": 10,
        "valid_queries": 10,
        "gallery": [20],
        "mean": dict.fromkeys(names, 0.3),
        "std": dict.fromkeys(names, 0.0),
        "interval": {name: [0.2, 0.4] for name in names},
        "trials": [{"cmc": [0.3] * 20, "mAP": 0.3, "mINP": 0.3}],
    }
    print_scores(Scores.model_validate(document))
    rows = {line[:10].strip(): line[10:].split() for line in capsys.readouterr().out.splitlines()}
    assert rows["95 % low"] == ["20.00"] * 6
    assert rows["mean"] == ["30.00"] * 6
    assert rows["95 % high"] == ["40.00"] * 6


def test_other_conditions_are_refused(
    bench: Bench, pair: tuple[Path, Path], make_table: MakeTable, store_result: StoreResult
) -> None:
    other = store_result(make_table(), protocol__id="sysu-indoor-single")
    line = error_of(bench("compare", pair[0], other), 2)
    assert "cannot be compared: their protocol differs" in line


def test_missing_and_changed_scores_of_the_queries_are_named(
    bench: Bench, pair: tuple[Path, Path]
) -> None:
    beside = query_scores_path(pair[1])
    beside.write_bytes(b"changed")
    assert f"{beside} is not the file that" in error_of(bench("compare", *pair), 1)
    beside.unlink()
    line = error_of(bench("compare", *pair), 1)
    assert f"cannot read the scores of the queries {beside}" in line
    assert "restore it beside" in line


@pytest.mark.parametrize("content", [None, "{", "{}"])
def test_a_file_that_is_no_record_is_named(
    bench: Bench, pair: tuple[Path, Path], tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "other.json"
    if content is not None:
        path.write_text(content)
    assert str(path) in error_of(bench("compare", pair[0], path), 1)


def test_two_results_are_needed(bench: Bench, pair: tuple[Path, Path]) -> None:
    result = bench("compare", pair[0])
    assert result.exit_code == 2
    assert "Missing argument" in result.stderr


def test_seeds_are_told_from_people_and_galleries(
    bench: Bench, make_table: MakeTable, store_result: StoreResult, tmp_path: Path
) -> None:
    for seed in range(2):
        first = store_result(make_table(0.2, seed=seed), method__id="a", method__seed=seed)
        second = store_result(make_table(0.7, seed=seed), method__id="b", method__seed=seed)
    (tmp_path / "results" / "sysu-all-single" / "broken.json").write_text("{")
    result = bench("compare", first, second, "--seeds")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[1:3] == ["a: seeds 0, 1", "b: seeds 0, 1"]
    assert "seeds, people" in result.stdout
    assert max(map(len, lines)) <= 80
    assert "broken.json is not JSON" in result.stderr
    document = json.loads(bench("compare", first, second, "--seeds", "--json").stdout)
    assert document["first"]["seeds"] == [0, 1]
    assert len(document["difference"]["mAP"]["interval_over_both"]) == 2
    assert document["sentence"].split(".")[0] in " ".join(result.stdout.split())
