"""Drawing of tubes."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from bench_core import INFRARED
from bench_core.synthetic.canvas import Canvas, Light, Tube
from bench_core.synthetic.finishes import Solid
from bench_core.synthetic.materials import Material
from bench_core.synthetic.shapes import profile, tube_bounds

EVERYWHERE = Light((0.0, 0.0, 1.0), ambient=1.0)
WHITE = Solid(Material((1.0, 1.0, 1.0), 1.0))


def column(x: float = 1.0, shadow: float = 0.0) -> Tube:
    """Return an upright tube, 0.4 m wide, from 1.5 m down to 0.5 m."""
    outline = profile((0, 1), (0.2, 0.2))
    return Tube((x, 1.5), (x, 0.5), outline, outline, WHITE, depth=0.0, shadow=shadow)


def drawn(tube: Tube, light: Light = EVERYWHERE, background: float = 0.0) -> NDArray[np.float32]:
    pixels = np.full((1, 200, 200), background, dtype=np.float32)
    Canvas(pixels, INFRARED, light, scale=100, origin=(0.0, 2.0)).draw(tube)
    return np.asarray(pixels[0])


def test_a_tube_covers_its_area_and_nothing_else() -> None:
    pixels = drawn(column())
    assert pixels[60:140, 85:115].min() == 1
    assert pixels.sum() == pytest.approx(40 * 100, rel=0.01)
    outside = pixels.copy()
    outside[49:151, 79:121] = 0
    assert outside.max() == 0


def test_a_tube_outside_the_canvas_changes_nothing() -> None:
    assert drawn(column(x=9.0)).max() == 0


def test_light_from_the_side_leaves_the_other_side_dark() -> None:
    pixels = drawn(column(), Light((1.0, 0.0, 0.0), ambient=0.2))
    assert pixels[100, 115] > 2 * pixels[100, 85]


def test_light_from_the_camera_darkens_both_edges() -> None:
    row = drawn(column(), Light((0.0, 0.0, 1.0), ambient=0.1))[100]
    assert row[100] > 1.3 * row[83]
    assert row[83] == pytest.approx(row[116], rel=0.05)


def test_a_contact_shadow_darkens_what_is_beside() -> None:
    pixels = drawn(column(shadow=0.5), background=0.5)
    assert pixels[100, 77] < 0.45
    assert pixels[100, 60] == pytest.approx(0.5)


def test_bounds_are_those_of_the_drawn_area() -> None:
    (left, bottom), (right, top) = tube_bounds(column())
    assert (left, bottom, right, top) == pytest.approx((0.8, 0.5, 1.2, 1.5))


def test_the_ground_is_darkest_where_the_person_stands() -> None:
    pixels = np.ones((1, 200, 200), dtype=np.float32)
    canvas = Canvas(pixels, INFRARED, EVERYWHERE, scale=100, origin=(0.0, 2.0))
    canvas.shade_ground((1.0, 1.0), (0.5, 0.2), 0.6)
    assert pixels[0, 100, 100] == pytest.approx(0.4)
    assert pixels[0, 150, 100] == pixels[0, 100, 20] == 1
