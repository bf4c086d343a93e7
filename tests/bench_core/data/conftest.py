"""A few pictures in a folder, as a dataset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bench_core.contracts.dataset import Dataset

MakeDataset = Callable[..., Dataset]


@dataclass(frozen=True)
class FixedSplits:
    """Splits whose content is a word."""

    content: str = "splits"

    def digest(self) -> str:
        return self.content


def read(root: Path, splits: str = "splits") -> Dataset:
    """Read every picture below a folder; its name is camera_identity_number."""
    names = sorted(path.name for path in root.iterdir())
    parts = [Path(name).stem.split("_") for name in names]
    images = pd.DataFrame(
        {
            "path": names,
            "identity": [int(part[1]) for part in parts],
            "camera": [int(part[0]) for part in parts],
            "modality": ["infrared" if part[0] == "3" else "visible" for part in parts],
            "index": [int(part[2]) for part in parts],
        }
    )
    return Dataset(id="demo", root=root, images=images, splits=FixedSplits(splits), synthetic=True)


@pytest.fixture
def read_dataset() -> MakeDataset:
    """Return `read`."""
    return read


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Eight noisy PNG pictures of different sizes, two of them gray."""
    root = tmp_path / "root"
    root.mkdir()
    rng = np.random.default_rng(0)
    for camera in (1, 3):
        for identity in (4, 9):
            for number in range(2):
                height, width = rng.integers(20, 60, 2)
                shape = (height, width) if camera == 3 else (height, width, 3)
                pixels = rng.integers(0, 256, shape, dtype=np.uint8)
                Image.fromarray(pixels).save(root / f"{camera}_{identity}_{number}.png")
    return read(root)
