"""LOMO's histograms of all windows at once beside the plain way, a window after the other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from bench_lomo.descriptor import row_maxima

pytestmark = pytest.mark.usefixtures("one_thread")

NUM_IMAGES = 8
NUM_CODES = 512


def plain_maxima(codes: np.ndarray) -> np.ndarray:
    """Count the codes of images (B, H, W) in windows of 10x10 pixels, one every 5."""
    found = []
    for image in codes:
        height, width = image.shape
        for top in range(0, height - 9, 5):
            windows = [
                np.bincount(image[top : top + 10, left : left + 10].ravel(), minlength=NUM_CODES)
                for left in range(0, width - 9, 5)
            ]
            found.append(np.max(windows, axis=0))
    return np.array(found)


def test_all_windows_at_once_are_no_slower_than_one_by_one(compare: Callable[..., None]) -> None:
    codes = torch.randint(0, NUM_CODES, (NUM_IMAGES, 128, 48))
    arrays = codes.numpy()
    expected = plain_maxima(arrays).reshape(NUM_IMAGES, -1)
    assert np.array_equal(row_maxima(codes, NUM_CODES).numpy(), expected)
    compare(lambda: row_maxima(codes, NUM_CODES), lambda: plain_maxima(arrays))
