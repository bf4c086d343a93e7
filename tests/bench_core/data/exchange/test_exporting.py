"""What is exported is, byte for byte, what the scripts of the field make of the same root."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from bench_core.contracts.errors import BenchError, DataError, UsageError
from bench_core.data.exchange import writing
from bench_core.system import files

ARRAYS = sorted(
    f"train_{kind}_resized_{part}.npy" for kind in ("rgb", "ir") for part in ("img", "label")
)
SPLITS = ("train", "val", "test")


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "synthetic.json"
    }


def assert_same_files(one: Path, other: Path) -> None:
    assert files_of(one) == files_of(other)


@pytest.fixture
def root(sysu_root: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(sysu_root, tmp_path / "root"))


def test_arrays_are_those_of_agw(
    run_export: Callable, arrays: Path, sysu_root: Path, tmp_path: Path
) -> None:
    done = run_export("agw-npy", sysu_root, tmp_path / "out", size=(32, 16))
    assert sorted(files_of(tmp_path / "out")) == ARRAYS
    assert_same_files(tmp_path / "out", arrays)
    assert done.images == sum(len(np.load(arrays / name)) for name in ARRAYS if "img" in name)
    assert done.synthetic
    assert (tmp_path / "out" / "synthetic.json").exists()


def test_arrays_have_the_size_of_agw_where_none_is_named(
    run_export: Callable, sysu_root: Path, tmp_path: Path
) -> None:
    run_export("agw-npy", sysu_root, tmp_path / "out")
    images = np.load(tmp_path / "out" / "train_ir_resized_img.npy", allow_pickle=False)
    assert images.shape[1:] == (288, 144, 3)
    assert images.dtype == np.uint8


def test_arrays_of_llcm_are_those_of_dns(
    run_export: Callable, scripts: SimpleNamespace, tiny_people: Callable, tmp_path: Path
) -> None:
    (tmp_path / "theirs").mkdir()
    scripts.pre_process_llcm(tiny_people("llcm"), tmp_path / "theirs", (32, 16))
    run_export("agw-npy", tiny_people("llcm"), tmp_path / "ours", "llcm", size=(32, 16))
    assert_same_files(tmp_path / "ours", tmp_path / "theirs")


@pytest.mark.parametrize("hard_links", [False, True])
def test_a_market_copy_of_sysu_is_that_of_its_script(
    run_export: Callable,
    scripts: SimpleNamespace,
    sysu_root: Path,
    tmp_path: Path,
    hard_links: bool,
) -> None:
    scripts.prepare_sysu(sysu_root, tmp_path / "theirs")
    run_export("market", sysu_root, tmp_path / "ours", hard_links=hard_links)
    assert_same_files(tmp_path / "ours", tmp_path / "theirs")
    first = next((tmp_path / "ours" / "rgb_modify" / "query").iterdir())
    person, camera, name = first.name.split("_")
    original = sysu_root / f"cam{camera[1]}" / person / name
    assert first.samefile(original) == hard_links


def test_a_market_copy_of_regdb_is_that_of_its_script(
    run_export: Callable, scripts: SimpleNamespace, tiny_people: Callable, tmp_path: Path
) -> None:
    scripts.prepare_regdb(tiny_people("regdb"), tmp_path / "theirs")
    run_export("market", tiny_people("regdb"), tmp_path / "ours", "regdb", hard_links=True)
    assert_same_files(tmp_path / "ours", tmp_path / "theirs")


def test_the_script_of_agw_runs_on_a_tree_that_was_cleaned_for_it(
    run_export: Callable, scripts: SimpleNamespace, arrays: Path, root: Path, tmp_path: Path
) -> None:
    trained = (root / "exp" / "train_id.txt").read_text().split(",")[0]
    (root / "cam3" / f"{int(trained):04d}" / "Thumbs.db").write_text("of a desktop")
    for file in (root / "exp").glob("*.txt"):
        file.unlink()  # as in the authors' repository: only .mat
    run_export("sysu-mm01", root, tmp_path / "clean")
    (tmp_path / "theirs").mkdir()
    scripts.pre_process_sysu(tmp_path / "clean", tmp_path / "theirs", (32, 16))
    assert_same_files(tmp_path / "theirs", arrays)
    assert {path.name for path in (tmp_path / "clean" / "exp").iterdir()} == {
        *(f"{name}_id.{kind}" for name in ("available", *SPLITS) for kind in ("mat", "txt")),
        "rand_perm_cam.mat",
        "synthetic.json",
    }


def test_a_cleaned_tree_is_the_same_dataset(
    run_export: Callable, sysu_root: Path, tmp_path: Path
) -> None:
    done = run_export("sysu-mm01", sysu_root, tmp_path / "clean")
    again = run_export("sysu-mm01", tmp_path / "clean", tmp_path / "again")
    assert done.fingerprint == again.fingerprint
    assert_same_files(tmp_path / "clean", tmp_path / "again")


def test_an_incomplete_root_is_refused(run_export: Callable, root: Path, tmp_path: Path) -> None:
    next((root / "cam6").rglob("*.jpg")).write_bytes(b"")
    with pytest.raises(DataError, match=r"not exported, .* 'bench data verify .*' tells all"):
        run_export("agw-npy", root, tmp_path / "out", size=(32, 16))
    assert not (tmp_path / "out").exists()


def test_people_without_one_modality_are_refused(
    run_export: Callable, root: Path, tmp_path: Path
) -> None:
    trained = (root / "exp" / "train_id.txt").read_text().split(",")[0]
    for camera in ("cam3", "cam6"):
        shutil.rmtree(root / camera / f"{int(trained):04d}", ignore_errors=True)
    with pytest.raises(DataError, match=f"identity {trained} has no infrared training image"):
        run_export("agw-npy", root, tmp_path / "out", size=(32, 16))


def test_images_that_market_scripts_do_not_see_are_refused(
    run_export: Callable, root: Path, tmp_path: Path
) -> None:
    image = next((root / "cam1").rglob("*.jpg"))
    image.rename(image.with_suffix(".jpeg"))
    with pytest.raises(DataError, match=r"\.jpeg is no \.jpg file"):
        run_export("market", root, tmp_path / "out")


def test_a_folder_that_holds_something_is_left_alone(
    run_export: Callable, sysu_root: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("precious")
    with pytest.raises(UsageError, match="exists and is not an empty folder"):
        run_export("market", sysu_root, tmp_path / "out")
    assert (tmp_path / "out" / "mine.txt").read_text() == "precious"


def test_a_folder_in_the_root_is_refused(run_export: Callable, sysu_root: Path) -> None:
    with pytest.raises(UsageError, match=r"lies in .*, which would hold files of no dataset"):
        run_export("market", sysu_root, sysu_root / "market")


def test_a_disk_without_room_is_told_before_anything_is_written(
    run_export: Callable, sysu_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files.shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000))
    with pytest.raises(BenchError, match=r"takes 17\.\d MB and the disk has 0\.0 MB left"):
        run_export("agw-npy", sysu_root, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_leaves_nothing_behind(
    run_export: Callable, sysu_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing, "os", SimpleNamespace(fsync=fail))
    with pytest.raises(BenchError, match=r"cannot write .*out: No space left on device"):
        run_export("agw-npy", sysu_root, tmp_path / "out", size=(32, 16))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("format_", "options", "message"),
    [
        ("market", {"size": (288, 144)}, "--image-size: 'market' copies files"),
        ("agw-npy", {"hard_links": True}, "--hard-links: 'agw-npy' writes arrays"),
        ("voc", {}, r"not exported as 'voc' \(formats of this dataset: agw-npy, market, sysu-mm01"),
    ],
)
def test_options_that_do_not_apply_are_refused(
    run_export: Callable,
    sysu_root: Path,
    tmp_path: Path,
    format_: str,
    options: dict[str, object],
    message: str,
) -> None:
    with pytest.raises(UsageError, match=message):
        run_export(format_, sysu_root, tmp_path / "out", **options)


def test_hard_links_to_another_disk_are_refused_with_the_way_out(
    run_export: Callable, sysu_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(writing.os, "link", fail)
    with pytest.raises(UsageError, match=r"--hard-links: .* without the option files are copied"):
        run_export("market", sysu_root, tmp_path / "out", hard_links=True)
    assert list(tmp_path.iterdir()) == []
