"""Images to batches: the decoded cache and augmentation of whole batches, beside the usual ways."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms

from bench_core import AugmentationConfig, Dataset
from bench_core.data.augmentation import augment
from bench_core.data.cache import ImageStore
from bench_core.training.batches import to_float

BATCH = 48


@pytest.mark.benchmark(group="a batch of 48 images at 256x128, from disk to memory")
def test_batch_from_the_cache(benchmark: Any, store: ImageStore) -> None:
    rows = np.random.default_rng(0).integers(0, len(store.pixels), BATCH)
    batch = benchmark(lambda: to_float(torch.from_numpy(store.pixels[rows])))
    assert batch.shape == (BATCH, 3, 256, 128)


@pytest.mark.benchmark(group="a batch of 48 images at 256x128, from disk to memory")
def test_batch_decoded_from_files(benchmark: Any, dataset: Dataset) -> None:
    rows = np.random.default_rng(0).integers(0, len(dataset.images), BATCH)
    paths = [dataset.root / path for path in dataset.images["path"].iloc[rows]]
    transform = transforms.Compose([transforms.Resize((256, 128)), transforms.ToTensor()])

    def decode() -> torch.Tensor:
        return torch.stack([transform(Image.open(path).convert("RGB")) for path in paths])

    assert benchmark(decode).shape == (BATCH, 3, 256, 128)


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
