"""Corrupting images beside extracting their features, on one thread.

A corrupted run must take less than twice the time of a plain one: to corrupt an image, on the mean
over all corruptions and severities, takes less than to extract it. The reference extracts a fifth
of the images that are corrupted, so that the ratio must stay below 5.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch

from bench_core.configuration import choose_method
from bench_core.corrupted_twins import CORRUPTIONS, SEVERITIES
from bench_core.corruption.degrading import corrupt
from bench_core.data.cache import ImageStore
from bench_core.features.extraction import ExtractionSettings, extract_features
from bench_core.pipeline.methods import build_method
from bench_core.plugins import Registry

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
PART = 5


def test_corrupting_takes_less_than_extracting(
    compare: Callable[..., None], registry: Registry
) -> None:
    choice = choose_method(*registry.method("xiv:baseline"), "paper")
    method = build_method(choice, 4)
    cells = [(name, severity) for name in CORRUPTIONS for severity in SEVERITIES]
    height, width = choice.config.image_size
    slopes = np.add.outer(np.arange(height), np.arange(width)) % 256
    person = np.stack([slopes, slopes[::-1], slopes[:, ::-1]], axis=2).astype(np.uint8)
    pixels = np.stack([person] * (len(cells) // PART))
    rows = np.arange(len(pixels))
    images = pd.DataFrame({"identity": rows, "camera": 1, "modality": "visible", "index": 0})
    settings = ExtractionSettings(device=CPU, batch_size=128)

    def corrupt_all() -> None:
        for name, severity in cells:
            corrupt(person, name, severity, name="cam1/0001/0001.jpg")

    def extract() -> None:
        extract_features(method, images, rows, ImageStore(pixels), settings)

    compare(corrupt_all, extract, rounds=3)
