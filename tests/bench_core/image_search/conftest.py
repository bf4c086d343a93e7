"""Folders of small pictures, and a model that counts what it is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from bench_core.configuration import MethodConfig
from bench_core.contracts.images import Modality
from bench_core.image_search import extraction, listing
from bench_core.image_search.extraction import ExtractionWay, FolderFeatures, features_of
from bench_core.image_search.inspection import SeenFile
from bench_core.image_search.kept_features import FeatureShelf
from bench_core.image_search.listing import UnreadableFile, list_folder
from bench_core.pipeline.opened_models import OpenedModel


class MeanColour:
    """A method whose feature is the mean colour of a picture."""

    metric = "euclidean"

    def __init__(self) -> None:
        self.networks = nn.ModuleDict()

    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        return images.mean((2, 3))[:, None]


Paint = Callable[[Path, tuple[int, int, int]], Path]


def paint_picture(path: Path, colour: tuple[int, int, int]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 16), colour).save(path)
    return path


@pytest.fixture
def paint() -> Paint:
    """Write a picture of one colour."""
    return paint_picture


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six pictures of different reds, in folders of their own depth."""
    for number in range(6):
        paint_picture(tmp_path / "gallery" / f"{number % 2}" / f"{number}.png", (40 * number, 0, 9))
    return tmp_path / "gallery"


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that were written this moment count as written long ago."""
    monkeypatch.setattr(listing, "SETTLING_NANOSECONDS", -1)
    monkeypatch.setattr(listing, "COARSE_NANOSECONDS", 1 << 62)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were decoded for extraction, in any order."""
    names: list[str] = []
    decode = extraction.decode_seen

    def count(folder: Path, seen: SeenFile, **options: Any) -> np.ndarray:
        names.append(seen.file.name)
        return decode(folder, seen, **options)

    monkeypatch.setattr(extraction, "decode_seen", count)
    return names


def refuse(unreadable: Sequence[UnreadableFile]) -> None:
    assert not unreadable


@pytest.fixture
def way() -> ExtractionWay:
    method: Any = MeanColour()
    config = MethodConfig(image_height=32, image_width=16)
    model = OpenedModel(method=method, config=config, facts={"method": "mean"})
    return ExtractionWay(
        model=model,
        identity="mean colour",
        modality="visible",
        device=torch.device("cpu"),
        threads=1,
        judge=refuse,
    )


@pytest.fixture
def extract(folder: Path, way: ExtractionWay, tmp_path: Path) -> Callable[[], FolderFeatures]:
    """Return the features of the folder, kept in a place of their own."""
    return lambda: features_of(list_folder(folder), way, FeatureShelf(tmp_path / "kept" / "key"))
