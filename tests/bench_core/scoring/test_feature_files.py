"""Which reader a path of features gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench_core.contracts.dataset import DatasetSpec
from bench_core.contracts.errors import DataError, UsageError
from bench_core.scoring.feature_files import open_features


def dataset(**changes: object) -> DatasetSpec:
    fields = {
        "id": "toy", "title": "Toy", "paper": "P", "source": "S", "synthetic": None,
        "reader": "m:R",
    }  # fmt: skip
    return DatasetSpec(**{**fields, **changes})  # type: ignore[arg-type]


def test_a_folder_needs_cameras_of_one_modality(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--features .* cameras of Toy see both .* give an \.npz"):
        open_features(dataset(), tmp_path, None)


def test_a_folder_is_read_as_the_official_layout(tmp_path: Path) -> None:
    spec = dataset(camera_modalities={1: "visible", 2: "infrared"})
    with pytest.raises(DataError, match=r"expected NAME_cam1\.mat, NAME_cam2\.mat$"):
        open_features(spec, tmp_path, None)


def test_anything_else_is_read_as_npz(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*none\.npz: No such file"):
        open_features(dataset(), tmp_path / "none.npz", None)
