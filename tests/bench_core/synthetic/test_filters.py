"""Blur and resampling, against SciPy and Pillow."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from bench_core.synthetic.filters import Border, blurred, resampled


def noise(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).random(shape, dtype=np.float32)


@pytest.mark.parametrize("border", ["symmetric", "wrap"])
@pytest.mark.parametrize("sigmas", [(0.9, 0.9), (4.0, 1.5), (0.0, 6.0)])
def test_a_blur_is_a_gaussian(border: Border, sigmas: tuple[float, float]) -> None:
    image = noise(2, 60, 45)
    mode = "reflect" if border == "symmetric" else "wrap"
    expected = gaussian_filter(image, (0, *sigmas), mode=mode)
    result = blurred(image, sigmas, border=border)
    assert result.dtype == np.float32
    assert result == pytest.approx(expected, abs=3e-4)


def test_a_blur_keeps_what_is_even_and_ends_where_it_is_truncated() -> None:
    assert blurred(np.full((30, 30), 0.7), (3, 3)) == pytest.approx(0.7)
    point = np.zeros((1, 41))
    point[0, 20] = 1
    assert np.flatnonzero(blurred(point, (0, 4), truncate=2.5)[0]).tolist() == list(range(10, 31))


def test_no_blur_changes_nothing() -> None:
    image = noise(20, 20)
    assert (blurred(image, (0.1, 0.0)) == image).all()


@pytest.mark.parametrize("size", [(40, 17), (150, 60), (300, 130)])
def test_resampling_is_pillow_s_but_for_its_rounding(size: tuple[int, int]) -> None:
    image = (noise(90, 200, 3) * 255).astype(np.uint8)
    box = (20.3, 0.0, 61.9, 90.0)
    expected = Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR, box)
    result = resampled(image.transpose(2, 0, 1), (0.0, 20.3), (90.0, 41.6), size)
    assert result.dtype == np.float32
    assert result.transpose(1, 2, 0) == pytest.approx(np.asarray(expected, dtype=float), abs=1.01)


def test_resampling_keeps_what_is_even_up_to_the_edges() -> None:
    even = np.full((1, 50, 80), 200, dtype=np.uint8)
    assert resampled(even, (0.0, 30.0), (50.0, 50.0), (23, 31)) == pytest.approx(200, abs=1e-3)
