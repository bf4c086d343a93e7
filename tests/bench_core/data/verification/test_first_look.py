"""What a dataset differs in, as every use of it tells: counts, names, and what was lost."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from bench_core.contracts.dataset import DatasetSpec
from bench_core.data.opening import open_dataset
from bench_core.data.verification.first_look import look_at
from bench_core.plugins import Registry


@pytest.fixture
def root(sysu_root: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(sysu_root, tmp_path / "root"))


@pytest.fixture
def spec(registry: Registry) -> DatasetSpec:
    return registry.dataset("sysu-mm01")


def look(spec: DatasetSpec, root: Path) -> tuple[str, ...]:
    return look_at(spec, open_dataset(spec, root))


def lose_markers(root: Path) -> None:
    for marker in root.rglob("synthetic.json"):
        marker.unlink()


def test_small_rendered_people_differ_in_nothing(spec: DatasetSpec, sysu_root: Path) -> None:
    assert look(spec, sysu_root) == ()


def test_other_counts_than_the_published_ones_are_told(spec: DatasetSpec, root: Path) -> None:
    lose_markers(root)
    (line,) = look(spec, root)
    assert line.startswith("counts: training visible: ")
    assert "published are 22,258 of 395 people (and " in line
    assert "some papers" not in line


def test_a_dataset_without_published_counts_has_none_to_differ_from(
    spec: DatasetSpec, root: Path
) -> None:
    lose_markers(root)
    assert look(replace(spec, published=()), root) == ()


def test_rendered_people_without_their_marker_stay_synthetic(spec: DatasetSpec, root: Path) -> None:
    (root / "synthetic.json").unlink()
    dataset = open_dataset(spec, root)
    assert dataset.synthetic
    assert look_at(spec, dataset) == ("marker: synthetic.json is missing at the root",)


def test_rendered_people_of_whom_images_are_lost_are_told(spec: DatasetSpec, root: Path) -> None:
    next(root.glob("cam1/*/*.jpg")).unlink()
    assert look(spec, root) == ("marker: 225 images of 226 that were rendered",)


def test_what_the_reader_saw_is_told_on_one_line(spec: DatasetSpec, sysu_root: Path) -> None:
    names = ("two\nlines", "more", "and more")
    dataset = replace(open_dataset(spec, sysu_root), findings=names)
    assert look_at(spec, dataset) == (r"names: two\x0alines (and 2 more)",)


def test_names_of_any_bytes_can_be_recorded(spec: DatasetSpec, sysu_root: Path) -> None:
    name = os.fsdecode(b"caf\xe9\x1b[2J")
    dataset = replace(open_dataset(spec, sysu_root), findings=(name,))
    (line,) = look_at(spec, dataset)
    assert line.encode().decode() == r"names: caf\udce9\x1b[2J"
