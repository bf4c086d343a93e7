"""Cloth patterns: masks over a garment's surface."""

from __future__ import annotations

import numpy as np
import pytest

from bench_core.synthetic.patterns import PATTERNS, Pattern, Surface, accent_mask, sample_pattern
from bench_core.synthetic.randomness import Randomness


def cloth(side: int = 400) -> Surface:
    """Return a garment, unrolled: all the way around a body, 0.6 m long."""
    azimuth, along = np.meshgrid(
        np.linspace(-np.pi, np.pi, side, dtype=np.float32),
        np.linspace(0, 0.6, side, dtype=np.float32),
    )
    return Surface(around=azimuth * 0.14, along=along, azimuth=azimuth, pixel=0.0015)


@pytest.mark.parametrize("kind", PATTERNS)
def test_a_pattern_shows_both_materials(kind: str) -> None:
    mask = accent_mask(Pattern(kind, period=0.2, share=0.5), cloth())
    assert mask.dtype == np.float32
    assert (mask.min(), mask.max()) == (0, 1)


@pytest.mark.parametrize("kind", ["horizontal", "vertical"])
def test_stripes_cover_their_share(kind: str) -> None:
    mask = accent_mask(Pattern(kind, period=0.05, share=0.3), cloth())
    assert mask.mean() == pytest.approx(0.3, abs=0.02)


def test_stripes_run_where_their_name_says() -> None:
    horizontal = accent_mask(Pattern("horizontal"), cloth())
    vertical = accent_mask(Pattern("vertical"), cloth())
    assert np.ptp(horizontal, axis=1).max() == 0
    assert np.ptp(vertical, axis=0).max() == 0


@pytest.mark.parametrize("kind", ["disc", "block", "triangle"])
def test_a_print_is_on_the_back_only_if_it_says_so(kind: str) -> None:
    surface = cloth()
    back = np.abs(surface.azimuth) > 2.5
    assert accent_mask(Pattern(kind, period=0.2, on_back=False), surface)[back].max() == 0
    assert accent_mask(Pattern(kind, period=0.2, on_back=True), surface)[back].max() == 1


def test_patterns_are_coarse_enough_for_a_surveillance_camera() -> None:
    rng = Randomness(0)
    patterns = [sample_pattern(rng, tuple(PATTERNS)) for _ in range(300)]
    assert {pattern.kind for pattern in patterns} == set(PATTERNS)
    assert min(pattern.period for pattern in patterns) >= 0.08
