"""The synthetic stand-in: rendered once, and never scored when it was changed since."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench_core.contracts.dataset import DatasetSpec
from bench_core.contracts.errors import DataError, UsageError
from bench_core.pipeline import stand_in
from bench_core.pipeline.stand_in import open_stand_in, stand_in_root
from bench_core.plugins import Registry
from bench_core.synthetic import generate
from bench_core.synthetic.layouts import load_layout


@pytest.fixture
def spec(registry: Registry) -> DatasetSpec:
    return registry.dataset("sysu-mm01")


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Note what is rendered; a few people do."""
    roots: list[Path] = []

    def render(root: Path, spec: DatasetSpec, **options: Any) -> None:
        roots.append(root)
        sizes = {"train_identities": 2, "val_identities": 1, "test_identities": 2}
        generate(root, spec, **options | sizes, images_per_camera=1, workers=1)

    monkeypatch.setattr(stand_in, "generate", render)
    return roots


def first_image(root: Path) -> Path:
    return min(root.glob("cam1/*/*.jpg"))


def empty(root: Path) -> None:
    first_image(root).write_bytes(b"")


def change(root: Path) -> None:
    path = first_image(root)
    path.write_bytes(path.read_bytes()[:-3] + b"123")


def remove(root: Path) -> None:
    first_image(root).unlink()


def add(root: Path) -> None:
    first_image(root).with_name("0999.jpg").write_bytes(first_image(root).read_bytes())


def lose_markers(root: Path) -> None:
    for marker in root.rglob("synthetic.json"):
        marker.unlink()


def lose_permutations(root: Path) -> None:
    (root / "exp" / "rand_perm_cam.mat").unlink()


def lose_a_folder(root: Path) -> None:
    (root / "exp").rename(root / "other")


def test_it_is_rendered_once(spec: DatasetSpec, tmp_path: Path, rendered: list[Path]) -> None:
    first, fingerprint = open_stand_in(spec, tmp_path)
    second, again = open_stand_in(spec, tmp_path)
    assert rendered == [stand_in_root(spec, tmp_path)]
    assert (first.root, fingerprint) == (second.root, again)


@pytest.mark.parametrize(
    "damage",
    [empty, change, remove, add, lose_markers, lose_permutations, lose_a_folder],
)
def test_one_that_was_damaged_is_refused_and_says_what_to_remove(
    spec: DatasetSpec, tmp_path: Path, rendered: list[Path], damage: Callable[[Path], None]
) -> None:
    open_stand_in(spec, tmp_path)
    root = stand_in_root(spec, tmp_path)
    damage(root)
    with pytest.raises(DataError, match=f"{root} are not as they were rendered.*; remove this fol"):
        open_stand_in(spec, tmp_path)


def test_one_that_was_removed_is_rendered_again(
    spec: DatasetSpec, tmp_path: Path, rendered: list[Path]
) -> None:
    _, fingerprint = open_stand_in(spec, tmp_path)
    root = stand_in_root(spec, tmp_path)
    root.rename(tmp_path / "away")
    assert open_stand_in(spec, tmp_path)[1] == fingerprint
    assert rendered == [root, root]


def test_people_of_another_version_of_a_layout_lie_elsewhere(
    spec: DatasetSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = stand_in_root(spec, tmp_path)
    changed = replace(load_layout(spec), version=2)
    monkeypatch.setattr("bench_sysu.synthetic.LAYOUT", changed)
    assert (root.name, stand_in_root(spec, tmp_path).name) == (
        "sysu-mm01-demo-seed0-v2.1",
        "sysu-mm01-demo-seed0-v2.2",
    )


def test_a_dataset_without_a_layout_needs_data(spec: DatasetSpec, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--data is needed: there is no synthetic stand-in for"):
        open_stand_in(replace(spec, synthetic=None), tmp_path)


@pytest.mark.parametrize("record", [None, b"", b"[]", b"{"])
def test_one_without_a_record_was_not_finished_and_is_rendered_again(
    spec: DatasetSpec, tmp_path: Path, rendered: list[Path], record: bytes | None
) -> None:
    _, fingerprint = open_stand_in(spec, tmp_path)
    root = stand_in_root(spec, tmp_path)
    empty(root)
    file = root.with_name(f"{root.name}.json")
    file.unlink() if record is None else file.write_bytes(record)
    assert open_stand_in(spec, tmp_path)[1] == fingerprint
    assert rendered == [root, root]
