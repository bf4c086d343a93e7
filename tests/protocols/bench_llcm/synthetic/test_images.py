"""Rendered images of LLCM: dim, noisy, lit by lamps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from bench_core.synthetic.cameras import Camera, Lamp
from bench_core.synthetic.people import sample_person
from bench_core.synthetic.rendering import render
from bench_llcm.synthetic.cameras import LLCM_CAMERAS
from bench_sysu.synthetic.cameras import SYSU_CAMERAS

Pixels = NDArray[np.float64]
Features = Callable[[Pixels], Pixels]

HEIGHTS = (96, 160)
VISIBLE = [number for number, camera in LLCM_CAMERAS.items() if camera.band == "visible"]
INFRARED = [number for number, camera in LLCM_CAMERAS.items() if camera.band == "infrared"]


def shot(camera: Camera, identity: int, number: int, index: int = 0) -> Pixels:
    person = sample_person(0, identity)
    picture = render(person, camera, HEIGHTS, (0, identity, number, index))
    return np.asarray(picture.image.resize((64, 128)), dtype=np.float64) / 255


def brightness(camera: Camera, number: int) -> float:
    return float(np.mean([shot(camera, identity, number).mean() for identity in range(8)]))


def test_a_camera_looks_at_one_place_in_both_modalities() -> None:
    assert VISIBLE == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert INFRARED == [11, 12, 14, 15, 16, 17, 18, 19]
    for number in INFRARED:
        infrared, visible = LLCM_CAMERAS[number], LLCM_CAMERAS[number - 10]
        assert (infrared.scene, infrared.place) == (visible.scene, visible.place)


def test_visible_images_are_far_darker_than_those_of_sysu() -> None:
    dim = [brightness(LLCM_CAMERAS[number], number) for number in VISIBLE]
    lit = [brightness(SYSU_CAMERAS[number], number) for number in (1, 2, 4, 5)]
    assert max(dim) < min(lit)
    assert np.mean(dim) < 0.6 * np.mean(lit)
    assert min(dim) > 0.05, "something can be seen"


def test_visible_images_have_the_colour_of_their_lamps() -> None:
    warmth = []
    for number in VISIBLE:
        images = [shot(LLCM_CAMERAS[number], identity, number) for identity in range(6)]
        red, _, blue = np.mean(images, axis=(0, 1, 2))
        warmth.append(red / blue)
    assert max(warmth) > 1.3 * min(warmth)


def test_infrared_images_have_three_equal_channels() -> None:
    for number in INFRARED:
        image = shot(LLCM_CAMERAS[number], 1, number)
        assert (image == image[:, :, :1]).all()


@pytest.mark.parametrize("side", [-1, 1])
def test_a_lamp_lights_what_is_near_it(side: int) -> None:
    """A lamp at one side of the view brightens the half of the images that are there."""
    lamp = Lamp((0.9 * side, 0.0), reach=0.3, power=6.0, tint=(1.0, 1.0, 1.0))
    lit, dark = (replace(LLCM_CAMERAS[1], lamps=lamps, noise=0.0) for lamps in ((lamp,), ()))
    gains = [shot(lit, 1, 1, index).mean() / shot(dark, 1, 1, index).mean() for index in range(20)]
    assert max(gains) > 1.4
    assert min(gains) < 1.15


def test_a_lamp_lights_people_from_its_side() -> None:
    """The side of a person that faces a lamp is brighter; both lamps are as far from the view."""
    halves = []
    for side in (-1, 1):
        lamp = Lamp((6.0 * side, 0.0), reach=6.0, power=8.0, tint=(1.0, 1.0, 1.0))
        camera = replace(LLCM_CAMERAS[1], lamps=(lamp,), noise=0.0)
        image = np.mean([shot(camera, identity, 1) for identity in range(6)], axis=0)
        halves.append(image[30:70, 20:32].mean() / image[30:70, 32:44].mean())
    assert halves[0] > 1.1 * halves[1]


@pytest.mark.slow
def test_edges_find_people_across_the_modalities(edges: Features) -> None:
    people = range(1, 41)
    features = {
        number: np.array([edges(shot(LLCM_CAMERAS[number], i, number)) for i in people])
        for number in (1, 2, 4, 7, 11, 12, 14, 17)
    }
    hits = [
        (features[query] @ features[gallery].T).argmax(axis=1) == np.arange(len(people))
        for query in (1, 2, 4, 7)
        for gallery in (11, 12, 14, 17)
    ]
    assert np.mean(hits) > 2 / len(people)
