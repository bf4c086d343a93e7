"""A root that is made of somebody else's format: what is known is right, nothing is made up."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from bench_core.contracts.errors import BenchError, DataError, UsageError
from bench_core.data.fingerprint import fingerprint
from bench_core.data.opening import open_dataset
from bench_core.data.verification.first_look import look_at
from bench_core.loading import load_protocol
from bench_core.plugins import Registry
from bench_core.system import files

SIZE = (32, 16)


@pytest.fixture
def copied(arrays: Path, tmp_path: Path) -> Path:
    """Arrays that a test may change."""
    return Path(shutil.copytree(arrays, tmp_path / "arrays"))


@pytest.fixture
def splits(sysu_root: Path, tmp_path: Path) -> Path:
    """Split files that a test may change."""
    return Path(shutil.copytree(sysu_root / "exp", tmp_path / "exp"))


def change(path: Path, edit: Callable[[np.ndarray], object]) -> None:
    values = np.load(path)
    edit(values)
    np.save(path, values)


def test_every_row_becomes_the_image_it_was(
    run_import: Callable, registry: Registry, arrays: Path, sysu_root: Path, tmp_path: Path
) -> None:
    done = run_import("agw-npy", arrays, tmp_path / "out", splits=sysu_root, size=SIZE)
    spec = registry.dataset("sysu-mm01")
    ours, real = open_dataset(spec, tmp_path / "out"), open_dataset(spec, sysu_root)
    trained = real.images["identity"].isin([*real.splits.train, *real.splits.val])
    columns = ["identity", "camera", "modality", "index"]
    assert ours.images[columns].values.tolist() == real.images[trained][columns].values.tolist()
    assert done.images == trained.sum()
    assert ours.splits.digest() == real.splits.digest()
    for path in ours.images["path"]:
        with Image.open((sysu_root / path).with_suffix(".jpg")) as image:
            expected = np.asarray(image.resize((16, 32), Image.Resampling.LANCZOS))
        assert np.array_equal(np.asarray(Image.open(tmp_path / "out" / path)), expected)


def test_an_imported_root_says_so_wherever_it_is_used(
    run_import: Callable, registry: Registry, arrays: Path, sysu_root: Path, tmp_path: Path
) -> None:
    run_import("agw-npy", arrays, tmp_path / "out", splits=sysu_root, size=SIZE)
    spec = registry.dataset("sysu-mm01")
    (line,) = look_at(spec, open_dataset(spec, tmp_path / "out"))
    assert line.startswith("imported: training images are pixels of arrays of 32x16, not the files")
    assert "file names count the images" in line
    (tmp_path / "out" / "import.json").unlink()  # the record beside the split files stays
    assert look_at(spec, open_dataset(spec, tmp_path / "out")) == (line,)
    (tmp_path / "out" / "exp" / "import.json").write_text("{")
    (line,) = look_at(spec, open_dataset(spec, tmp_path / "out"))
    assert line == "imported: it was imported, and import.json, which said of what, is damaged"


def test_a_root_of_arrays_is_trained_on_and_not_scored(
    run_import: Callable, registry: Registry, arrays: Path, sysu_root: Path, tmp_path: Path
) -> None:
    run_import("agw-npy", arrays, tmp_path / "out", splits=sysu_root, size=SIZE)
    dataset = open_dataset(registry.dataset("sysu-mm01"), tmp_path / "out")
    protocol = load_protocol(registry.protocol("sysu-all-single"), dataset.splits)
    rows = protocol.training_rows(dataset.images, protocol.training_split(0))
    assert len(rows) == len(dataset.images)
    with pytest.raises(DataError, match="can be trained on, not scored"):
        protocol.trial(dataset.images, "official", 0)


def test_cameras_are_not_made_up_without_a_word(
    run_import: Callable, registry: Registry, arrays: Path, splits: Path, tmp_path: Path
) -> None:
    (splits / "rand_perm_cam.mat").unlink()
    with pytest.raises(UsageError, match=r"nothing tells the camera .* or give --one-camera"):
        run_import("agw-npy", arrays, tmp_path / "out", splits=splits, size=SIZE)
    done = run_import(
        "agw-npy", arrays, tmp_path / "out", splits=splits, size=SIZE, one_camera=True
    )
    images = open_dataset(registry.dataset("sysu-mm01"), tmp_path / "out").images
    assert images.groupby("modality")["camera"].unique().map(list).to_dict() == {
        "visible": [1],
        "infrared": [3],
    }
    assert "cameras are not known: all images lie in cam1 visible, cam3 infrared" in done.doubts


def test_known_cameras_are_not_thrown_away(
    run_import: Callable, arrays: Path, splits: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"--one-camera: .* tells the cameras; leave it out"):
        run_import("agw-npy", arrays, tmp_path / "out", splits=splits, size=SIZE, one_camera=True)


def swap_people(labels: np.ndarray) -> None:
    first, second = labels == 0, labels == 1
    labels[first], labels[second] = 1, 0


@pytest.mark.parametrize("kind", ["rgb", "ir"])
def test_permuted_labels_are_refused(
    run_import: Callable, copied: Path, splits: Path, tmp_path: Path, kind: str
) -> None:
    change(copied / f"train_{kind}_resized_label.npy", swap_people)
    with pytest.raises(DataError, match=r"has label 0 after 1; .* permuted or labelled by another"):
        run_import("agw-npy", copied, tmp_path / "out", splits=splits, size=SIZE)
    assert not (tmp_path / "out").exists()


def test_people_of_other_numbers_of_images_are_refused(
    run_import: Callable, copied: Path, splits: Path, tmp_path: Path
) -> None:
    def give_one_away(labels: np.ndarray) -> None:
        labels[np.flatnonzero(labels == 1)[0]] = 0

    change(copied / "train_rgb_resized_label.npy", give_one_away)
    with pytest.raises(DataError, match=r"label 0 has \d+ visible rows, but rand_perm_cam.mat has"):
        run_import("agw-npy", copied, tmp_path / "out", splits=splits, size=SIZE)


def test_people_of_another_dataset_are_refused(
    run_import: Callable, arrays: Path, splits: Path, tmp_path: Path
) -> None:
    for name in splits.glob("val_id.*"):
        name.unlink()
    (splits / "val_id.txt").write_text("9999")
    with pytest.raises(DataError, match=r"are of 16 people, but .* lists 13"):
        run_import("agw-npy", arrays, tmp_path / "out", splits=splits, size=SIZE)


def test_split_files_are_looked_for_beside_the_arrays(
    run_import: Callable, copied: Path, splits: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=r"has neither train_id.txt nor train_id.mat"):
        run_import("agw-npy", copied, tmp_path / "out", size=SIZE)
    shutil.copytree(splits, copied / "exp")
    assert run_import("agw-npy", copied, tmp_path / "out", size=SIZE).identities == 16


def test_arrays_of_llcm_get_the_names_of_its_lists(
    run_import: Callable,
    registry: Registry,
    scripts: SimpleNamespace,
    tiny_people: Callable,
    tmp_path: Path,
) -> None:
    root, folder = tiny_people("llcm"), tmp_path / "arrays"
    folder.mkdir()
    scripts.pre_process_llcm(root, folder, SIZE)
    run_import("agw-npy", folder, tmp_path / "out", "llcm", splits=root, size=SIZE)
    spec = registry.dataset("llcm")
    ours, real = open_dataset(spec, tmp_path / "out"), open_dataset(spec, root)
    trained = ~real.images["identity"].isin(real.splits.test)
    columns = ["identity", "camera", "modality", "index"]
    assert ours.images[columns].values.tolist() == real.images[trained][columns].values.tolist()
    protocol = load_protocol(registry.protocol("llcm-visible-to-infrared"), ours.splits)
    with pytest.raises(DataError, match="can be trained on, not scored"):
        protocol.trial(ours.images, "official", 0)
    change(folder / "train_ir_resized_label.npy", swap_people)
    with pytest.raises(DataError, match="the rows are permuted, or of another list"):
        run_import("agw-npy", folder, tmp_path / "again", "llcm", splits=root, size=SIZE)
    with pytest.raises(UsageError, match="the lists of LLCM tell the cameras"):
        run_import(
            "agw-npy", folder, tmp_path / "again", "llcm", splits=root, size=SIZE, one_camera=True
        )


def test_arrays_of_another_list_are_refused(
    run_import: Callable, tiny_people: Callable, arrays: Path, tmp_path: Path
) -> None:
    with pytest.raises(
        DataError, match=r"arrays have \d+ rows, but .*train_vis.txt has \d+ images"
    ):
        run_import(
            "agw-npy", arrays, tmp_path / "out", "llcm", splits=tiny_people("llcm"), size=SIZE
        )


def test_a_market_copy_becomes_the_dataset_again(
    run_import: Callable,
    registry: Registry,
    scripts: SimpleNamespace,
    sysu_root: Path,
    tmp_path: Path,
) -> None:
    scripts.prepare_sysu(sysu_root, tmp_path / "market")
    (tmp_path / "market" / "rgb_modify" / "query" / ".DS_Store").touch()
    done = run_import("market", tmp_path / "market", tmp_path / "out", splits=sysu_root / "exp")
    spec = registry.dataset("sysu-mm01")
    ours, real = open_dataset(spec, tmp_path / "out"), open_dataset(spec, sysu_root)
    assert fingerprint(ours, tmp_path / "cache") == fingerprint(real, tmp_path / "cache")
    assert done.doubts == ()
    assert done.synthetic
    assert look_at(spec, ours) == ()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("rgb_modify/query/portrait.jpg", "is not named IDENTITY_cCAMERA_NAME.jpg"),
        ("rgb_modify/query/0001_c3_0001.jpg", "camera 3, which is infrared, in the folder of vis"),
        ("rgb_modify/query/9999_c1_0001.jpg", "is of identity 9999, whom .* does not list"),
    ],
)
def test_files_that_do_not_belong_there_are_refused(
    run_import: Callable,
    scripts: SimpleNamespace,
    sysu_root: Path,
    tmp_path: Path,
    name: str,
    message: str,
) -> None:
    scripts.prepare_sysu(sysu_root, tmp_path / "market")
    (tmp_path / "market" / name).touch()
    with pytest.raises(DataError, match=message):
        run_import("market", tmp_path / "market", tmp_path / "out", splits=sysu_root)


def test_half_a_market_copy_or_an_overlapping_one_is_refused(
    run_import: Callable, scripts: SimpleNamespace, sysu_root: Path, tmp_path: Path
) -> None:
    scripts.prepare_sysu(sysu_root, tmp_path / "market")
    query = tmp_path / "market" / "ir_modify" / "query"
    first = next(query.iterdir())
    shutil.copy(first, query.parent / "bounding_box_test")
    with pytest.raises(DataError, match="1 images are there twice"):
        run_import("market", tmp_path / "market", tmp_path / "out", splits=sysu_root)
    shutil.rmtree(query)
    with pytest.raises(DataError, match="no Market-style copy of SYSU-MM01: no folder"):
        run_import("market", tmp_path / "market", tmp_path / "out", splits=sysu_root)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"one_camera": True}, "names of a Market-style copy tell the cameras"),
        ({"size": SIZE}, "--image-size: 'market' holds files, each of its own size"),
        (
            {"dataset": "regdb"},
            r"'market' is not imported as RegDB \(formats of this dataset: none",
        ),
    ],
)
def test_options_that_do_not_apply_are_refused(
    run_import: Callable, tmp_path: Path, options: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        run_import("market", tmp_path, tmp_path / "out", **options)


def test_a_disk_without_room_is_told_before_anything_is_written(
    run_import: Callable,
    arrays: Path,
    sysu_root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(files.shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000))
    with pytest.raises(BenchError, match=r"takes 0\.2 MB and the disk has 0\.0 MB left"):
        run_import("agw-npy", arrays, tmp_path / "out", splits=sysu_root, size=SIZE)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_leaves_nothing_behind(
    run_import: Callable,
    arrays: Path,
    sysu_root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(BenchError, match=r"cannot write .*out: No space left on device"):
        run_import("agw-npy", arrays, tmp_path / "out", splits=sysu_root, size=SIZE)
    assert list(tmp_path.iterdir()) == []
