"""`bench submit`: a checked result becomes the files of a pull request, which is checked again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from bench_core.features.table import FeatureTable, write_features
from bench_core.results.store import query_scores_path, with_digest

Bench = Callable[..., Result]
Record = Callable[..., Path]

HOSTILE = "=x | <b>y</b>"


def error_of(result: Result, code: int = 1) -> str:
    assert result.exit_code == code, result.output
    line: str = result.stderr.splitlines()[-1]
    assert line.startswith("Error: ")
    return line


@pytest.fixture
def record(features: FeatureTable, bench: Bench, sysu_root: Path) -> Record:
    """Record features, raised to a power that decides how good they are, in a folder."""

    def make(name: str, power: int = 1, *more: str, folder: str = "results") -> Path:
        path = Path(f"made/{name.strip('=<>/| ')[:1]}{power}.npz")
        write_features(path, replace(features, features=features.features**power))
        before = set(Path(folder).rglob("*.json"))
        options = ["--record", "--name", name, "--results", folder, "--features", path, *more]
        result = bench("eval", "--protocol", "sysu-all-single", *options, "--data", sysu_root)
        assert result.exit_code == 0, result.output
        (written,) = set(Path(folder).rglob("*.json")) - before
        return written

    return make


@pytest.fixture
def base(record: Record) -> Path:
    """A checkout with one result."""
    record("Old", 3, folder="base/results")
    return Path("base")


@pytest.fixture
def head(record: Record, base: Path, sysu_root: Path) -> Path:
    """The same with one result more, whose features are attached."""
    shutil.copytree(base, "head")
    record("New", 1, folder="head/results")
    write_attached(Path("made/N1.npz"))
    return Path("head")


def write_attached(features: Path) -> None:
    Path("head/features").mkdir(exist_ok=True)
    shutil.copy(features, "head/features/any-name.npz")


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(with_digest(document)))


def test_the_files_of_a_pull_request_are_written(bench: Bench, record: Record) -> None:
    record("Old", 3)
    path = record(HOSTILE, 1, "--rerank", folder="mine")
    result = bench("submit", path, "--output", "request")
    assert result.exit_code == 0, result.output
    assert "features from outside" in result.stdout
    written = Path("request") / "results" / path.relative_to("mine")
    assert written.read_bytes() == path.read_bytes()
    assert query_scores_path(written).read_bytes() == query_scores_path(path).read_bytes()
    text = Path("request/pull_request.md").read_text()
    assert r"# A result: \=x \| \<b\>y\</b\> + re-ranking" in text
    assert "<b>" not in text
    assert "- re-ranked" in text
    assert "- synthetic people, which compare with nothing published" in text
    assert "## Tables that change" in text
    (row,) = [line for line in text.splitlines() if "| new " in line]
    assert "| r1 |" in " ".join(row.split())
    assert "no duplicate among 1 other results" in text
    assert "| recomputed | no" in text
    assert not Path("request/features").exists()


def test_features_prove_a_result_and_are_attached_where_asked(
    bench: Bench, record: Record, sysu_root: Path
) -> None:
    path = record("Theirs")
    options = ["submit", path, "--features", "made", "--splits", sysu_root]
    result = bench(*options, "--output", "request", "--attach", "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["records"][0]["recomputed"] is True
    assert "recomputed from its features" in document["records"][0]["checked"][-1]
    assert document["tables"][0]["rows"][0]["change"] == "new"
    assert len(document["files"]) == 4
    (attached,) = Path("request/features").iterdir()
    assert attached.read_bytes() == Path("made/T1.npz").read_bytes()
    assert "| yes, to the last digit" in Path("request/pull_request.md").read_text()
    edit(path, lambda record: record["scores"].update(iccs=0.5))
    assert "scores: iccs is 0.5" in error_of(bench(*options, "--output", "other"))
    assert not Path("other").exists()


def test_a_check_writes_nothing(bench: Bench, record: Record) -> None:
    path = record("Theirs")
    before = sorted(Path().rglob("*"))
    result = bench("submit", path, "--check")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"checked {path}: Theirs; synthetic people")
    assert sorted(Path().rglob("*")) == before


def test_duplicates_are_refused(bench: Bench, record: Record) -> None:
    path = record("Theirs")
    shutil.copytree("results", "copy")
    other = Path("copy") / path.relative_to("results")
    line = error_of(bench("submit", other, "--output", "request"))
    assert f"{path} holds this result already" in line
    assert f"{path} and {other} hold the same run" in error_of(
        bench("submit", path, other, "--check")
    )
    renamed = record("Renamed", folder="mine")
    line = error_of(bench("submit", renamed, "--check"))
    assert f"{path} (Theirs) is of the same features under the same protocol" in line
    assert not Path("request").exists()


def test_every_problem_is_a_line(bench: Bench, record: Record) -> None:
    path = record("Theirs")
    edit(path, lambda document: document["dataset"].update(synthetic=False))
    result = bench("submit", path, "--output", "request")
    error_of(result)
    assert len(result.stderr.splitlines()) == 2
    assert "sysu-all-single has 3,803 queries, and the record" in result.stderr
    assert "has 301 gallery images, and a trial of the record" in result.stderr
    assert not Path("request").exists()


def test_records_that_are_none_are_one_line(bench: Bench, record: Record) -> None:
    path = record("Theirs")
    text = path.read_text()
    for changed, message in (
        (text[: len(text) // 2], "is not JSON"),
        (text.replace('"iccs": 0.', '"iccs": 0,', 1), "is not JSON"),
        (text.replace('"iccs": ', '"iccs": NaN, "_": ', 1), "is not a result record"),
        (text.replace('"seed": null', '"seed": "0,5"', 1), "is not a result record"),
        (text.replace('"iccs": 0', '"iccs": -0', 1), "its digest differs"),
    ):
        assert changed != text
        path.write_text(changed)
        result = bench("submit", path, "--output", "request")
        assert message in error_of(result)
        assert len(result.stderr.splitlines()) == 1
    assert not Path("request").exists()


def test_a_folder_that_cannot_be_written_is_named(bench: Bench, record: Record) -> None:
    path = record("Theirs")
    Path("file").write_text("")
    for place in ("file/below", "/proc/request"):
        line = error_of(bench("submit", path, "--output", place))
        assert f"cannot write {place}" in line
    assert "exists and is not an empty folder" in error_of(
        bench("submit", path, "--output", "made"), 2
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "give --output DIR, a new folder, or --check"),
        (["--check"], "name a RESULT"),
        (["a.json", "--check", "--output", "o"], "--check writes nothing"),
        (["a.json", "--check", "--attach"], "--attach needs --features PATH and --output DIR"),
        (["a.json", "--check", "--splits", "."], "--splits . goes with --features PATH"),
        (["a.json", "--check", "--features", "no"], "--features no: there is no such file"),
        (["a.json", "--check", "--results", "no"], "--results no is not a folder"),
        (["a.json", "--changes", ".", "."], "a.json does nothing beside --changes"),
        (["--changes", ".", ".", "--check"], "--check does nothing beside --changes"),
        (["--changes", ".", "nowhere"], "--changes: nowhere is not a folder"),
    ],
)
def test_what_is_wrong_with_the_options_is_one_line(
    bench: Bench, options: list[str], message: str
) -> None:
    assert message in error_of(bench("submit", *options), 2)


def test_what_a_pull_request_changes_is_checked_recomputed_and_told(
    bench: Bench, base: Path, head: Path, sysu_root: Path
) -> None:
    options = ["submit", "--changes", base, head, "--splits", sysu_root]
    result = bench(*options)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("# What changes in the leaderboard\n\n## Tables that change")
    assert "## New, sysu-all-single" in result.stdout
    assert "## Old, sysu-all-single" not in result.stdout
    assert "- recomputed from its features: every score is the same" in result.stdout
    assert "## Notes" not in result.stdout
    write_attached(Path("made/O3.npz"))
    result = bench(*options)
    assert result.exit_code == 0, result.output
    assert "head/features/any-name.npz holds no features of a result" in result.stdout
    assert "| recomputed | no" in result.stdout


def test_attached_features_must_give_their_result(
    bench: Bench, base: Path, head: Path, sysu_root: Path
) -> None:
    options = ["submit", "--changes", base, head, "--splits", sysu_root]
    (path,) = Path("head/results").rglob("New*.json")
    edit(path, lambda document: document["scores"].update(iccs=0.5))
    result = bench(*options)
    assert error_of(result) == "Error: head: a problem, named above"
    assert "## Problems" in result.stdout
    assert "scores: iccs is 0.5 and the features give" in result.stdout
    shown = json.loads(bench(*options, "--json").stdout)
    assert len(shown["records"][0]["problems"]) == 1


def test_a_damaged_record_in_a_pull_request_is_a_problem(
    bench: Bench, base: Path, record: Record
) -> None:
    shutil.copytree(base, "head")
    Path("head/results/sysu-all-single/a.json").write_text('{"schema_version": 3')
    result = bench("submit", "--changes", base, "head")
    assert "head: a problem" in error_of(result)
    assert r"head/results/sysu-all-single/a.json is not JSON" in result.stdout
    assert "No result is new, changed or gone." in result.stdout


def test_empty_results_change_nothing(bench: Bench) -> None:
    Path("base/results").mkdir(parents=True)
    Path("head").mkdir()
    result = bench("submit", "--changes", "base", "head")
    assert result.exit_code == 0, result.output
    assert "No result is new, changed or gone." in result.stdout
