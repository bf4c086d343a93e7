"""What covers body parts: faces in front, hair behind, and what an open jacket shows."""

from __future__ import annotations

import numpy as np
import pytest

from bench_core import INFRARED, VISIBLE
from bench_core.synthetic.bands import THERMAL, Band
from bench_core.synthetic.finishes import Head, OpenFront, Solid
from bench_core.synthetic.materials import Material
from bench_core.synthetic.patterns import Surface

DARK, BRIGHT = Material((0.1, 0.1, 0.1), 0.1, 0.1), Material((0.8, 0.8, 0.8), 0.8, 0.7)


def at(azimuth: float, along: float = 0.6) -> Surface:
    """Return a single pixel of a surface of height 1 m."""
    place = np.full((1, 1), azimuth, dtype=np.float32)
    return Surface(around=place, along=np.full_like(place, along), azimuth=place, pixel=0.01)


@pytest.mark.parametrize("band", [VISIBLE, INFRARED, THERMAL])
def test_a_head_has_a_face_in_front_and_hair_behind(band: Band) -> None:
    head = Head(skin=BRIGHT, hair=DARK, bald=False, height=1.0)
    assert head.paint(at(0.9), band).min() == pytest.approx(0.8, abs=0.05)
    assert head.paint(at(3.0), band).max() == pytest.approx(0.1, abs=0.01)
    assert head.paint(at(0.0, along=0.05), band).max() == pytest.approx(0.1, abs=0.01)


def test_a_bald_head_is_skin_all_around() -> None:
    head = Head(skin=BRIGHT, hair=DARK, bald=True, height=1.0)
    assert head.paint(at(3.0), INFRARED).item() == pytest.approx(0.8, abs=0.01)


def test_eyes_are_dark_and_the_cheek_is_not() -> None:
    head = Head(skin=BRIGHT, hair=DARK, bald=False, height=1.0)
    assert head.paint(at(0.42, 0.47), INFRARED) < 0.6 * head.paint(at(0.6, 0.62), INFRARED)


def test_an_open_jacket_shows_what_is_below_in_front_only() -> None:
    jacket = OpenFront(Solid(DARK, folds=0.1), BRIGHT, half_angle=0.4)
    assert jacket.paint(at(0.0), INFRARED).item() == pytest.approx(0.8)
    assert jacket.paint(at(1.0), INFRARED).item() == pytest.approx(0.1)
    assert jacket.folds == 0.1
