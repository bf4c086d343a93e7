"""`bench leaderboard`: which table goes where, pictures beside it, and the check of both."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from bench_core.contracts.speed import SpeedRecord
from bench_core.evaluation.query_table import QueryTable
from bench_core.published.reading import shipped_folder
from bench_core.results.speeds import write_speeds

Bench = Callable[..., Result]


@pytest.fixture
def results(
    make_table: Callable[..., QueryTable], store_result: Callable[..., Path], tmp_path: Path
) -> Path:
    store_result(make_table(), dataset__synthetic=True)
    return tmp_path / "results"


def test_a_table_of_80_columns_is_printed(bench: Bench, results: Path) -> None:
    result = bench("leaderboard", "--results", results)
    assert result.stdout.startswith("SYNTHETIC DATA: rendered people.")
    assert max(map(len, result.stdout.splitlines())) <= 80


@pytest.mark.parametrize(
    ("name", "start"),
    [("a.md", "# Leaderboard"), ("a.csv", "kind,"), ("a.json", "{"), ("a.txt", "SYNTHETIC")],
)
def test_the_suffix_of_a_file_says_its_format(
    bench: Bench, results: Path, name: str, start: str
) -> None:
    options = ["leaderboard", "--results", results, "--output", name]
    assert bench(*options).exit_code == 0
    assert Path(name).read_text().startswith(start)
    assert bench(*options, "--check").exit_code == 0
    bench(*options, "--format", "csv")
    assert Path(name).read_text().startswith("kind,")


def test_a_file_without_a_format_is_wrong_usage(bench: Bench, results: Path) -> None:
    result = bench("leaderboard", "--results", results, "--output", "table")
    assert result.exit_code == 2
    assert "give --format, or one of .txt, .md, .csv, .json" in result.stderr


def test_results_that_cannot_be_compared_are_named_and_the_rest_is_shown(
    bench: Bench,
    results: Path,
    make_table: Callable[..., QueryTable],
    store_result: Callable[..., Path],
) -> None:
    store_result(make_table(0.1, num_identities=9), dataset__synthetic=True, method__id="other")
    options = ["leaderboard", "--results", results]
    result = bench(*options)
    assert result.exit_code == 0
    (warning,) = result.stderr.splitlines()
    assert warning.startswith("Warning: ")
    assert "not scored on the same queries" in warning
    assert "xiv" in result.stdout
    assert "other" in result.stdout
    bench(*options, "--output", "a.md")
    checked = bench(*options, "--output", "a.md", "--check")
    assert checked.exit_code == 1
    assert "holds results that cannot be used" in checked.stderr


def test_pictures_are_drawn_without_a_table(bench: Bench, results: Path) -> None:
    result = bench("leaderboard", "--results", results, "--plot", "plots")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == ""
    names = ["accuracy-cost-synthetic.png", "accuracy-cost-synthetic.svg"]
    assert sorted(path.name for path in Path("plots").iterdir()) == names
    assert "plot plots/accuracy-cost-synthetic.svg" in result.stderr


def test_a_table_is_written_besides_where_it_is_asked_for(bench: Bench, results: Path) -> None:
    options = ["leaderboard", "--results", results, "--plot", "plots"]
    assert len(json.loads(bench(*options, "--json").stdout)["sections"]) == 1
    assert bench(*options, "--output", "table.md").exit_code == 0
    assert Path("table.md").read_text().startswith("# Leaderboard")


def test_an_old_picture_fails_the_check(bench: Bench, results: Path) -> None:
    options = ["leaderboard", "--results", results, "--plot", "plots"]
    missing = bench(*options, "--check")
    assert missing.exit_code == 1
    assert "accuracy-cost-synthetic.svg does not show the results as they are" in missing.stderr
    assert not Path("plots").exists()
    bench(*options)
    assert bench(*options, "--check").exit_code == 0
    Path("plots/accuracy-cost-synthetic.svg").write_text("old")
    assert bench(*options, "--check").exit_code == 1


def test_without_results_nothing_is_drawn(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = bench("leaderboard", "--results", "empty", "--plot", "plots")
    assert result.exit_code == 0
    assert "no results to plot" in result.stderr
    assert not Path("plots").exists()


def test_a_bad_record_is_named_and_fails_the_check_alone(bench: Bench, results: Path) -> None:
    (results / "bad.json").write_text("{")
    shown = bench("leaderboard", "--results", results, "--json")
    assert shown.exit_code == 0
    assert len(json.loads(shown.stdout)["sections"]) == 1
    assert shown.stderr.count("bad.json is not JSON") == 1
    bench("leaderboard", "--results", results, "--output", "table.md")
    checked = bench("leaderboard", "--results", results, "--output", "table.md", "--check")
    assert checked.exit_code == 1
    assert "holds results that cannot be used" in checked.stderr


def test_speeds_stand_behind_the_results(
    bench: Bench, results: Path, make_speeds: Callable[..., SpeedRecord], tmp_path: Path
) -> None:
    alone = bench("leaderboard", "--results", results).stdout
    path = write_speeds(results / "speeds", make_speeds())
    shown = bench("leaderboard", "--results", results).stdout
    assert shown.startswith(alone)
    assert "NVIDIA H200, PyTorch 2.11.0+cu130" in shown
    path.write_text("{}")
    damaged = bench("leaderboard", "--results", results)
    assert damaged.stdout == alone
    assert f"Warning: {path} is no record of speeds" in damaged.stderr
    options = ["leaderboard", "--results", results, "--output", "table.txt"]
    assert bench(*options).exit_code == 0
    assert bench(*options, "--check").exit_code == 1


def test_published_numbers_that_cannot_be_read_are_named_and_fail_the_check(
    bench: Bench, results: Path
) -> None:
    shutil.copytree(shipped_folder(), results / "published")
    options = ["leaderboard", "--results", results, "--output", "a.md"]
    assert bench(*options).exit_code == 0
    assert "## Published numbers" in Path("a.md").read_text()
    assert bench(*options, "--check").exit_code == 0
    path = results / "published" / "tables" / "caj-repository.csv"
    path.write_text(path.read_text().replace("85.03", "185.03"))
    checked = bench(*options, "--check")
    assert checked.exit_code == 1
    assert f"Warning: {path}:2: values: rank-1 is 185.03" in checked.stderr
    assert bench(*options).exit_code == 0
    assert "185.03" not in Path("a.md").read_text()
    assert "holds results that cannot be used" in bench(*options, "--check").stderr
