"""Extraction beside a plain loop: eager float32 in NCHW over a PyTorch DataLoader.

Both read the same decoded images; targets on a processor are 1.5 times in float32, and 3 times in
bfloat16 where the processor has it. The check of the fast path is part of what is timed; a test
set has hundreds of times as many images.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from bench_core.configuration import choose_method
from bench_core.contracts.method import Precision
from bench_core.data.cache import ImageStore
from bench_core.features.extraction import ExtractionSettings, extract_features
from bench_core.pipeline.methods import build_method
from bench_core.plugins import Registry
from bench_core.system.devices import number_formats
from bench_core.training.method import Method

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
BATCH = 128
NUM_IMAGES = {"paper": 96, "quick": 4096}
ROUNDS = {"paper": 2, "quick": 5}


class Decoded(Dataset[torch.Tensor]):
    def __init__(self, pixels: np.ndarray) -> None:
        self._pixels = pixels

    def __len__(self) -> int:
        return len(self._pixels)

    def __getitem__(self, row: int) -> torch.Tensor:
        return torch.from_numpy(self._pixels[row]).permute(2, 0, 1).float() / 255


def plain_loop(method: Method, pixels: np.ndarray) -> torch.Tensor:
    with torch.no_grad():
        loader = DataLoader(Decoded(pixels), batch_size=BATCH)
        return torch.cat([method.extract(images, "visible") for images in loader])


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("preset", ["paper", "quick"])
def test_features_are_extracted_faster_than_by_a_plain_loop(
    compare: Callable[..., None], registry: Registry, preset: str, precision: Precision
) -> None:
    if precision not in number_formats(CPU):
        pytest.skip(f"this processor has no {precision}")
    choice = choose_method(*registry.method("xiv:baseline"), preset)
    method = build_method(choice, 4)
    method.networks.eval()
    count = NUM_IMAGES[preset]
    shape = (count, *choice.config.image_size, 3)
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    rows = np.arange(count)
    images = pd.DataFrame({"identity": rows, "camera": 1, "modality": "visible", "index": 0})
    settings = ExtractionSettings(device=CPU, batch_size=BATCH, precision=precision)

    def extract() -> None:
        extraction = extract_features(method, images, rows, ImageStore(pixels), settings)
        assert extraction.note == ""

    compare(extract, lambda: plain_loop(method, pixels), rounds=ROUNDS[preset])
