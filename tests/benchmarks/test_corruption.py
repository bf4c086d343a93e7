"""Corrupting images beside extracting their features, on one thread.

A corrupted run must take less than twice the time of a plain one: to corrupt an image, on the mean
over all corruptions and severities, takes less than to extract it. The reference extracts a
twenty-fifth of the images that are corrupted, so that the ratio must stay below 25.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from bench_core.configuration import choose_method
from bench_core.corrupted_twins import CORRUPTIONS, SEVERITIES
from bench_core.corruption.degrading import corrupt
from bench_core.pipeline.methods import build_method
from bench_core.plugins import Registry

pytestmark = pytest.mark.usefixtures("one_thread")

PART = 25


def test_corrupting_takes_less_than_extracting(
    compare: Callable[..., None], registry: Registry
) -> None:
    choice = choose_method(*registry.method("xiv:baseline"), "paper")
    method = build_method(choice, 4)
    method.networks.eval()
    cells = [(name, severity) for name in CORRUPTIONS for severity in SEVERITIES]
    height, width = choice.config.image_size
    slopes = np.add.outer(np.arange(height), np.arange(width)) % 256
    person = np.stack([slopes, slopes[::-1], slopes[:, ::-1]], axis=2).astype(np.uint8)
    image = torch.from_numpy(person.copy()).permute(2, 0, 1).float() / 255
    images = image.repeat(len(cells) // PART, 1, 1, 1)

    def corrupt_all() -> None:
        for name, severity in cells:
            corrupt(person, name, severity, name="cam1/0001/0001.jpg")

    def extract() -> None:
        with torch.inference_mode():
            method.extract(images, "visible")

    compare(corrupt_all, extract, rounds=3)
