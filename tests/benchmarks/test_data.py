"""Images to batches: the decoded cache and augmentation of whole batches, beside the usual ways."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision import transforms

from bench_core.data.cache import open_images
from bench_core.data.sampling import BatchRows
from bench_core.datasets import Dataset
from bench_core.methods import AugmentationConfig
from bench_core.system.processes import num_processors
from bench_core.training.batches import BatchLoader, to_float

BATCH = 48
SIZE = (256, 128)
NUM_PICTURES = 4_000


class FileReader:
    """The usual data set of a loader: an image is decoded and resized each time it is asked for."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._transform = transforms.Compose([transforms.Resize(SIZE), transforms.ToTensor()])

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, row: int) -> torch.Tensor:
        image: torch.Tensor = self._transform(Image.open(self._paths[row]).convert("RGB"))
        return image


@pytest.fixture(scope="module")
def pictures(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """JPEG files about as large as the images of SYSU-MM01."""
    root = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    sources = itertools.cycle(dataset.images["path"])
    for number, source in zip(range(NUM_PICTURES), sources, strict=False):
        height = int(rng.integers(180, 420))
        image = Image.open(dataset.root / source).resize((height * 2 // 5, height))
        image.save(root / f"{number:05d}.jpg", quality=90)
    paths = pd.DataFrame({"path": sorted(path.name for path in root.iterdir())})
    return replace(dataset, root=root, images=paths)


def read_in_a_loader(paths: Sequence[Path]) -> int:
    loader = DataLoader(FileReader(paths), batch_size=BATCH, num_workers=num_processors())  # type: ignore[arg-type]
    return sum(len(batch) for batch in loader)


def read_in_a_loop(paths: Sequence[Path]) -> int:
    pixels = (
        Image.open(path).convert("RGB").resize(SIZE[::-1], Image.Resampling.BILINEAR)
        for path in paths
    )
    return sum(1 for _ in pixels)


@pytest.mark.parametrize("read", [read_in_a_loader, read_in_a_loop])
def test_building_the_cache_beside_one_epoch_of_decoding(
    compare: Callable[..., None],
    pictures: Dataset,
    tmp_path_factory: pytest.TempPathFactory,
    read: Callable[[Sequence[Path]], int],
) -> None:
    paths = [pictures.root / path for path in pictures.images["path"]]

    def build() -> None:
        store = open_images(pictures, "f" * 64, SIZE, tmp_path_factory.mktemp("cache"))
        assert store.pixels.shape == (NUM_PICTURES, *SIZE, 3)

    compare(build, lambda: read(paths), rounds=2)


def test_a_batch_from_the_cache_beside_one_decoded_from_files(
    compare: Callable[..., None], pictures: Dataset, cache: Path
) -> None:
    store = open_images(pictures, "f" * 64, SIZE, cache)
    rows = np.random.default_rng(0).integers(0, len(store.pixels), BATCH)
    reader = FileReader([pictures.root / path for path in pictures.images["path"].iloc[rows]])
    compare(
        lambda: to_float(torch.from_numpy(store.pixels[rows])),
        lambda: torch.stack([reader[row] for row in range(BATCH)]),
    )


def test_augmentation_of_a_batch_beside_image_by_image(compare: Callable[..., None]) -> None:
    """Both start from decoded bytes, and end with a batch of floats as a training gets it."""
    pixels = np.random.default_rng(0).integers(0, 256, (2 * BATCH, *SIZE, 3), dtype=np.uint8)
    visible, infrared = np.arange(2 * BATCH).reshape(2, BATCH)
    rows = BatchRows(visible=visible, infrared=infrared, labels=visible)
    loader = BatchLoader(pixels, torch.device("cpu"))
    config = AugmentationConfig(flip=0.5, padding=10, erasing=0.5)
    transform = transforms.Compose(
        [
            transforms.RandomHorizontalFlip(),
            transforms.Pad(10),
            transforms.RandomCrop(SIZE),
            transforms.RandomErasing(0.5, (0.02, 0.4)),
        ]
    )

    def one_by_one() -> None:
        for chosen in (visible, infrared):
            images = (torch.from_numpy(pixels[row]).permute(2, 0, 1) for row in chosen)
            torch.stack([transform(image.float() / 255) for image in images])

    compare(lambda: next(loader.load(iter([rows]), config, seed=0)), one_by_one)
