"""The plan of a dataset in the make-up of LLCM; nothing is rendered here."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from bench_core.contracts.errors import UsageError
from bench_core.synthetic.plan import PlannedPerson, count_images
from bench_core.synthetic.scales import resolve_sizes
from bench_llcm.synthetic.plan import LLCM_SCALES, label_order, plan_llcm

VISIBLE = (1, 2, 3, 4, 5, 6, 7, 8, 9)
INFRARED = (11, 12, 14, 15, 16, 17, 18, 19)


@pytest.fixture(scope="module", params=[0, 1, 17])
def full(request: pytest.FixtureRequest) -> list[PlannedPerson]:
    return plan_llcm(LLCM_SCALES["full"], request.param)


def images(people: list[PlannedPerson], split: str, cameras: tuple[int, ...]) -> list[int]:
    return [
        sum(person.images.get(camera, 0) for person in people if person.split == split)
        for camera in cameras
    ]


def held_out(people: list[PlannedPerson]) -> list[PlannedPerson]:
    return [person for person in people if person.split == "test"]


def test_the_full_scale_has_the_published_counts(full: list[PlannedPerson]) -> None:
    assert Counter(person.split for person in full) == {"train": 713, "test": 351}
    assert count_images(full) == 46_767
    assert sum(images(full, "train", VISIBLE)) == 16_946
    assert sum(images(full, "train", INFRARED)) == 13_975
    assert sum(images(full, "test", VISIBLE)) == 8_680
    assert sum(images(full, "test", INFRARED)) == 7_166


def test_the_full_scale_has_the_real_counts_of_every_camera(full: list[PlannedPerson]) -> None:
    train = [290, 39, 5733, 5769, 3728, 14, 571, 633, 169]
    assert images(full, "train", VISIBLE) == train
    assert images(full, "train", INFRARED) == [53, 98, 74, 4291, 8436, 431, 456, 136]
    assert images(full, "test", VISIBLE) == [139, 12, 2773, 3063, 1994, 18, 345, 252, 84]
    assert images(full, "test", INFRARED) == [19, 47, 58, 2119, 4276, 217, 311, 119]


def test_the_full_scale_gives_the_real_galleries(full: list[PlannedPerson]) -> None:
    """A gallery has one image of each test person and camera."""
    cameras = [camera for person in held_out(full) for camera in person.images]
    assert sum(camera in VISIBLE for camera in cameras) == 484
    assert sum(camera in INFRARED for camera in cameras) == 619


def test_the_full_scale_has_the_real_number_of_queries_with_a_match(
    full: list[PlannedPerson],
) -> None:
    """An image of the query's person and camera is no match; 5 and 15 are one camera."""
    valid = {VISIBLE: 0, INFRARED: 0}
    for person in held_out(full):
        for query, gallery in ((VISIBLE, INFRARED), (INFRARED, VISIBLE)):
            places = {camera % 10 for camera in person.images if camera in gallery}
            for camera, count in person.images.items():
                if camera in query and places - {camera % 10}:
                    valid[query] += count
    assert valid == {VISIBLE: 8_670, INFRARED: 7_166}


def test_the_full_scale_has_the_real_identity_numbers(full: list[PlannedPerson]) -> None:
    assert (full[0].identity, full[-1].identity) == (0, 1151)


@pytest.mark.parametrize("scale", LLCM_SCALES)
@pytest.mark.parametrize("seed", [0, 5])
def test_every_scale_keeps_the_rules_of_the_dataset(scale: str, seed: int) -> None:
    people = plan_llcm(LLCM_SCALES[scale], seed)
    assert [p.identity for p in people] == sorted({p.identity for p in people})
    assert people[0].identity == 0, "0 is somebody"
    assert people[-1].identity >= len(people), "identity numbers have gaps"
    assert all(set(p.images) & set(VISIBLE) and set(p.images) & set(INFRARED) for p in people)
    assert all(count > 0 for p in people for count in p.images.values())
    changes = sum(first.split != second.split for first, second in pairwise(people))
    assert changes > len(people) / 5, "training and test people are interleaved"


def test_labels_follow_no_order_of_the_identities() -> None:
    people = plan_llcm(LLCM_SCALES["demo"], 0)
    order = label_order(people, 0)
    assert {person.identity for person in order} == {
        person.identity for person in people if person.split == "train"
    }
    assert order != sorted(order, key=lambda person: person.identity)
    assert order == label_order(people, 0)
    assert order != label_order(people, 1)


def test_smaller_scales_have_the_sizes_asked_for() -> None:
    sizes = resolve_sizes(LLCM_SCALES, "demo", train_identities=31, images_per_camera=7)
    people = plan_llcm(sizes, 0)
    assert Counter(person.split for person in people) == {"train": 31, "test": 40}
    cells = sum(len(person.images) for person in people)
    assert count_images(people) == pytest.approx(7 * cells, rel=0.01)


def test_a_seed_decides_the_plan() -> None:
    assert plan_llcm(LLCM_SCALES["demo"], 4) == plan_llcm(LLCM_SCALES["demo"], 4)
    assert plan_llcm(LLCM_SCALES["demo"], 4) != plan_llcm(LLCM_SCALES["demo"], 5)


def test_more_people_than_folder_names_are_refused() -> None:
    sizes = resolve_sizes(LLCM_SCALES, "tiny", train_identities=9_300)
    with pytest.raises(UsageError, match=r"9308 identities do not fit .* ask for fewer"):
        plan_llcm(sizes, 0)
