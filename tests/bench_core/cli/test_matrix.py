"""`bench matrix`: from a file to records, past failures, and what it shows."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from bench_core.contracts.result import ResultRecord

Bench = Callable[..., Result]
ReadResults = Callable[[Path], list[ResultRecord]]
TEXT = """
methods = ["xiv:baseline"]
protocols = ["sysu-all-single", "sysu-indoor-single"]
seeds = [0, 1]
data = "{root}"

[set]
epochs = 1
sampling.steps_per_epoch = 2
sampling.identities = 4
sampling.images = 2
image_height = 32
image_width = 16
"""


@pytest.fixture
def matrix(sysu_root: Path, tmp_path: Path) -> Path:
    path = tmp_path / "some.toml"
    path.write_text(TEXT.format(root=sysu_root))
    return path


def _is_narrow(text: str) -> bool:
    return max(map(len, text.splitlines())) <= 80


@pytest.mark.slow
def test_what_is_there_is_not_run_again(
    bench: Bench,
    matrix: Path,
    jobs_in_this_process: list[tuple[str, ...]],
    tmp_path: Path,
    read_results: ReadResults,
) -> None:
    planned = bench("matrix", matrix, "--dry-run")
    assert planned.exit_code == 0, planned.stderr
    assert "0 of 4 cells are done; 0 of 2 trainings are there, 2 are needed" in planned.stdout
    assert "Trainings take about" in planned.stdout
    assert _is_narrow(planned.stdout)
    assert not jobs_in_this_process

    done = bench("matrix", matrix)
    assert done.exit_code == 0, done.stderr
    assert [arguments[0] for arguments in jobs_in_this_process] == ["train", "run", "run"] * 2
    assert "100%" in done.stderr
    assert len(read_results(tmp_path / "results")) == 4
    assert "over the trials of a seed" in " ".join(done.stdout.split())
    assert _is_narrow(done.stdout[done.stdout.index("All with") :])  # jobs print before it, here

    swept = matrix.with_name("swept.toml")
    swept.write_text(matrix.read_text().replace("epochs = 1", "epochs = [1, 2]"))
    picture = bench("matrix", swept, "--plot", "sweep.svg")
    assert picture.exit_code == 0, picture.stderr
    assert "not in the picture: 4 cells have no result yet" in picture.stderr
    assert Path("sweep.svg").read_text().count("epochs") == 2

    jobs_in_this_process.clear()
    again = json.loads(bench("matrix", matrix, "--json").stdout)
    assert not jobs_in_this_process
    assert {cell["state"] for cell in again["cells"]} == {"done"}
    assert [row["seeds"] for row in again["over_seeds"]] == [[0, 1], [0, 1]]

    Path(again["cells"][1]["result"]).unlink()
    matrix.write_text(matrix.read_text().replace("[0, 1]", "[0, 1, 2]"))
    estimated = json.loads(bench("matrix", matrix, "--dry-run", "--json").stdout)
    needed = [training for training in estimated["trainings"] if training["needed"]]
    (record, *_) = read_results(tmp_path / "results")
    seconds = [r.cost.training_seconds for r in read_results(tmp_path / "results")]
    assert record.cost.training_seconds is not None
    assert [training["state"] for training in needed] == ["to do"]
    assert min(map(float, seconds)) <= needed[0]["estimated_seconds"] <= max(map(float, seconds))
    assert bench("matrix", matrix).exit_code == 0
    # The cell whose record is gone is scored with the model that is there.
    assert [words[0] for words in jobs_in_this_process] == ["run", "train", "run", "run"]


@pytest.mark.slow
def test_a_failed_cell_is_named_and_the_rest_goes_on(
    bench: Bench, matrix: Path, jobs_in_this_process: list[tuple[str, ...]]
) -> None:
    text = matrix.read_text().replace("[0, 1]", "[0]")
    matrix.write_text(text + "optimizer.learning_rate = [1e30, 1e-3]\n")
    result = bench("matrix", matrix)
    assert result.exit_code == 1
    assert "Failed: training xiv:baseline, seed 0: a loss is not finite" in result.stderr
    words = " ".join(result.stdout.split())
    assert "cells 1, 2, failed: a loss is not finite" in words
    assert "2 of 4 cells are done, 2 failed; 1 of 2 trainings are there" in words
    (log,) = [line.split()[1] for line in result.stdout.splitlines() if line.startswith("log ")]
    assert "not finite" in Path(log).read_text()
    status = bench("matrix", matrix, "--status", "--json")
    assert status.exit_code == 0
    states = [cell["state"] for cell in json.loads(status.stdout)["cells"]]
    assert states == ["failed", "failed", "done", "done"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--status", "--dry-run"), "--dry-run and --status exclude each other"),
        (("--submit",), "--submit is for a cluster"),
        (("--cancel",), "--cancel is for jobs of a cluster"),
        (("--over", "epochs"), "--over chooses what --plot shows; add --plot FILE"),
        (("--plot", "a.gif"), "--plot a.gif: a picture is a .png or .svg"),
        (("--plot", "a.svg", "--status"), "--status and --plot exclude each other"),
        (("--plot", "a.svg"), "no setting of this matrix has several"),
    ],
)
def test_options_that_do_nothing_are_refused(
    options: tuple[str, ...], said: str, bench: Bench, matrix: Path
) -> None:
    result = bench("matrix", matrix, *options)
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_defective_record_is_named(bench: Bench, matrix: Path, tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "broken.json").write_text("{")
    result = bench("matrix", matrix, "--status")
    assert result.exit_code == 0
    assert "Warning: results/broken.json is not JSON" in result.stderr
    assert "to do" in result.stdout


def test_the_results_of_this_repository_are_listed_by_a_dry_run(
    bench: Bench, sysu_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a small tree, and without timing a training of each method."""
    own = Path(__file__).parents[3] / "results" / "matrix.toml"
    path = tmp_path / "matrix.toml"
    path.write_text(f'data = "{sysu_root}"\n{own.read_text()}')
    estimates = "bench_core.pipeline.matrix.estimates.estimate_trainings"
    monkeypatch.setattr(estimates, lambda *_: {})
    result = bench("matrix", path, "--dry-run")
    assert result.exit_code == 0, result.stderr
    counts = r"0 of (\d+) cells are done; 0 of (\d+) trainings are there, (\d+) are needed"
    found = re.search(counts, result.stdout)
    assert found is not None
    cells, trainings, needed = map(int, found.groups())
    assert cells > trainings == needed > 0
    for name in ("xiv:baseline-x", "aligngan", "ddag", "jsia:baseline", "ts-gan:backbone"):
        assert name in result.stdout
    assert _is_narrow(result.stdout)
