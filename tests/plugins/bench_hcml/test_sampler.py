"""TONE's batches: half of the pairs show one person, and no visible image is left out."""

from __future__ import annotations

import numpy as np
import pytest

from bench_core import INFRARED, VISIBLE, DataError
from bench_core.methods import SampledImages, SamplingConfig
from bench_hcml.sampler import PairSampler


def images_of(visible: list[int], infrared: list[int], **sampling: int) -> SampledImages:
    """Images with these labels."""
    labels = {VISIBLE: np.asarray(visible), INFRARED: np.asarray(infrared)}
    return SampledImages(
        labels=labels,
        cameras={},
        counts={modality: len(each) for modality, each in labels.items()},
        sampling=SamplingConfig(**{"identities": 8, "images": 1, **sampling}),
    )


MANY = images_of(sorted([*range(20)] * 4), sorted([*range(20)] * 2), steps_per_epoch=50)


def dealt(images: SampledImages, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    return list(PairSampler(images).epoch(np.random.default_rng(seed)))


def test_the_first_half_of_a_batch_has_pairs_of_one_person() -> None:
    batches = dealt(MANY)
    assert len(batches) == 50
    others = []
    for visible, infrared in batches:
        assert visible.shape == infrared.shape == (8,)
        same = MANY.labels[VISIBLE][visible] == MANY.labels[INFRARED][infrared]
        assert same[:4].all()
        others.extend(same[4:])
    assert 0.01 < np.mean(others) < 0.12  # one in twenty by chance


def test_visible_images_come_once_each_before_any_comes_again() -> None:
    rows = np.concatenate([visible for visible, _ in dealt(MANY)])
    for start in range(0, 400, 80):
        assert sorted(rows[start : start + 80]) == list(range(80))
    assert (rows[:80] != rows[80:160]).any()


def test_visible_images_can_come_as_they_are_listed() -> None:
    batches = list(PairSampler(MANY, "listed").epoch(np.random.default_rng(0)))
    rows = np.concatenate([visible for visible, _ in batches])
    assert rows.tolist() == [*range(80)] * 5
    people = [len(set(MANY.labels[VISIBLE][visible])) for visible, _ in batches]
    assert max(people) == 2  # where a random order has about seven


def test_all_infrared_images_of_a_person_come() -> None:
    rows = np.concatenate([infrared[:4] for _, infrared in dealt(MANY)])
    assert set(rows) == set(range(40))


def test_the_same_generator_gives_the_same_batches_and_another_others() -> None:
    first, again, other = (np.concatenate(dealt(MANY, seed)) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_an_epoch_is_as_long_as_the_larger_modality_needs() -> None:
    images = images_of([0] * 9 + [1] * 8, [0, 1], identities=4, images=2)
    assert PairSampler(images).steps_per_epoch == 3
    assert len(dealt(images)) == 3


def test_an_odd_batch_has_the_larger_half_of_any_pairs() -> None:
    images = images_of([0, 0, 0, 1], [0, 1], identities=3, steps_per_epoch=4)
    for visible, infrared in dealt(images):
        assert images.labels[VISIBLE][visible[0]] == images.labels[INFRARED][infrared[0]]
        assert len(infrared) == 3


def test_a_person_without_infrared_images_is_refused() -> None:
    with pytest.raises(DataError, match="label 1 has no infrared image"):
        PairSampler(images_of([0, 1], [0, 0]))
