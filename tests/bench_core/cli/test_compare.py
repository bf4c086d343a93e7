"""`bench compare` says whether one result is better than another, or why it cannot say."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result

from bench_core.cli.printing import print_scores
from bench_core.contracts.dataset import Dataset, DatasetSpec
from bench_core.contracts.scores import Scores
from bench_core.data.fingerprint import fingerprint
from bench_core.data.opening import open_dataset
from bench_core.evaluation.query_table import QueryImages, QueryTable
from bench_core.plugins import Registry
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
    assert lines[11].startswith("xiv is better than xiv:baseline by ")
    assert max(map(len, lines)) <= 80


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
    assert document["sentence"] in " ".join(bench("compare", *pair).stdout.split())


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
    assert rows["95 % high"] == ["40.00"] * 6
    assert rows["trial 1"] == ["30.00"] * 6
    assert not {"mean", "std"} & rows.keys()  # one trial is its own mean, and has no deviation
    several = document | {"trials": document["trials"] * 2, "gallery": [20, 20]}
    print_scores(Scores.model_validate(several))
    assert {"mean", "std", "trial 2"} <= {
        line[:10].strip() for line in capsys.readouterr().out.splitlines()
    }


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
    line = error_of(bench("compare", pair[0], path), 1)
    assert str(path) in line
    assert ("give the file of a record" in line) is (content is None)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_two_results_are_needed(bench: Bench, pair: tuple[Path, Path], count: int) -> None:
    line = error_of(bench("compare", *[*pair, pair[0]][:count]), 2)
    assert f"two results are compared, and {count} were given" in line
    assert "a pattern such as *.json may match more" in line


def test_a_page_is_of_two_results(bench: Bench, pair: tuple[Path, Path]) -> None:
    line = error_of(bench("compare", *pair, "--seeds", "--report", "page"), 2)
    assert "leave out --seeds or --report" in line


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


PICTURES = {"differences.png", "differences-by-camera.png", "queries.png"}


def pictures(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*.png")}


@pytest.fixture
def of_real_people(make_table: MakeTable, store_result: StoreResult) -> tuple[Path, Path]:
    """Two results on real people, without images, of a dataset with a hostile name."""
    return (
        store_result(make_table(0.2), method__variant="baseline", dataset__title="<b>x</b>"),
        store_result(make_table(0.7), dataset__title="<b>x</b>"),
    )


def test_a_report_needs_the_two_records_alone(
    bench: Bench, of_real_people: tuple[Path, Path]
) -> None:
    result = bench("compare", *of_real_people, "--report", "page")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith(bench("compare", *of_real_people).stdout)
    assert "left out: images of queries (the images are needed; name the dataset" in result.stdout
    assert result.stdout.splitlines()[-1] == "report   page/report.html"
    assert pictures(Path("page")) == PICTURES
    page = Path("page/report.html").read_text()
    assert "Synthetic data" not in page
    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert "<b>x" not in page


def test_a_report_says_in_json_what_the_comparison_says_and_more(
    bench: Bench, of_real_people: tuple[Path, Path]
) -> None:
    plain = json.loads(bench("compare", *of_real_people, "--json").stdout)
    result = bench("compare", *of_real_people, "--report", "page", "--json")
    document = json.loads(result.stdout)
    assert plain.items() <= document.items()
    assert document["by_query_camera"]["3"]["queries"] == 200
    assert document["by_query_camera"]["3"]["difference"] == plain["difference"]
    rises = [one["second"] - one["first"] for one in document["gained"]]
    assert rises == sorted(rises, reverse=True)
    assert len({one["identity"] for one in document["gained"]}) == len(rises) == 10
    assert json.loads(Path("page/report.json").read_text())["gained"] == document["gained"]


def test_the_images_of_queries_are_shown_where_they_are_at_hand(
    bench: Bench, sysu_root: Path, registry: Registry, make_table: MakeTable,
    store_result: StoreResult, tmp_path: Path,
) -> None:  # fmt: skip
    dataset = open_dataset(registry.dataset("sysu-mm01"), sysu_root)
    images = dataset.images[dataset.images["camera"].isin([3, 6])]
    tables = [make_table(success, num_identities=len(images), shots=1) for success in (0.3, 0.6)]
    queries = QueryImages(
        **{name: images[name].to_numpy() for name in ("identity", "camera", "index")}
    )
    order = queries.sorting()
    own = fingerprint(dataset, tmp_path / "cache")
    paths = [
        store_result(
            replace(table, images=queries[order]),
            method__seed=seed,
            dataset__fingerprint=own,
            dataset__synthetic=True,
        )
        for seed, table in enumerate(tables)
    ]
    result = bench("compare", *paths, "--report", "page", "--data", sysu_root)
    assert result.exit_code == 0, result.stderr
    assert "left out" not in result.stdout
    assert pictures(Path("page")) == PICTURES | {"gained.png", "lost.png"}
    assert "Synthetic data" in Path("page/report.html").read_text()


def test_images_of_other_data_are_refused(
    bench: Bench, pair: tuple[Path, Path], sysu_root: Path
) -> None:
    result = bench("compare", *pair, "--report", "page", "--data", sysu_root)
    assert f"--data {sysu_root} is not what the results are of" in result.stderr
    assert result.exit_code == 1
    assert not Path("page").exists()


def test_other_synthetic_people_are_not_shown(
    bench: Bench, make_table: MakeTable, store_result: StoreResult, sysu_root: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    pair = [
        store_result(make_table(), method__seed=seed, dataset__synthetic=True) for seed in (0, 1)
    ]

    def open_other(spec: DatasetSpec, cache: Path) -> tuple[Dataset, str]:
        dataset = open_dataset(spec, sysu_root)
        return dataset, fingerprint(dataset, cache)

    monkeypatch.setattr("bench_core.pipeline.inputs.open_stand_in", open_other)
    result = bench("compare", *pair, "--report", "page")
    assert result.exit_code == 0, result.stderr
    assert "left out: images of queries (the results are on other synthetic people" in result.stdout


def test_a_folder_with_anything_else_is_not_touched(
    bench: Bench, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    line = error_of(bench("compare", *pair, "--report", "mine"), 2)
    assert "--report mine holds notes.txt, which is no part of a report" in line


def test_images_without_a_report_are_refused(
    bench: Bench, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    line = error_of(bench("compare", *pair, "--data", tmp_path), 2)
    assert "--data is for the images of a report; add --report FOLDER" in line
