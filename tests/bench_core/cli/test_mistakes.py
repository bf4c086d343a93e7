"""A user's mistake: one `Error:` line that names it and the way out, exit 1 or 2, no traceback."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Bench = Callable[..., Result]


def error_of(result: Result, exit_code: int) -> str:
    """Return the one error line of a failed command."""
    assert result.exit_code == exit_code, result.output
    lines = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1, result.stderr
    assert "Traceback" not in result.output
    return lines[0]


@pytest.fixture
def broken_root(sysu_root: Path, tmp_path: Path) -> Path:
    """A copy of the dataset that a test may damage."""
    return Path(shutil.copytree(sysu_root, tmp_path / "broken"))


@pytest.mark.parametrize(
    ("changes", "exit_code", "expected"),
    [
        (["--method", "xvi"], 2, "unknown method 'xvi'; did you mean 'xiv'?"),
        (["--method", "xiv:baselin"], 2, "unknown variant of xiv 'baselin'; did you mean"),
        (["--protocol", "sysu-all-singel"], 2, "did you mean 'sysu-all-single'?"),
        (["--preset", "papr"], 2, "unknown preset of xiv 'papr'; did you mean 'paper'?"),
        (["--seed", "9" * 23], 2, "--seed"),
        (["--set", "epocs=1"], 2, "unknown configuration key 'epocs'; did you mean 'epochs'?"),
        (["--set", "label_smoothing=abc"], 2, '--set label_smoothing="abc"'),
        (
            ["--set", "last_stride=2"],
            2,
            "--set last_stride=2: an option of backbone=resnet50 alone",
        ),
        (["--set", "last_stride"], 2, "--set last_stride: expected key=value"),
        (["--select", "test"], 2, "'test' is not one of 'last', 'validation'"),
        (["--device", "tpu"], 2, "--device tpu: expected auto, cpu, cuda"),
        (["--device", "cuda:99"], 2, "--device cuda:99"),
        (["--weights", "nowhere.pth"], 2, "--weights nowhere.pth: no such file"),
        (["--data", "nowhere"], 1, "--data nowhere is not a folder"),
        (["--data", "."], 1, "is not SYSU-MM01: expected the folders cam1 ... cam6 and exp/"),
    ],
)
def test_wrong_options(
    bench: Bench, small_run: list[str], changes: list[str], exit_code: int, expected: str
) -> None:
    assert expected in error_of(bench("run", *small_run, *changes), exit_code)


def test_a_convention_that_the_protocol_does_not_define(bench: Bench, small_run: list[str]) -> None:
    small_run[3] = "sysu-all-multi"
    line = error_of(bench("run", *small_run, "--convention", "agw"), 2)
    assert "sysu-all-multi defines only official" in line


def test_an_unknown_option_is_wrong_usage(bench: Bench) -> None:
    assert bench("run", "--protocl", "x").exit_code == 2


@pytest.mark.parametrize("name", ["train_id", "val_id", "test_id"])
def test_missing_and_empty_id_files(
    bench: Bench, small_run: list[str], broken_root: Path, name: str
) -> None:
    for suffix in (".txt", ".mat"):
        (broken_root / "exp" / f"{name}{suffix}").unlink()
    assert name in error_of(bench("run", *small_run, "--data", broken_root), 1)
    (broken_root / "exp" / f"{name}.txt").write_text("\n")
    line = error_of(bench("run", *small_run, "--data", broken_root), 1)
    assert f"{name}.txt" in line


def test_an_identity_in_train_and_test(
    bench: Bench, small_run: list[str], broken_root: Path
) -> None:
    exp = broken_root / "exp"
    (exp / "train_id.mat").unlink()
    first = (exp / "test_id.txt").read_text().split(",")[0].strip()
    with (exp / "train_id.txt").open("a") as file:
        file.write(f",{first}")
    line = error_of(bench("run", *small_run, "--data", broken_root), 1)
    assert f"identity {int(first)}" in line
    assert "train_id" in line
    assert "test_id" in line


@pytest.mark.parametrize("damage", ["truncated", "empty", "text"])
def test_a_damaged_image_is_named_before_training(
    bench: Bench, small_run: list[str], broken_root: Path, damage: str
) -> None:
    image = sorted(broken_root.glob("cam4/*/*.jpg"))[-1]
    content = image.read_bytes()
    image.write_bytes(
        {"truncated": content[: len(content) // 2], "empty": b"", "text": b"no image"}[damage]
    )
    result = bench("run", *small_run, "--data", broken_root)
    assert str(image) in error_of(result, 1)
    assert "training" not in result.stderr


@pytest.mark.slow
def test_official_galleries_without_their_permutation_file(
    bench: Bench, small_run: list[str], broken_root: Path
) -> None:
    (broken_root / "exp" / "rand_perm_cam.mat").unlink()
    line = error_of(bench("run", *small_run, "--data", broken_root), 1)
    assert "rand_perm_cam.mat" in line
    assert "wuancong/SYSU-MM01" in line
    result = bench("run", *small_run, "--data", broken_root, "--convention", "agw")
    assert result.exit_code == 0, result.stderr


@pytest.mark.slow
def test_a_full_disk_keeps_the_old_result(
    bench: Bench, small_run: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bench("run", *small_run).exit_code == 0
    (path,) = (tmp_path / "results").rglob("*.json")
    before = path.read_bytes()

    sync = os.fsync

    def full(descriptor: int) -> None:
        if str(tmp_path / "results") in str(Path(f"/proc/self/fd/{descriptor}").readlink()):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    line = error_of(bench("run", *small_run), 1)
    assert "No space left on device" in line
    assert path.stem in line
    assert path.read_bytes() == before
    assert {entry.name for entry in path.parent.iterdir()} == {
        path.name,
        f"{path.stem}.queries.npz",
    }


def test_a_model_of_other_data_is_not_scored(
    bench: Bench, small_run: list[str], broken_root: Path, tmp_path: Path
) -> None:
    assert bench("train", *small_run).exit_code == 0
    (model,) = (tmp_path / "runs").rglob("model.safetensors")
    next(broken_root.glob("cam1/*/*.jpg")).unlink()
    options = ["--protocol", "sysu-all-single", "--output", "features.npz"]
    line = error_of(bench("extract", "--model", model, "--data", broken_root, *options), 1)
    assert "was trained on sysu-mm01" in line


def test_files_that_are_no_checkpoint_or_features(
    bench: Bench, sysu_root: Path, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.npz"
    wrong.write_text("nothing")
    protocol = ["--protocol", "sysu-all-single", "--data", sysu_root]
    for model in (wrong, tmp_path / "nowhere"):
        line = error_of(bench("extract", "--model", model, *protocol, "--output", "f.npz"), 1)
        assert str(model) in line
    line = error_of(bench("extract", "--model", wrong, *protocol, "--output", "f.txt"), 2)
    assert "ends in .npz" in line
    for features in (wrong, tmp_path / "nowhere"):
        assert str(features) in error_of(bench("eval", "--features", features, *protocol), 1)


def test_eval_needs_splits_or_data(bench: Bench, tmp_path: Path) -> None:
    options = ["--protocol", "sysu-all-single", "--features", "f.npz"]
    assert "--splits DIR or --data ROOT" in error_of(bench("eval", *options), 2)
    both = ["--splits", tmp_path, "--data", tmp_path]
    assert "one of the two" in error_of(bench("eval", *options, *both), 2)


def test_a_broken_result_is_named_and_fails_the_check(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "results" / "sysu-all-single" / "x.json"
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    result = bench("leaderboard", "--output", "a.md")
    assert result.exit_code == 0
    assert result.stderr.startswith(f"Warning: {path.relative_to(tmp_path)} is not a result record")
    line = error_of(bench("leaderboard", "--output", "a.md", "--check"), 1)
    assert "results holds results that cannot be used, named above" in line
    assert path.name in error_of(bench("compare", path, path), 1)


def test_check_needs_a_file_and_fails_on_an_old_one(bench: Bench, tmp_path: Path) -> None:
    assert "--check needs --output" in error_of(bench("leaderboard", "--check"), 2)
    old = tmp_path / "leaderboard.md"
    old.write_text("old\n")
    assert "leaderboard.md" in error_of(bench("leaderboard", "--check", "--output", old), 1)
    assert bench("leaderboard", "--output", old).exit_code == 0
    assert bench("leaderboard", "--check", "--output", old).exit_code == 0


def test_what_would_fail_after_the_training_fails_before_it(
    bench: Bench, small_run: list[str], broken_root: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    result = bench("run", *small_run, "--results", tmp_path / "file" / "results")
    assert "file" in error_of(result, 1)
    assert "training" not in result.stderr
    (broken_root / "exp" / "rand_perm_cam.mat").unlink()
    result = bench("run", *small_run, "--data", broken_root)
    assert "rand_perm_cam.mat" in error_of(result, 1)
    assert "training" not in result.stderr


def test_a_listed_identity_without_images(
    bench: Bench, small_run: list[str], broken_root: Path
) -> None:
    first = int((broken_root / "exp" / "train_id.txt").read_text().split(",")[0])
    for folder in broken_root.glob(f"cam*/{first:04d}"):
        shutil.rmtree(folder)
    line = error_of(bench("run", *small_run, "--data", broken_root), 1)
    assert f"the first is {first}" in line


def test_an_identity_without_infrared_images(
    bench: Bench, small_run: list[str], broken_root: Path
) -> None:
    first = int((broken_root / "exp" / "train_id.txt").read_text().split(",")[0])
    for camera in (3, 6):
        shutil.rmtree(broken_root / f"cam{camera}" / f"{first:04d}", ignore_errors=True)
    line = error_of(bench("run", *small_run, "--data", broken_root), 1)
    assert f"have no infrared image, the first is identity {first}" in line


@pytest.mark.parametrize("value", ["true", '"3"', "1.5", "[3]"])
def test_a_wrong_type_is_not_converted(bench: Bench, small_run: list[str], value: str) -> None:
    small_run = [word for word in small_run if word != "epochs=2"]
    small_run.remove("--set")
    assert "--set epochs=" in error_of(bench("run", *small_run, "--set", f"epochs={value}"), 2)


def test_a_cache_that_cannot_be_written(
    bench: Bench, small_run: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("VIREID_BENCH_CACHE", str(tmp_path / "file"))
    for command in (["run", *small_run], ["run", *small_run[:4]]):
        assert f"VIREID_BENCH_CACHE={tmp_path / 'file'} is a file" in error_of(bench(*command), 1)


def test_a_results_folder_that_is_not_there(bench: Bench) -> None:
    line = error_of(bench("leaderboard", "--results", "nowhere"), 2)
    assert "--results nowhere: there is no such folder" in line


def test_contradicting_formats_are_refused(bench: Bench) -> None:
    assert "contradict" in error_of(bench("leaderboard", "--json", "--format", "csv"), 2)


def test_the_default_preset_follows_the_data(
    bench: Bench, small_run: list[str], broken_root: Path
) -> None:
    options = [*small_run[: small_run.index("--preset")], "--set", "epochs=0"]
    line = f"Using the preset 'quick', as {small_run[5]} holds synthetic people; --preset changes"
    assert line in bench("train", *options).stderr
    for marker in broken_root.rglob("synthetic.json"):
        marker.unlink()
    options[5] = str(broken_root)
    line = f"Using the preset 'paper', as {broken_root} holds real people; --preset changes it."
    assert line in bench("train", *options).stderr


def test_text_of_a_file_forges_no_second_error(bench: Bench, sysu_root: Path) -> None:
    line = error_of(bench("compare", "a\nError: all is lost\x1b[2J", "b"), 1)
    assert r"a Error: all is lost\x1b[2J" in line


def test_doctor_writes_into_the_cache_before_it_calls_it_right(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, *_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    monkeypatch.setenv("VIREID_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(Path, "touch", refuse)  # as root, permissions hinder nothing
    result = bench("doctor")
    assert "problems with cache" in error_of(result, 1)
    assert "Permission denied" in " ".join(result.stdout.split())
