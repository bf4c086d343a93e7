"""Rendered pairs of RegDB: one moment before two cameras, and how warm things look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bench_core.synthetic.cameras import Camera
from bench_core.synthetic.materials import Material
from bench_core.synthetic.people import BACK, FRONT, Person, sample_person
from bench_core.synthetic.rendering import render
from bench_regdb.synthetic.cameras import REGDB_CAMERAS, THERMAL_CAMERA, VISIBLE_CAMERA

Pixels = NDArray[np.float64]
Features = Callable[[Pixels], Pixels]

WHITE, BLACK = Material((1, 1, 1), 1, 1), Material((0, 0, 0), 0, 0)


def person(identity: int) -> Person:
    view = FRONT if identity % 2 else BACK
    return sample_person(0, identity, feminine=identity % 3 > 0, view=view)


def shot(person: Person, identity: int, number: int, index: int = 0, **changes: Any) -> Pixels:
    camera: Camera = replace(REGDB_CAMERAS[number], **changes)
    picture = render(person, camera, (128, 128), (0, identity, number, index))
    return np.asarray(picture.image, dtype=np.float64) / 255


def painted(thing: Any, material: Material) -> Any:
    """Return a person, or a part of one, all of whose materials are another one."""
    if isinstance(thing, Material):
        return material
    if not is_dataclass(thing) or isinstance(thing, type):
        return thing
    parts = {f.name: painted(getattr(thing, f.name), material) for f in fields(thing)}
    return replace(thing, **parts)


def silhouette(identity: int, number: int, index: int) -> NDArray[np.bool_]:
    white, black = (
        shot(painted(person(identity), material), identity, number, index)
        for material in (WHITE, BLACK)
    )
    return np.asarray((white - black).mean(axis=2) > 0.25)


def overlap(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    return float((first & second).sum() / (first | second).sum())


def test_the_images_of_a_pair_show_one_pose_in_one_box() -> None:
    matched, crossed = [], []
    for identity in range(1, 13):
        visible, thermal = (
            [silhouette(identity, number, index) for index in (0, 4)]
            for number in (VISIBLE_CAMERA, THERMAL_CAMERA)
        )
        matched += [overlap(visible[i], thermal[i]) for i in (0, 1)]
        crossed += [overlap(visible[i], thermal[1 - i]) for i in (0, 1)]
    assert min(matched) > 0.85
    assert np.mean(matched) > np.mean(crossed) + 0.03


def test_the_images_of_a_person_are_of_one_pass() -> None:
    """Successive images differ as a step does: far less than those of another pass."""
    for number in (VISIBLE_CAMERA, THERMAL_CAMERA):
        first, second = (shot(person(1), 1, number, index) for index in (0, 1))
        another = shot(person(1), 3, number)
        assert 0 < np.abs(first - second).mean() < 0.4 * np.abs(first - another).mean()


def test_the_sensors_of_a_pair_have_their_own_noise() -> None:
    residuals = []
    for number in (VISIBLE_CAMERA, THERMAL_CAMERA):
        noisy, clean = (shot(person(1), 1, number, noise=noise) for noise in (0.03, 0.0))
        residuals.append((noisy - clean)[:, :, 0].ravel())
        assert residuals[-1].std() > 0.02
    assert abs(np.mean(residuals[0] * residuals[1])) < 0.05 * 0.03**2


def test_bare_skin_is_brighter_than_clothes() -> None:
    """Skin and cloth are where an image changes when they are painted black."""
    contrasts = []
    for identity in range(1, 25):
        model = person(identity)
        image = shot(model, identity, THERMAL_CAMERA)
        skin, cloth = (
            image[np.abs(image - shot(without, identity, THERMAL_CAMERA)).mean(axis=2) > 0.2]
            for without in (
                replace(model, skin=BLACK),
                replace(model, top=painted(model.top, BLACK), bottom=painted(model.bottom, BLACK)),
            )
        )
        if len(skin) > 150:
            contrasts.append(skin.mean() / cloth.mean())
    assert len(contrasts) > 8
    assert np.median(contrasts) > 1.3
    assert min(contrasts) > 0.95


def test_people_are_warmer_than_what_is_behind_them() -> None:
    inside, outside = [], []
    for identity in range(1, 11):
        image = shot(person(identity), identity, THERMAL_CAMERA).mean(axis=2)
        mask = silhouette(identity, THERMAL_CAMERA, 0)
        inside.append(image[mask].mean())
        outside.append(image[~mask].mean())
    assert np.mean(inside) > 1.6 * np.mean(outside)
    assert max(outside) < 0.35


def test_thermal_images_have_three_equal_channels_and_visible_ones_colour() -> None:
    thermal, visible = (shot(person(2), 2, n) for n in (THERMAL_CAMERA, VISIBLE_CAMERA))
    assert (thermal == thermal[:, :, :1]).all()
    assert np.ptp(visible, axis=2).mean() > 0.02


def test_colour_changes_nothing_in_a_thermal_image() -> None:
    model = person(3)
    dyed = replace(model.top.fabric.base, colour=(1.0, 0.0, 0.0), infrared=1.0)
    other = replace(model, top=replace(model.top, fabric=replace(model.top.fabric, base=dyed)))
    first, second = (shot(p, 3, THERMAL_CAMERA) for p in (model, other))
    assert (first == second).all()


def test_people_keep_their_view() -> None:
    """From the front a face shows, warm in the middle of the head; from the back hair does."""
    brightness = {
        view: np.mean(
            [
                shot(
                    replace(sample_person(0, i, view=view), hair_style="short", hat="none"),
                    i,
                    THERMAL_CAMERA,
                )[8:20, 24:40].mean()
                for i in range(12)
            ]
        )
        for view in (FRONT, BACK)
    }
    assert brightness[FRONT] > 1.1 * brightness[BACK]


@pytest.mark.slow
def test_edges_find_people_across_the_bands(edges: Features) -> None:
    people = range(1, 41)
    visible, thermal = (
        np.array([[edges(shot(person(i), i, number, n)) for n in (0, 5)] for i in people])
        for number in (VISIBLE_CAMERA, THERMAL_CAMERA)
    )

    def rank_one(query: int, gallery: int) -> float:
        nearest = (visible[:, query] @ thermal[:, gallery].T).argmax(axis=1)
        return float(np.mean(nearest == np.arange(len(people))))

    chance = 1 / len(people)
    assert np.mean([rank_one(n, n) for n in (0, 1)]) > 10 * chance, "of the same moment"
    assert np.mean([rank_one(n, 1 - n) for n in (0, 1)]) > 10 * chance, "of another moment"
