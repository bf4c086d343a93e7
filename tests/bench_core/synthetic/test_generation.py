"""Whole datasets: the tree, the split files, and how a generation ends."""

from __future__ import annotations

import errno
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from scipy.io import loadmat

from bench_core.cli.main import build_cli
from bench_core.contracts.errors import BenchError, UsageError
from bench_core.plugins import Registry
from bench_core.synthetic import LAYOUTS, SCALES, generate, generation, sysu_layout
from bench_core.synthetic.layouts import load_layout
from bench_core.synthetic.scales import resolve_sizes
from bench_core.synthetic.sysu_plan import SYSU_SCALES, plan_sysu
from bench_core.system.files import folder_written_whole

SEED = 3
SPLITS = ("train", "val", "test", "available")


def contents(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def listed(root: Path, split: str) -> list[int]:
    (line,) = (root / "exp" / f"{split}_id.txt").read_text().splitlines()
    return [int(number) for number in line.split(",")]


def test_images_lie_where_the_plan_says(tiny_root: Path) -> None:
    planned = {
        f"cam{camera}/{person.identity:04d}/{number:04d}.jpg"
        for person in plan_sysu(SYSU_SCALES["tiny"], SEED)
        for camera, count in person.images.items()
        for number in range(1, count + 1)
    }
    assert {name for name in contents(tiny_root) if name.endswith(".jpg")} == planned


def test_images_are_rgb_jpegs_and_infrared_ones_are_grey(tiny_root: Path) -> None:
    for camera in range(1, 7):
        path = next((tiny_root / f"cam{camera}").rglob("*.jpg"))
        with Image.open(path) as image:
            assert (image.format, image.mode) == ("JPEG", "RGB")
            pixels = np.asarray(image)
        is_grey = bool((pixels == pixels[:, :, :1]).all())
        assert is_grey == (camera in (3, 6))


def test_split_files_agree_and_do_not_overlap(tiny_root: Path) -> None:
    for split in SPLITS:
        loaded = loadmat(tiny_root / "exp" / f"{split}_id.mat")["id"]
        assert loaded.dtype == np.uint16
        assert loaded.tolist() == [listed(tiny_root, split)]
    train, val, test = (set(listed(tiny_root, split)) for split in SPLITS[:3])
    assert (len(train), len(val), len(test)) == (12, 4, 8)
    assert train | val | test == set(listed(tiny_root, "available"))
    assert len(train | val | test) == 24


def test_permutations_have_the_official_structure(tiny_root: Path) -> None:
    cell = loadmat(tiny_root / "exp" / "rand_perm_cam.mat")["rand_perm_cam"]
    assert cell.shape == (6, 1)
    lengths = [cell[camera, 0].shape[0] for camera in range(6)]
    assert lengths[0] == lengths[1] == lengths[5] < lengths[2] == lengths[3] == lengths[4]
    for camera in range(6):
        for row in range(lengths[camera]):
            rows = cell[camera, 0][row, 0]
            folder = tiny_root / f"cam{camera + 1}" / f"{row + 1:04d}"
            count = len(list(folder.glob("*.jpg")))
            assert rows.shape == (10, count)
            assert (np.sort(rows, axis=1) == np.arange(1, count + 1)).all()


def test_trials_order_the_images_differently(tmp_path: Path) -> None:
    generate(
        tmp_path / "few",
        scale="tiny",
        train_identities=1,
        val_identities=1,
        test_identities=1,
        images_per_camera=12,
    )
    cell = loadmat(tmp_path / "few" / "exp" / "rand_perm_cam.mat")["rand_perm_cam"]
    test_id = listed(tmp_path / "few", "test")[0]
    assert len({tuple(row) for row in cell[0, 0][test_id - 1, 0]}) == 10


def test_the_root_says_that_it_is_synthetic(tiny_root: Path) -> None:
    marker = json.loads((tiny_root / "synthetic.json").read_text())
    assert marker["generator"] == 2
    assert (marker["layout"], marker["scale"], marker["seed"]) == ("sysu-mm01", "tiny", SEED)
    assert marker["images"] == len(list(tiny_root.rglob("*.jpg")))
    assert marker["sizes"]["test_identities"] == 8


def test_any_number_of_processes_writes_the_same_bytes(tiny_root: Path, tmp_path: Path) -> None:
    generate(tmp_path / "two", scale="tiny", seed=SEED, workers=2)
    assert contents(tmp_path / "two") == contents(tiny_root)


@pytest.mark.parametrize("layout", ["regdb", "llcm"])
def test_any_number_of_processes_writes_the_same_bytes_in_other_layouts(
    layout: str, tmp_path: Path
) -> None:
    for workers in (1, 2):
        generate(
            tmp_path / str(workers),
            layout=layout,
            scale="tiny",
            workers=workers,
            train_identities=2,
            test_identities=2,
            images_per_camera=1,
        )
    assert contents(tmp_path / "1") == contents(tmp_path / "2")


def test_another_seed_writes_other_people_in_the_other_layouts_too() -> None:
    paired, lonely = (load_layout(name) for name in ("regdb", "llcm"))
    for layout in (paired, lonely):
        sizes = layout.scales()["tiny"]
        assert layout.plan(sizes, 1) == layout.plan(sizes, 1)
        assert layout.plan(sizes, 1) != layout.plan(sizes, 2)


def test_another_seed_writes_other_people(tiny_root: Path, tmp_path: Path) -> None:
    generate(tmp_path / "other", scale="tiny", seed=SEED + 1, workers=1)
    first, second = (
        next((root / "cam3").rglob("0001.jpg")).read_bytes()
        for root in (tiny_root, tmp_path / "other")
    )
    assert first != second


def test_a_folder_with_content_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(UsageError, match=f"{tmp_path} exists and is not an empty folder"):
        generate(tmp_path, scale="tiny")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    generate(
        out,
        scale="tiny",
        train_identities=1,
        val_identities=1,
        test_identities=1,
        images_per_camera=1,
    )
    assert (out / "synthetic.json").exists()


def test_a_generation_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(generation, "_render_person", full_disk)
    with pytest.raises(BenchError, match=r"cannot write .*out: No space left on device"):
        generate(tmp_path / "out", scale="tiny", workers=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layout": "sysu"}, "unknown layout 'sysu'; did you mean 'sysu-mm01'"),
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
    tmp_path: Path, options: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        generate(tmp_path / "out", **options)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_the_most_images_of_a_person_can_be_counted_in_a_byte() -> None:
    """The permutations of SYSU-MM01 are bytes, whatever the chance that spreads the images."""
    layout = load_layout("sysu-mm01")
    for people in (2, 3, 40):
        sizes = resolve_sizes(
            layout.scales(), "tiny", train_identities=people, test_identities=people,
            images_per_camera=100,
        )  # fmt: skip
        plan = layout.plan(sizes, 0)
        assert max(max(person.images.values()) for person in plan) <= 255


@pytest.mark.parametrize("name", [".", "..", "../{here}"])
def test_the_current_folder_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    with pytest.raises(UsageError, match=r"is the folder that you are in|is not an empty folder"):
        generate(Path(name.format(here=here.name)), scale="tiny", workers=1)
    assert list(here.iterdir()) == []


def test_what_a_killed_generation_left_is_removed_and_that_of_a_living_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generation, "_render_all", lambda *_: None)
    monkeypatch.setattr(sysu_layout, "write_splits", lambda *_: None)
    (tmp_path / f".out.{'0' * 32}.tmp" / "cam1").mkdir(parents=True)
    with (
        pytest.raises(RuntimeError, match="given up"),
        folder_written_whole(tmp_path / "out") as living,
    ):
        generate(tmp_path / "out", scale="tiny", workers=1)
        assert sorted(path.name for path in tmp_path.iterdir()) == [living.name, "out"]
        raise RuntimeError("given up")


def test_a_second_marker_lies_beside_the_split_files(tiny_root: Path) -> None:
    markers = sorted(str(path.relative_to(tiny_root)) for path in tiny_root.rglob("synthetic.json"))
    assert markers == ["exp/synthetic.json", "synthetic.json"]


def test_without_worker_processes_the_way_out_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("bench_core.system.processes.ProcessPoolExecutor", refuse)
    with pytest.raises(BenchError, match=r"Read-only file system.*/dev/shm.*--workers 1"):
        generate(tmp_path / "out", scale="tiny", workers=2)
    assert list(tmp_path.iterdir()) == []


def test_the_package_names_layouts_and_scales_without_loading_libraries() -> None:
    assert LAYOUTS == ("sysu-mm01", "regdb", "llcm")
    assert SCALES == ("tiny", "demo", "full")
    program = (
        "import sys, bench_core.synthetic\n"
        "print([m for m in ('numpy', 'scipy', 'PIL', 'torch') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


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
