"""Whole datasets: the tree, the split files, and how a generation ends."""

from __future__ import annotations

import errno
import json
import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from bench_core.cli.main import build_cli
from bench_core.contracts.dataset import SCALES, DatasetSpec
from bench_core.contracts.errors import BenchError, PluginError, UsageError
from bench_core.plugins import Registry
from bench_core.synthetic import generate, generation
from bench_core.synthetic.layouts import load_layout
from bench_core.system.files import folder_written_whole

SEED = 3


@pytest.fixture
def sysu(registry: Registry) -> DatasetSpec:
    return registry.dataset("sysu-mm01")


@pytest.fixture
def tiny_root(tiny_people: Callable[[str], Path]) -> Path:
    return tiny_people("sysu-mm01")


def contents(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def test_the_root_says_that_it_is_synthetic(tiny_root: Path) -> None:
    marker = json.loads((tiny_root / "synthetic.json").read_text())
    assert marker["generator"] == 2
    assert (marker["layout"], marker["scale"], marker["seed"]) == ("sysu-mm01", "tiny", SEED)
    assert marker["images"] == len(list(tiny_root.rglob("*.jpg")))
    assert marker["sizes"]["test_identities"] == 8


@pytest.mark.slow
def test_any_number_of_processes_writes_the_same_bytes(
    sysu: DatasetSpec, tiny_root: Path, tmp_path: Path
) -> None:
    generate(tmp_path / "two", sysu, scale="tiny", seed=SEED, workers=2)
    assert contents(tmp_path / "two") == contents(tiny_root)


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["regdb", "llcm"])
def test_any_number_of_processes_writes_the_same_bytes_in_other_layouts(
    layout: str, tmp_path: Path, registry: Registry
) -> None:
    for workers in (1, 2):
        generate(
            tmp_path / str(workers),
            registry.dataset(layout),
            scale="tiny",
            workers=workers,
            train_identities=2,
            test_identities=2,
            images_per_camera=1,
        )
    assert contents(tmp_path / "1") == contents(tmp_path / "2")


def test_another_seed_writes_other_people_in_the_other_layouts_too(registry: Registry) -> None:
    for name in ("regdb", "llcm"):
        layout = load_layout(registry.dataset(name))
        sizes = layout.scales["tiny"]
        assert layout.people(sizes, 1) == layout.people(sizes, 1)
        assert layout.people(sizes, 1) != layout.people(sizes, 2)


@pytest.mark.slow
def test_another_seed_writes_other_people(
    sysu: DatasetSpec, tiny_root: Path, tmp_path: Path
) -> None:
    generate(tmp_path / "other", sysu, scale="tiny", seed=SEED + 1, workers=1)
    first, second = (
        next((root / "cam3").rglob("0001.jpg")).read_bytes()
        for root in (tiny_root, tmp_path / "other")
    )
    assert first != second


def test_a_folder_with_content_is_refused_and_kept(tmp_path: Path, sysu: DatasetSpec) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(UsageError, match=f"{tmp_path} exists and is not an empty folder"):
        generate(tmp_path, sysu, scale="tiny")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_empty_folder_is_filled(tmp_path: Path, sysu: DatasetSpec) -> None:
    out = tmp_path / "out"
    out.mkdir()
    generate(
        out,
        sysu,
        scale="tiny",
        train_identities=1,
        val_identities=1,
        test_identities=1,
        images_per_camera=1,
    )
    assert (out / "synthetic.json").exists()


