"""What scripts of other repositories do to a dataset, written anew from their description.

They know nothing of the harness: folders are listed, lists are read and names are taken apart as
plainly as there.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bench_core.data.exchange.exporting import Exported, export
from bench_core.data.exchange.importing import Imported, import_folder
from bench_core.plugins import Registry

Size = tuple[int, int]
Export = Callable[..., Exported]
Import = Callable[..., Imported]


@pytest.fixture(scope="session")
def scripts() -> SimpleNamespace:
    """The scripts, by the names of their files."""
    return SimpleNamespace(
        pre_process_sysu=pre_process_sysu,
        pre_process_llcm=pre_process_llcm,
        prepare_sysu=prepare_sysu,
        prepare_regdb=prepare_regdb,
    )


@pytest.fixture(scope="session")
def run_export(registry: Registry, cache: Path) -> Export:
    """Export a root; the dataset is SYSU-MM01 where nothing else is said."""

    def run(
        format_: str, root: Path, out: Path, dataset: str = "sysu-mm01", **options: Any
    ) -> Exported:
        protocols = [spec for spec in registry.protocols.values() if spec.dataset == dataset]
        return export(
            registry.dataset(dataset),
            protocols,
            root=root,
            out=out,
            format_=format_,
            cache=cache,
            **options,
        )

    return run


@pytest.fixture(scope="session")
def run_import(registry: Registry) -> Import:
    """Import a folder; the dataset is SYSU-MM01 where nothing else is said."""

    def run(
        format_: str, folder: Path, out: Path, dataset: str = "sysu-mm01", **options: Any
    ) -> Imported:
        return import_folder(
            registry.dataset(dataset), folder=folder, out=out, format_=format_, **options
        )

    return run


@pytest.fixture(scope="session")
def arrays(
    scripts: SimpleNamespace, sysu_root: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """What AGW's script writes for the synthetic people, 32x16; tests must not change it."""
    out = tmp_path_factory.mktemp("arrays")
    scripts.pre_process_sysu(sysu_root, out, (32, 16))
    return out


def pre_process_sysu(root: Path, out: Path, size: Size) -> None:
    """AGW: every file of the folders of train_id.txt and val_id.txt, resized, with labels."""
    ids = []
    for name in ("train_id.txt", "val_id.txt"):
        first_line = (root / "exp" / name).read_text().splitlines()[0]
        ids += [f"{int(number):04d}" for number in first_line.split(",")]
    files = {
        "rgb": _files(root, sorted(ids), ("cam1", "cam2", "cam4", "cam5")),
        "ir": _files(root, sorted(ids), ("cam3", "cam6")),
    }
    people = {int(Path(file).parent.name) for file in files["ir"]}
    labels = {person: label for label, person in enumerate(people)}
    for kind, paths in files.items():
        numbers = [labels[int(Path(path).parent.name)] for path in paths]
        _save(out, kind, paths, numbers, size)


def pre_process_llcm(root: Path, out: Path, size: Size) -> None:
    """DNS: the images of train_vis.txt and train_nir.txt, labels counted anew."""
    for kind, name in (("rgb", "train_vis.txt"), ("ir", "train_nir.txt")):
        lines = [line.split(" ") for line in (root / "idx" / name).read_text().splitlines()]
        listed = [int(label) for _, label in lines]
        labels = {old: new for new, old in enumerate(set(listed))}
        paths = [str(root / path) for path, _ in lines]
        _save(out, kind, paths, [labels[label] for label in listed], size)


def prepare_sysu(root: Path, out: Path) -> None:
    """The ADCA family: copies under Market's names; queries in the order of names here."""
    kinds = {"rgb_modify": ("cam1", "cam2", "cam4", "cam5"), "ir_modify": ("cam3", "cam6")}
    train, val, test = (
        [f"{int(number):04d}" for number in (root / "exp" / name).read_text().split(",")]
        for name in ("train_id.txt", "val_id.txt", "test_id.txt")
    )
    for kind, cameras in kinds.items():
        for part in ("bounding_box_train", "query", "bounding_box_test"):
            (out / kind / part).mkdir(parents=True)
        for person in train + val:
            for path in _files(root, [person], cameras):
                shutil.copyfile(path, out / kind / "bounding_box_train" / _market_name(path))
        for person in test:
            for number, path in enumerate(_files(root, [person], cameras)):
                part = "query" if number < 4 else "bounding_box_test"
                shutil.copyfile(path, out / kind / part / _market_name(path))


def prepare_regdb(root: Path, out: Path) -> None:
    """The ADCA family: copies of all ten trials, named by label, camera 1 in both modalities."""
    for kind, name in (("rgb_modify", "visible"), ("ir_modify", "thermal")):
        for trial in range(1, 11):
            seen: dict[str, int] = {}
            for role in ("train", "test"):
                lines = (root / "idx" / f"{role}_{name}_{trial}.txt").read_text().splitlines()
                for path, label in (line.split(" ") for line in lines):
                    parts = [f"bounding_box_{role}"]
                    if role == "test":
                        seen[label] = seen.get(label, 0) + 1
                        parts += ["query"] if seen[label] <= 4 else []
                    for part in parts:
                        folder = out / kind / str(trial) / part
                        folder.mkdir(parents=True, exist_ok=True)
                        shutil.copyfile(root / path, folder / f"{label}_c1_{Path(path).name}")


def _files(root: Path, ids: list[str], cameras: tuple[str, ...]) -> list[str]:
    files = []
    for person in ids:
        for camera in cameras:
            folder = root / camera / person
            if folder.is_dir():
                files += [str(folder / name) for name in sorted(os.listdir(folder))]  # noqa: PTH208
    return files


def _market_name(path: str) -> str:
    camera, person, name = Path(path).parts[-3:]
    return f"{person}_c{camera[-1]}_{name}"


def _save(out: Path, kind: str, paths: list[str], labels: list[int], size: Size) -> None:
    images = []
    for path in paths:
        with Image.open(path) as image:
            images.append(np.array(image.resize((size[1], size[0]), Image.Resampling.LANCZOS)))
    np.save(out / f"train_{kind}_resized_img.npy", np.array(images))
    np.save(out / f"train_{kind}_resized_label.npy", np.array(labels))
