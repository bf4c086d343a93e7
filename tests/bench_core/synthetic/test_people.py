"""People: what the seed decides, and what infrared does and does not tell."""

from __future__ import annotations

import numpy as np
import pytest

from bench_core import INFRARED, VISIBLE
from bench_core.synthetic.bands import THERMAL
from bench_core.synthetic.materials import Material, sample_accent, sample_cloth, sample_skin
from bench_core.synthetic.people import ANY_SIDE, BACK, sample_person
from bench_core.synthetic.randomness import Randomness
from bench_core.synthetic.wardrobe import TOP_CUTS

NUM_SAMPLES = 4000
INDEPENDENT = 4 / NUM_SAMPLES**0.5
"""Four standard errors of the correlation of independent samples."""


def cloths() -> list[Material]:
    rng = Randomness(0)
    return [sample_cloth(rng) for _ in range(NUM_SAMPLES)]


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_a_cloth_s_colour_does_not_tell_its_infrared_reflectance(channel: int) -> None:
    samples = cloths()
    colour = [cloth.colour[channel] for cloth in samples]
    infrared = [cloth.infrared for cloth in samples]
    assert abs(np.corrcoef(colour, infrared)[0, 1]) < INDEPENDENT
    squares = np.square(np.subtract(colour, np.mean(colour)))
    assert abs(np.corrcoef(squares, infrared)[0, 1]) < INDEPENDENT


def test_a_pattern_s_infrared_contrast_has_either_sign_whatever_its_visible_one() -> None:
    rng = Randomness(1)
    pairs = [(base, sample_accent(base, rng)) for base in cloths()]
    visible = np.array([accent.luma - base.luma for base, accent in pairs])
    infrared = np.array([accent.infrared - base.infrared for base, accent in pairs])
    assert abs(np.mean(np.sign(visible) == np.sign(infrared)) - 0.5) < INDEPENDENT
    assert np.abs(visible).min() > 0.25, "people see the pattern"
    assert 0.02 < np.mean(np.abs(infrared) < 0.1) < 0.15, "some contrasts vanish in infrared"


@pytest.mark.slow
def test_clothes_as_worn_are_independent_too() -> None:
    people = [sample_person(0, identity) for identity in range(NUM_SAMPLES)]
    for garment in ("top", "bottom"):
        bases = [getattr(person, garment).fabric.base for person in people]
        correlation = np.corrcoef([b.luma for b in bases], [b.infrared for b in bases])[0, 1]
        assert abs(correlation) < INDEPENDENT


def test_all_skin_is_bright_in_infrared() -> None:
    rng = Randomness(2)
    skins = [sample_skin(rng) for _ in range(500)]
    assert min(skin.infrared for skin in skins) > 0.6
    assert np.ptp([skin.luma for skin in skins]) > 0.3, "in visible light it varies"


def test_tones_have_the_channels_of_the_band() -> None:
    material = Material((0.1, 0.2, 0.3), 0.9, 0.4)
    assert material.tone(VISIBLE).ravel().tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert material.tone(INFRARED).shape == (1, 1, 1)
    assert material.tone(INFRARED).item() == pytest.approx(0.9)
    assert material.tone(THERMAL).shape == (1, 1, 1)
    assert material.tone(THERMAL).item() == pytest.approx(0.4)


def test_seed_and_identity_decide_a_person() -> None:
    assert sample_person(1, 20) == sample_person(1, 20)
    assert sample_person(1, 20) != sample_person(1, 21)
    assert sample_person(1, 20) != sample_person(2, 20)


def test_people_differ_in_what_both_modalities_show() -> None:
    people = [sample_person(0, identity) for identity in range(400)]
    outfits = {
        (p.top.kind, p.top.sleeve_length < 1, p.top.fabric.pattern.kind, p.bottom.kind, p.bag.kind)
        for p in people
    }
    assert len(outfits) > 200
    assert {p.top.kind for p in people} == set(TOP_CUTS)
    assert 1.4 < min(p.body.height for p in people) < max(p.body.height for p in people) < 2.05


def test_build_and_view_can_be_fixed() -> None:
    women, men = (
        [sample_person(0, identity, feminine=feminine) for identity in range(60)]
        for feminine in (True, False)
    )
    assert {p.top.kind for p in men} == set(TOP_CUTS) - {"dress"}
    assert "dress" in {p.top.kind for p in women}
    assert sample_person(0, 1, view=BACK).view == BACK
    assert sample_person(0, 1).view == ANY_SIDE
