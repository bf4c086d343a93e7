"""`bench leaderboard --verify`: rows that proved themselves are marked, false ones kept out."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from bench_core.features.table import FeatureTable, write_features
from bench_core.results.store import with_digest

Bench = Callable[..., Result]

MARKED = {
    "table": "Theirs [f,v]",
    "markdown": "Theirs [f,v]",
    "latex": "Theirs [f,v]",
    "html": '"marks":["f","v"]',
}


@pytest.fixture
def recorded(features: FeatureTable, bench: Bench, sysu_root: Path) -> Path:
    """Two results: one of attached/one.npz, one whose features are not at hand."""
    for name, factor in (("Theirs", 1), ("Lost", 2)):
        changed = FeatureTable(
            features=features.features**factor, table=features.table, metric=features.metric
        )
        path = Path(f"{name}.npz")
        write_features(path, changed)
        options = ["--record", "--name", name, "--features", path, "--data", sysu_root]
        assert bench("eval", "--protocol", "sysu-all-single", *options).exit_code == 0
        path.unlink()
    write_features(Path("attached/one.npz"), features)
    (path,) = Path("results").rglob("Theirs*.json")
    return path


def test_every_format_marks_the_rows_that_were_recomputed(
    bench: Bench, recorded: Path, sysu_root: Path
) -> None:
    options = ["leaderboard", "--verify", "attached", "--splits", sysu_root, "--format"]
    for name, mark in MARKED.items():
        result = bench(*options, name)
        assert result.exit_code == 0, result.output
        assert "recomputed 1 of 2 results" in result.stderr
        text = result.stdout.replace("\N{NO-BREAK SPACE}", " ")
        assert mark in text, name
        assert "Lost [f,v]" not in text
        assert "the same scores to the last digit" in " ".join(text.split())
    rows = list(csv.DictReader(io.StringIO(bench(*options, "csv").stdout)))
    measured = {row["title"]: row for row in rows if row["kind"] == "measured"}
    assert {name: row["recomputed"] for name, row in measured.items()} == {
        "Theirs": "True",
        "Lost": "False",
    }
    assert measured["Theirs"]["disclosed"] == "features from outside"
    (section,) = json.loads(bench(*options, "json").stdout)["sections"]
    assert {row["title"]: row["recomputed"] for row in section["rows"]} == {
        "Theirs": True,
        "Lost": False,
    }


def test_parquet_has_a_column_of_flags(bench: Bench, recorded: Path, sysu_root: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra parquet is not installed")
    options = ["leaderboard", "--verify", "attached", "--splits", sysu_root]
    assert bench(*options, "--output", "a.parquet").exit_code == 0
    table = parquet.read_table("a.parquet").to_pylist()
    assert {row["title"]: row["recomputed"] for row in table} == {"Theirs": True, "Lost": False}


def test_without_the_option_nothing_is_marked(bench: Bench, recorded: Path) -> None:
    assert "[f]" in bench("leaderboard").stdout
    assert ",v]" not in bench("leaderboard").stdout


def test_a_result_that_its_features_do_not_give_is_named_and_kept_out(
    bench: Bench, recorded: Path, sysu_root: Path
) -> None:
    document = json.loads(recorded.read_text())
    document["scores"]["iccs"] = 0.5
    recorded.write_text(json.dumps(with_digest(document)))
    options = ["leaderboard", "--verify", "attached", "--splits", sysu_root]
    result = bench(*options)
    assert result.exit_code == 0, result.output
    assert f"Warning: {recorded} is not what its features give: scores: iccs" in result.stderr
    assert "Theirs" not in result.stdout
    assert "Lost" in result.stdout
    checked = bench(*options, "--check")
    assert checked.exit_code == 1
    assert checked.stdout == ""
    assert "results holds results that cannot be used, named above" in checked.stderr


def test_features_without_their_split_files_leave_a_row_unmarked(
    bench: Bench, features: FeatureTable, splits: Path
) -> None:
    write_features(Path("attached/one.npz"), features)
    options = ["--record", "--name", "Theirs", "--features", "attached/one.npz", "--real"]
    bench("eval", "--protocol", "sysu-all-single", *options, "--splits", splits)
    result = bench("leaderboard", "--verify", "attached")
    assert result.exit_code == 0, result.output
    assert "Note: results/sysu-all-single/Theirs" in result.stderr
    assert "name them with --splits" in result.stderr
    assert "recomputed 0 of 1 results" in result.stderr
    assert "Theirs [f,1]" in result.stdout
    found = bench("leaderboard", "--verify", "attached", "--splits", splits, "--check")
    assert found.exit_code == 0, found.output
    assert "recomputed 1 of 1 results" in found.stderr


def test_an_empty_results_folder_has_nothing_to_recompute(bench: Bench) -> None:
    Path("empty").mkdir()
    Path("attached").mkdir()
    result = bench("leaderboard", "--results", "empty", "--verify", "attached")
    assert result.exit_code == 0, result.output
    assert "recomputed 0 of 0 results" in result.stderr
    assert "There are no results yet" in result.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--verify", "nowhere"], "--verify nowhere is not a folder"),
        (["--verify", "file"], "--verify file is not a folder"),
        (["--splits", "."], "--splits . goes with --verify DIR"),
        (["--verify", ".", "--splits", "file"], "--splits file is not a folder"),
        (["--check"], "or --verify DIR"),
    ],
)
def test_what_is_wrong_with_the_options_is_one_line(
    bench: Bench, options: list[str], message: str
) -> None:
    Path("file").write_text("")
    Path("results").mkdir()
    result = bench("leaderboard", *options)
    assert result.exit_code == 2
    assert message in result.stderr.splitlines()[-1]


def test_where_the_leaderboard_is_installed_alone_it_is_said_what_is_missing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("results").mkdir()
    import bench_core.verification

    monkeypatch.setitem(sys.modules, "bench_core.verification.records", None)
    monkeypatch.delattr(bench_core.verification, "records", raising=False)
    result = bench("leaderboard", "--verify", ".")
    assert result.exit_code == 2
    assert "--verify scores features, for which " in result.stderr
    assert "install all that vireid-bench requires" in result.stderr
