"""Drawing every trial beforehand: what cannot be drawn, and who is on both sides."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench_core.contracts.dataset import Splits
from bench_core.contracts.errors import DataError
from bench_core.contracts.protocol import ProtocolSpec, Trial
from bench_core.data.verification import splits as module
from bench_core.data.verification.splits import check_splits
from bench_core.plugins import Registry
from bench_sysu.dataset import SysuMM01Reader


def specs(registry: Registry) -> list[ProtocolSpec]:
    return [spec for spec in registry.protocols.values() if spec.dataset == "sysu-mm01"]


@pytest.fixture
def root(sysu_root: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(sysu_root, tmp_path / "root"))


def test_nothing_is_wrong_with_a_whole_copy(registry: Registry, sysu_root: Path) -> None:
    assert list(check_splits(SysuMM01Reader().read(sysu_root), specs(registry))) == []


def test_a_missing_permutation_file_is_told_once_for_all_protocols(
    registry: Registry, root: Path
) -> None:
    (root / "exp" / "rand_perm_cam.mat").unlink()
    (finding,) = check_splits(SysuMM01Reader().read(root), specs(registry))
    assert (finding.kind, finding.severity) == ("splits", "problem")
    (example,) = finding.examples
    assert example.startswith("every protocol: ")
    assert f"needs {root}/exp/rand_perm_cam.mat" in example


def test_an_image_that_is_missing_from_a_gallery_is_told(registry: Registry, root: Path) -> None:
    test_ids = SysuMM01Reader().read(root).splits.test  # type: ignore[attr-defined]
    sorted(root.glob(f"cam4/{test_ids[0]:04d}/*.jpg"))[-1].unlink()
    (finding,) = check_splits(SysuMM01Reader().read(root), specs(registry))
    (example,) = finding.examples
    assert f"camera 4, identity {test_ids[0]}" in example
    assert "sysu-all-single, " in example
    assert "sysu-indoor" not in example


class Leaky:
    """Trains on identity 4 in both splits; tests it in the second, whose trial has no gallery."""

    def __init__(self, spec: ProtocolSpec, splits: Splits) -> None:
        self.spec = spec

    def training_split(self, trial: int) -> str:
        return f"split {trial}"

    def training_rows(self, images: pd.DataFrame, split: str) -> np.ndarray:
        return np.flatnonzero(images["identity"] == 4)

    def test_rows(self, images: pd.DataFrame, split: str) -> np.ndarray:
        return np.flatnonzero(images["identity"] == {"split 0": 5, "split 1": 4}[split])

    def trial(self, images: pd.DataFrame, convention: str, trial: int) -> Trial:
        if trial == 1:
            raise DataError("there is no gallery")
        return Trial(query=np.array([0]), gallery=np.array([1]))


def test_people_on_both_sides_of_a_split_are_told(
    monkeypatch: pytest.MonkeyPatch, registry: Registry, sysu_root: Path
) -> None:
    monkeypatch.setattr(module, "load_protocol", Leaky)
    dataset = SysuMM01Reader().read(sysu_root)
    spec = ProtocolSpec(
        id="leaky",
        dataset="sysu-mm01",
        title="",
        query_modality="visible",
        gallery_modality="infrared",
        cmc="image",
        num_trials=2,
        conventions=("official",),
        definition="",
    )
    images = dataset.images.assign(identity=np.arange(len(dataset.images)) % 2 + 4)
    (finding,) = check_splits(replace(dataset, images=images), [spec])
    leak, undrawable = finding.examples
    assert leak.startswith("every protocol: training split 'split 1': 1 of its people are tested")
    assert leak.endswith("such as identity 4")
    assert undrawable == "every protocol: there is no gallery"