def test_a_generation_that_fails_leaves_nothing(
    tmp_path: Path, sysu: DatasetSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(generation, "_render_person", full_disk)
    with pytest.raises(BenchError, match=r"cannot write .*out: No space left on device"):
        generate(tmp_path / "out", sysu, scale="tiny", workers=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": "huge"}, "unknown scale 'huge'"),
        ({"seed": -1}, "--seed is -1: it must be 0 or more"),
        ({"workers": 0}, "--workers is 0: it must be at least 1"),
        ({"images_per_camera": 0}, "--images-per-camera is 0: it must be at least 1"),
        ({"images_per_camera": math.inf}, "--images-per-camera is inf: it must be at most 100"),
        ({"images_per_camera": math.nan}, "--images-per-camera is nan: it must be at least 1"),
        ({"images_per_camera": 1e300}, r"--images-per-camera is 1e\+300: it must be at most 100"),
        ({"train_identities": 99_999}, "--train-identities is 99999: it must be at most 9,999"),
        ({"train_identities": 9_990}, "identities do not fit into four-digit folder names"),
        ({"layout": "regdb", "val_identities": 3}, "--val-identities is 3, but this layout has no"),
        ({"layout": "llcm", "val_identities": 3}, "--val-identities is 3, but this layout has no"),
        ({"layout": "regdb", "images_per_camera": 2.5}, "is 2.5: .* must be a whole one"),
        ({"layout": "llcm", "train_identities": 9_995}, "10035 identities do not fit"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_written(
    tmp_path: Path, registry: Registry, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        spec = registry.dataset(options.pop("layout", "sysu-mm01"))
        generate(tmp_path / "out", spec, **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [".", "..", "../{here}"])
def test_the_current_folder_is_not_replaced(
    tmp_path: Path, sysu: DatasetSpec, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    with pytest.raises(UsageError, match=r"is the folder that you are in|is not an empty folder"):
        generate(Path(name.format(here=here.name)), sysu, scale="tiny", workers=1)
    assert list(here.iterdir()) == []


def test_what_a_killed_generation_left_is_removed_and_that_of_a_living_one_is_not(
    tmp_path: Path, sysu: DatasetSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generation, "_render_all", lambda *_: None)
    (tmp_path / f".out.{'0' * 32}.tmp" / "cam1").mkdir(parents=True)
    with (
        pytest.raises(RuntimeError, match="given up"),
        folder_written_whole(tmp_path / "out") as living,
    ):
        generate(tmp_path / "out", sysu, scale="tiny", workers=1)
        assert sorted(path.name for path in tmp_path.iterdir()) == [living.name, "out"]
        raise RuntimeError("given up")


def test_a_second_marker_lies_beside_the_split_files(tiny_root: Path) -> None:
    markers = sorted(str(path.relative_to(tiny_root)) for path in tiny_root.rglob("synthetic.json"))
    assert markers == ["exp/synthetic.json", "synthetic.json"]


def test_without_worker_processes_the_way_out_is_named(
    tmp_path: Path, sysu: DatasetSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("bench_core.system.processes.ProcessPoolExecutor", refuse)
    with pytest.raises(BenchError, match=r"Read-only file system.*/dev/shm.*--workers 1"):
        generate(tmp_path / "out", sysu, scale="tiny", workers=2)
    assert list(tmp_path.iterdir()) == []


def test_every_layout_has_a_scale_for_tests_and_one_for_a_stand_in(registry: Registry) -> None:
    for spec in registry.datasets.values():
        scales = load_layout(spec).scales
        assert {"tiny", "demo"} <= set(scales) <= set(SCALES)


@pytest.mark.parametrize(
    ("reference", "error", "message"),
    [
        (None, UsageError, "there is no synthetic stand-in for SYSU-MM01"),
        ("bench_sysu.synthetic:LAYOUTS", PluginError, "cannot load bench_sysu.synthetic:LAYOUTS"),
        ("bench_sysu.layout:FOLDERS", PluginError, "FOLDERS is no .*Layout, but a tuple"),
    ],
)
def test_a_dataset_without_a_layout_is_refused(
    tmp_path: Path,
    sysu: DatasetSpec,
    reference: str | None,
    error: type[BenchError],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        generate(tmp_path / "out", replace(sysu, synthetic=reference), scale="tiny")
    assert list(tmp_path.iterdir()) == []


def test_the_command_line_names_the_layouts_of_registered_datasets(
    tmp_path: Path, registry: Registry
) -> None:
    arguments = ["data", "synth", str(tmp_path / "out"), "--layout", "sysu"]
    result = CliRunner().invoke(build_cli(registry), arguments)
    assert result.exit_code == 2
    assert "'sysu' is not one of 'llcm', 'regdb', 'sysu-mm01'." in result.stderr
    help_text = CliRunner().invoke(build_cli(registry), ["data", "synth", "--help"]).stdout
    assert "--layout [llcm|regdb|sysu-mm01]" in help_text


def test_a_shell_completes_the_layouts(registry: Registry) -> None:
    complete = ShellComplete(build_cli(registry), {}, "bench", "_BENCH_COMPLETE")
    found = complete.get_completions(["data", "synth", "--layout"], "re")
    assert [item.value for item in found] == ["regdb"]


@pytest.mark.parametrize(("layout", "folder"), [("regdb", "Thermal"), ("llcm", "test_nir")])
def test_the_command_line_writes_the_other_layouts(
    layout: str, folder: str, tmp_path: Path, registry: Registry
) -> None:
    out = tmp_path / "out"
    sizes = ["--scale=tiny", "--train-identities=2", "--test-identities=2", "--workers=1"]
    arguments = ["data", "synth", str(out), "--layout", layout, "--images-per-camera=1", *sizes]
    result = CliRunner().invoke(build_cli(registry), [*arguments, "--json"])
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["layout"] == layout
    assert any(path.is_file() for path in (out / folder).rglob("*"))


def test_the_command_line_refuses_validation_people_where_there_are_none(
    tmp_path: Path, registry: Registry
) -> None:
    arguments = ["data", "synth", str(tmp_path / "out"), "--layout=regdb", "--val-identities=3"]
    result = CliRunner().invoke(build_cli(registry), arguments)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == (
        "Error: --val-identities is 3, but this layout has no such people: leave the option out"
    )
