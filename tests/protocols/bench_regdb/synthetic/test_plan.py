"""The plan of a dataset in the make-up of RegDB; nothing is rendered here."""

from __future__ import annotations

from collections import Counter

import pytest

from bench_core.contracts.errors import UsageError
from bench_core.synthetic.plan import count_images
from bench_core.synthetic.scales import resolve_sizes
from bench_regdb.synthetic.plan import REGDB_SCALES, draw_trials, plan_regdb


@pytest.mark.parametrize("seed", [0, 1, 17])
def test_the_full_scale_has_the_real_counts(seed: int) -> None:
    sizes = REGDB_SCALES["full"]
    people = plan_regdb(sizes, seed)
    assert len(people) == 412
    assert all(person.images == {1: 10, 2: 10} for person in people)
    assert count_images(people) == 8_240
    for trial in draw_trials(people, sizes, seed):
        assert (len(trial["train"]), len(trial["test"])) == (206, 206)


def test_the_full_scale_has_as_many_women_and_back_views_as_the_real_one() -> None:
    people = plan_regdb(REGDB_SCALES["full"], 0)
    assert Counter((person.feminine, person.view) for person in people) == {
        (False, "back"): 147,
        (True, "back"): 109,
        (False, "front"): 107,
        (True, "front"): 49,
    }


@pytest.mark.parametrize("scale", REGDB_SCALES)
def test_every_trial_splits_all_people_anew(scale: str) -> None:
    sizes = REGDB_SCALES[scale]
    people = plan_regdb(sizes, 4)
    assert [person.identity for person in people] == list(range(1, len(people) + 1))
    trials = draw_trials(people, sizes, 4)
    assert len(trials) == 10
    for trial in trials:
        assert len(trial["train"]) == sizes.train_identities
        assert len(trial["test"]) == sizes.test_identities
        assert sorted((*trial["train"], *trial["test"])) == [person.identity for person in people]
    assert len({frozenset(trial["train"]) for trial in trials}) == 10


def test_smaller_scales_have_the_sizes_asked_for() -> None:
    sizes = resolve_sizes(
        REGDB_SCALES, "full", train_identities=5, test_identities=3, images_per_camera=2
    )
    people = plan_regdb(sizes, 0)
    assert (len(people), count_images(people)) == (8, 32)
    assert not sizes.real_counts


def test_a_fraction_of_an_image_is_refused() -> None:
    sizes = resolve_sizes(REGDB_SCALES, "tiny", images_per_camera=2.5)
    with pytest.raises(UsageError, match=r"--images-per-camera is 2.5: .* must be a whole one"):
        plan_regdb(sizes, 0)


def test_a_seed_decides_the_plan_and_the_trials() -> None:
    sizes = REGDB_SCALES["demo"]
    people = plan_regdb(sizes, 4)
    assert people == plan_regdb(sizes, 4)
    assert people != plan_regdb(sizes, 5)
    assert draw_trials(people, sizes, 4) == draw_trials(people, sizes, 4)
    assert draw_trials(people, sizes, 4) != draw_trials(people, sizes, 5)
