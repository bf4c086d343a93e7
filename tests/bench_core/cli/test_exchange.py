"""`bench data export` and `bench data import`, as a user sees them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from bench_core.contracts.result import ResultRecord

Bench = Callable[..., Result]


def error_of(result: Result, exit_code: int) -> str:
    """Return the one error line of a failed command."""
    assert result.exit_code == exit_code, result.output
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    return line


def test_arrays_go_out_and_come_in(bench: Bench, sysu_root: Path) -> None:
    size = ("--image-size", "32x16")
    out = bench("data", "export", "agw-npy", "arrays", "--data", sysu_root, *size, "--json")
    exported = json.loads(out.stdout)
    assert exported["image_size"] == [32, 16]
    assert exported["images"] == 142
    assert "writing train_rgb_resized_img.npy" in out.stderr
    made = bench("data", "import", "agw-npy", "arrays", "root", "--splits", sysu_root, *size)
    assert made.stdout.splitlines() == [
        "agw-npy  root",
        "142 images of sysu-mm01, synthetic people",
        "note  training images are pixels of arrays of 32x16, not the files of the dataset",
        "note  file names count the images of a person and camera from 0001, whatever they were",
    ]
    checked = bench("data", "verify", "root")
    assert "PROBLEM  imported (1)" in checked.stdout
    again = bench("data", "export", "agw-npy", "again", "--data", "root", *size)
    assert "Error: root is not exported, as its users would inherit" in again.stderr


@pytest.mark.slow
def test_a_record_says_that_training_came_from_arrays(
    bench: Bench,
    sysu_root: Path,
    small_run: list[str],
    tmp_path: Path,
    read_results: Callable[[Path], list[ResultRecord]],
) -> None:
    size = ("--image-size", "32x16")
    bench("data", "export", "agw-npy", "arrays", "--data", sysu_root, *size)
    bench("data", "import", "agw-npy", "arrays", "root", "--splits", sysu_root, *size)
    run = [word.replace(str(sysu_root), "root") for word in small_run]
    line = error_of(bench("run", *run), 1)
    assert "can be trained on, not scored" in line
    assert not (tmp_path / "runs").exists()  # known before anything was trained
    for person in (sysu_root / "exp" / "test_id.txt").read_text().split(","):
        for folder in sysu_root.glob(f"cam?/{int(person):04d}"):
            shutil.copytree(folder, Path("root") / folder.relative_to(sysu_root))
    assert bench("run", *run).exit_code == 0
    (record,) = read_results(tmp_path / "results")
    (finding,) = record.dataset.findings
    assert finding.startswith("imported: training images are pixels of arrays of 32x16, not the")


def test_unknown_formats_get_a_suggestion(bench: Bench, sysu_root: Path) -> None:
    for command in (
        ("export", "markt", "out", "--data", sysu_root),
        ("import", "markt", sysu_root, "out"),
    ):
        line = error_of(bench("data", *command), 2)
        assert "unknown format 'markt'; did you mean 'market'?" in line


def test_a_folder_of_something_else_is_refused(bench: Bench, sysu_root: Path) -> None:
    Path("out").mkdir()
    Path("out/mine").touch()
    for command in (
        ("export", "market", "out", "--data", sysu_root),
        ("import", "market", sysu_root, "out"),
    ):
        line = error_of(bench("data", *command), 2)
        assert line == "Error: out exists and is not an empty folder: name another or remove it"
