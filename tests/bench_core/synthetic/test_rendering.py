"""Rendered images: what a shot, a camera and a band decide."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from bench_core import INFRARED, VISIBLE
from bench_core.synthetic.people import sample_person
from bench_core.synthetic.rendering import render
from bench_core.synthetic.scenes import FLOOR, HEIGHT, build_scene
from bench_sysu.synthetic.cameras import SYSU_CAMERAS

HEIGHTS = (96, 208)


def shot(identity: int, camera: int, index: int = 0, seed: int = 0) -> Image.Image:
    key = (seed, identity, camera, index)
    return render(sample_person(seed, identity), SYSU_CAMERAS[camera], HEIGHTS, key).image


def grey(image: Image.Image) -> NDArray[np.float64]:
    """Return a 64 x 32 grey image as a vector without mean, of unit length."""
    pixels = np.asarray(image.convert("L").resize((32, 64)), dtype=np.float64).ravel()
    pixels -= pixels.mean()
    return np.asarray(pixels / np.linalg.norm(pixels))


def rank_one(queries: list[Image.Image], gallery: list[Image.Image]) -> float:
    """Return how often query i finds gallery image i first."""
    similarity = np.stack([grey(i) for i in queries]) @ np.stack([grey(i) for i in gallery]).T
    return float(np.mean(similarity.argmax(axis=1) == np.arange(len(queries))))


@pytest.mark.parametrize("camera", SYSU_CAMERAS)
def test_the_same_shot_gives_the_same_pixels(camera: int) -> None:
    assert shot(5, camera).tobytes() == shot(5, camera).tobytes()
    assert shot(5, camera, 0).tobytes() != shot(5, camera, 1).tobytes()


@pytest.mark.parametrize("camera", [3, 6])
def test_infrared_images_have_three_equal_channels(camera: int) -> None:
    pixels = np.asarray(shot(2, camera))
    assert pixels.shape[2] == 3
    assert (pixels == pixels[:, :, :1]).all()


@pytest.mark.parametrize("camera", [1, 2, 4, 5])
def test_visible_images_have_colour(camera: int) -> None:
    pixels = np.asarray(shot(2, camera)).astype(int)
    assert np.ptp(pixels, axis=2).mean() > 3


def test_images_are_upright_boxes_of_many_sizes() -> None:
    sizes = [shot(identity, camera).size for identity in range(8) for camera in SYSU_CAMERAS]
    assert len(set(sizes)) > 40
    assert all(HEIGHTS[0] <= height <= HEIGHTS[1] for _, height in sizes)
    aspects = [width / height for width, height in sizes]
    assert min(aspects) > 0.3
    assert max(aspects) < 0.9
    assert 0.35 < np.median(aspects) < 0.55


def test_the_person_stands_out_from_an_image_without_them() -> None:
    """Averaged over shots, the middle of the box differs from its upper corners."""
    middle, corners = [], []
    for identity in range(30):
        pixels = np.asarray(shot(identity, 4).resize((40, 100)), dtype=float)
        middle.append(pixels[20:80, 15:25].std(axis=(0, 1)).mean())
        corners.append(pixels[0:10, 0:6].std(axis=(0, 1)).mean())
    assert np.mean(middle) > 1.3 * np.mean(corners)


def test_one_room_has_one_geometry_for_both_sensors() -> None:
    second, third = SYSU_CAMERAS[2], SYSU_CAMERAS[3]
    assert (second.scene, second.place) == (third.scene, third.place)
    visible, infrared = (
        build_scene(c.scene, c.place, c.band, 0).mean(axis=0) for c in (second, third)
    )
    edges = [
        np.abs(np.diff(scene[: int(FLOOR * HEIGHT)].mean(axis=0))) for scene in (visible, infrared)
    ]
    assert np.corrcoef(*edges)[0, 1] > 0.4


def test_places_differ_between_rooms_and_seeds() -> None:
    rooms = [build_scene("room", place, VISIBLE, seed) for place, seed in ((1, 0), (2, 0), (1, 1))]
    assert len({room.tobytes() for room in rooms}) == 3


def test_leaves_are_brighter_in_infrared_than_in_visible_light() -> None:
    visible, infrared = (
        build_scene("street", 4, band, 0).mean(axis=0) for band in (VISIBLE, INFRARED)
    )
    red, green, blue = build_scene("street", 4, VISIBLE, 0).astype(float)
    leaves = green > 1.25 * np.maximum(red, blue)
    assert leaves.mean() > 0.02
    assert infrared[leaves].mean() > visible[leaves].mean()


@pytest.mark.slow
def test_raw_pixels_match_within_a_modality_at_best() -> None:
    """Grey pixels find people again in visible light better than chance, not across modalities."""
    people = range(60)
    visible = [shot(i, 4) for i in people]
    infrared = [[shot(i, camera, n) for i in people] for camera in (3, 6) for n in (0, 1)]
    across = np.mean([rank_one(queries, visible) for queries in infrared])
    assert across < 3 / len(people)
    assert rank_one([shot(i, 5) for i in people], visible) < 0.6
