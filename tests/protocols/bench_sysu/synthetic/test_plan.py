"""The plan of a dataset in the make-up of SYSU-MM01; nothing is rendered here."""

from __future__ import annotations

from collections import Counter

import pytest

from bench_core.contracts.errors import UsageError
from bench_core.synthetic.plan import PlannedPerson, count_images
from bench_core.synthetic.scales import Sizes, resolve_sizes
from bench_sysu.synthetic.plan import SYSU_SCALES, UNLISTED, cell_lengths, plan_sysu

VISIBLE, INFRARED = (1, 2, 4, 5), (3, 6)


@pytest.fixture(scope="module", params=[0, 1, 17])
def full(request: pytest.FixtureRequest) -> list[PlannedPerson]:
    return plan_sysu(SYSU_SCALES["full"], request.param)


def images(people: list[PlannedPerson], split: str, *cameras: int) -> int:
    return sum(
        person.images.get(c, 0) for c in cameras for person in people if person.split == split
    )


def seen(people: list[PlannedPerson], camera: int) -> set[int]:
    return {p.identity for p in people if p.split == "test" and camera in p.images}


def test_the_full_scale_has_the_real_identities(full: list[PlannedPerson]) -> None:
    assert Counter(person.split for person in full) == {
        "train": 296,
        "val": 99,
        "test": 96,
        UNLISTED: 22,
    }
    assert len({person.identity for person in full}) == len(full)


def test_the_full_scale_has_the_real_number_of_images(full: list[PlannedPerson]) -> None:
    assert count_images(full) == 45_863
    assert images(full, "train", *VISIBLE) == 20_284
    assert images(full, "train", *INFRARED) == 9_929
    assert images(full, "val", *VISIBLE) == 1_974
    assert images(full, "val", *INFRARED) == 1_980
    assert [images(full, "test", c) for c in range(1, 7)] == [1374, 1565, 1883, 1918, 1918, 1920]


def test_the_full_scale_shows_test_people_to_the_real_cameras(full: list[PlannedPerson]) -> None:
    assert [len(seen(full, camera)) for camera in range(1, 7)] == [56, 56, 93, 94, 95, 96]
    assert seen(full, 1) == seen(full, 2)
    counts = [p.images[c] for p in full if p.split == "test" for c in VISIBLE if c in p.images]
    assert min(counts) == 13


def test_the_full_scale_gives_the_known_galleries_and_queries(full: list[PlannedPerson]) -> None:
    gallery = [len(seen(full, camera)) for camera in VISIBLE]
    assert sum(gallery) == 301
    assert sum(gallery) - len(seen(full, 2)) == 245
    assert len(seen(full, 1)) + len(seen(full, 2)) == 112
    indoor = [p for p in full if p.identity in seen(full, 1)]
    assert sum(p.images.get(3, 0) + p.images[6] for p in indoor) == 2_208


def test_the_full_scale_has_cells_of_the_real_lengths(full: list[PlannedPerson]) -> None:
    assert cell_lengths(full) == {1: 333, 2: 333, 3: 533, 4: 533, 5: 533, 6: 333}


@pytest.mark.parametrize("scale", SYSU_SCALES)
@pytest.mark.parametrize("seed", [0, 5])
def test_every_scale_keeps_the_rules_of_the_dataset(scale: str, seed: int) -> None:
    people = plan_sysu(SYSU_SCALES[scale], seed)
    assert [p.identity for p in people] == sorted({p.identity for p in people})
    assert all(set(p.images) <= {3, 4, 5} for p in people if p.split == "val")
    assert len({frozenset(p.images) for p in people}) > 1, "not every camera sees every person"
    assert people[-1].identity > len(people), "identity numbers have gaps"
    assert all(count > 0 for p in people for count in p.images.values())


@pytest.mark.parametrize("scale", SYSU_SCALES)
def test_every_test_person_has_a_match_from_another_room(scale: str) -> None:
    for person in plan_sysu(SYSU_SCALES[scale], 0):
        if person.split != "test":
            continue
        pairs = {(q, g) for q in INFRARED for g in VISIBLE if {q, g} <= set(person.images)}
        assert pairs - {(3, 2)}


def test_smaller_scales_have_the_sizes_asked_for() -> None:
    sizes = resolve_sizes(
        SYSU_SCALES, "demo", train_identities=31, test_identities=9, images_per_camera=7
    )
    people = plan_sysu(sizes, 0)
    assert Counter(person.split for person in people) == {"train": 31, "val": 8, "test": 9}
    folders = sum(len(person.images) for person in people)
    assert count_images(people) == pytest.approx(7 * folders, rel=0.01)


def test_a_seed_decides_the_plan() -> None:
    assert plan_sysu(SYSU_SCALES["demo"], 4) == plan_sysu(SYSU_SCALES["demo"], 4)
    assert plan_sysu(SYSU_SCALES["demo"], 4) != plan_sysu(SYSU_SCALES["demo"], 5)


def test_more_people_than_folder_names_are_refused() -> None:
    sizes = Sizes(
        train_identities=9_900,
        val_identities=99,
        test_identities=96,
        images_per_camera=1,
        image_heights=(96, 208),
    )
    with pytest.raises(UsageError, match=r"10095 identities do not fit .* ask for fewer"):
        plan_sysu(sizes, 0)


def test_overriding_a_size_of_the_full_scale_gives_up_its_exact_counts() -> None:
    assert SYSU_SCALES["full"].real_counts
    assert not resolve_sizes(SYSU_SCALES, "full", test_identities=50).real_counts


@pytest.mark.parametrize("option", ["train_identities", "val_identities", "test_identities"])
def test_a_size_below_one_is_refused_by_its_option(option: str) -> None:
    with pytest.raises(UsageError, match=f"--{option.replace('_', '-')} is 0: .* at least 1"):
        resolve_sizes(SYSU_SCALES, "tiny", **{option: 0})


def test_an_unknown_scale_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="unknown scale 'ful'; did you mean 'full'"):
        resolve_sizes(SYSU_SCALES, "ful")
