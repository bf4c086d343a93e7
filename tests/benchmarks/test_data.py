"""Images to batches: the decoded cache and augmentation of whole batches, beside the usual ways."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision import transforms

from bench_core import AugmentationConfig, Dataset
from bench_core.data.augmentation import augment
from bench_core.data.cache import open_images
from bench_core.processes import num_processors
from bench_core.training.batches import to_float

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


@pytest.mark.benchmark(group=f"decode and resize {NUM_PICTURES} JPEG files to 256x128")
def test_building_the_cache(
    benchmark: Any, pictures: Dataset, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = benchmark.pedantic(
        lambda: open_images(pictures, "f" * 64, SIZE, tmp_path_factory.mktemp("cache")), rounds=3
    )
    assert store.pixels.shape == (NUM_PICTURES, *SIZE, 3)


@pytest.mark.benchmark(group=f"decode and resize {NUM_PICTURES} JPEG files to 256x128")
def test_decoding_for_an_epoch_in_a_loader(benchmark: Any, pictures: Dataset) -> None:
    reader = FileReader([pictures.root / path for path in pictures.images["path"]])
    loader = DataLoader(reader, batch_size=BATCH, num_workers=num_processors())  # type: ignore[arg-type]
    count = benchmark.pedantic(lambda: sum(len(batch) for batch in loader), rounds=3)
    assert count == NUM_PICTURES


@pytest.mark.benchmark(group=f"decode and resize {NUM_PICTURES} JPEG files to 256x128")
def test_decoding_for_an_epoch_in_a_loop(benchmark: Any, pictures: Dataset) -> None:
    paths = [pictures.root / path for path in pictures.images["path"]]

    def decode() -> int:
        return sum(
            Image.open(path).convert("RGB").resize(SIZE[::-1], Image.Resampling.BILINEAR).height
            for path in paths
        )

    assert benchmark.pedantic(decode, rounds=3) == NUM_PICTURES * SIZE[0]


@pytest.mark.benchmark(group="a batch of 48 images at 256x128, from disk to memory")
def test_batch_from_the_cache(benchmark: Any, pictures: Dataset, cache: Path) -> None:
    store = open_images(pictures, "f" * 64, SIZE, cache)
    rows = np.random.default_rng(0).integers(0, len(store.pixels), BATCH)
    batch = benchmark(lambda: to_float(torch.from_numpy(store.pixels[rows])))
    assert batch.shape == (BATCH, 3, 256, 128)


@pytest.mark.benchmark(group="a batch of 48 images at 256x128, from disk to memory")
def test_batch_decoded_from_files(benchmark: Any, pictures: Dataset) -> None:
    rows = np.random.default_rng(0).integers(0, NUM_PICTURES, BATCH)
    reader = FileReader([pictures.root / path for path in pictures.images["path"].iloc[rows]])
    batch = benchmark(lambda: torch.stack([reader[row] for row in range(BATCH)]))
    assert batch.shape == (BATCH, 3, 256, 128)


@pytest.mark.benchmark(group="flip, pad, crop and erase 48 images at 256x128")
def test_augmentation_of_the_batch(benchmark: Any) -> None:
    images = torch.rand(BATCH, 3, 256, 128).to(memory_format=torch.channels_last)
    config = AugmentationConfig(flip=0.5, padding=10, erasing=0.5)
    generator = torch.Generator().manual_seed(0)
    assert benchmark(lambda: augment(images, config, generator)).shape == images.shape


@pytest.mark.benchmark(group="flip, pad, crop and erase 48 images at 256x128")
def test_augmentation_image_by_image(benchmark: Any) -> None:
    images = torch.rand(BATCH, 3, 256, 128)
    transform = transforms.Compose(
        [
            transforms.RandomHorizontalFlip(),
            transforms.Pad(10),
            transforms.RandomCrop((256, 128)),
            transforms.RandomErasing(0.5, (0.02, 0.4)),
        ]
    )
    augmented = benchmark(lambda: torch.stack([transform(image) for image in images]))
    assert augmented.shape == images.shape
