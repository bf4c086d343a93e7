"""Maps tell people apart whatever colours a reader sees, and without any."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from bench_core.figures.drawing import png_bytes
from bench_core.figures.maps import LETTERS, PEOPLE, Map, draw_maps

SIGHT = {
    "all cones": np.eye(3),
    "no long ones": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "no middle ones": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "no short ones": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
"""Machado, Oliveira and Fernandes (2009), severity 1, of linear RGB."""
TO_XYZ = np.array(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
) / np.array([[0.9505], [1.0], [1.089]])


def as_seen(color: str, sight: str) -> np.ndarray:
    """Return a colour in CIELAB."""
    rgb = np.array(to_rgb(color))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(SIGHT[sight] @ linear, 0, 1)
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("sight", SIGHT)
def test_any_two_people_have_colours_that_differ(sight: str) -> None:
    seen = [as_seen(color, sight) for color in PEOPLE]
    assert min(np.linalg.norm(one - other) for one, other in combinations(seen, 2)) > 20


def test_each_person_has_a_letter() -> None:
    assert len(set(LETTERS)) == len(set(PEOPLE)) == len(PEOPLE)


def test_shape_is_the_modality_and_letters_stand_in_each() -> None:
    places = np.arange(12.0).reshape(6, 2)
    person, group = np.array([0, 1, 0, 1, 0, 1]), np.array([0, 0, 0, 1, 1, 1])
    maps = [Map("one", places), Map("two", places, ("x", "y"))]
    figure = draw_maps(maps, person, group, ["visible", "infrared"])
    for axes in figure.axes:
        shown = [dots.get_paths()[0].vertices.shape for dots in axes.collections]
        assert len(set(shown)) == 2  # a disc has more vertices than a triangle
        assert sorted(text.get_text() for text in axes.texts) == ["A", "A", "B", "B"]
    assert png_bytes(figure) == png_bytes(draw_maps(maps, person, group, ["visible", "infrared"]))
