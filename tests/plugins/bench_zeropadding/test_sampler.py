"""Batches of shuffled images of both modalities."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from bench_core import INFRARED, VISIBLE
from bench_core.methods import SampledImages, SamplingConfig
from bench_zeropadding.sampler import ShuffledSampler

LABELS = {VISIBLE: np.arange(12) // 3, INFRARED: np.arange(7) // 2}


def sampler_of(steps: int | None = None) -> ShuffledSampler:
    sampling = SamplingConfig(identities=2, images=2, steps_per_epoch=steps)
    counts = {modality: len(labels) for modality, labels in LABELS.items()}
    return ShuffledSampler(
        SampledImages(labels=LABELS, cameras={}, counts=counts, sampling=sampling)
    )


def epoch_of(sampler: ShuffledSampler, seed: int = 0) -> list[tuple[list[int], list[int]]]:
    drawn = sampler.epoch(np.random.default_rng(seed))
    return [(visible.tolist(), infrared.tolist()) for visible, infrared in drawn]


def test_an_epoch_shows_each_image_of_the_larger_modality_once() -> None:
    sampler = sampler_of()
    batches = epoch_of(sampler)
    assert sampler.steps_per_epoch == len(batches) == 3
    assert {(len(visible), len(infrared)) for visible, infrared in batches} == {(4, 4)}
    assert sorted(row for visible, _ in batches for row in visible) == list(range(12))


def test_an_epoch_goes_round_the_smaller_modality_more_than_once() -> None:
    rows = [row for _, infrared in epoch_of(sampler_of()) for row in infrared]
    counts = Counter(rows)
    assert set(counts) == set(range(7))
    assert sorted(counts.values()) == [1, 1, 2, 2, 2, 2, 2]


@pytest.mark.parametrize("steps", [1, 5])
def test_an_epoch_has_as_many_batches_as_are_asked_for(steps: int) -> None:
    assert len(epoch_of(sampler_of(steps))) == sampler_of(steps).steps_per_epoch == steps


def test_the_same_seed_gives_the_same_batches() -> None:
    sampler = sampler_of()
    assert epoch_of(sampler) == epoch_of(sampler)
    assert epoch_of(sampler) != epoch_of(sampler, seed=1)


def test_identities_play_no_part() -> None:
    """A batch of four of twelve images shows all of a person in one of 55 cases, and not two."""
    batches = [batch for seed in range(40) for batch in epoch_of(sampler_of(), seed)]
    people = [len({int(LABELS[VISIBLE][row]) for row in visible}) for visible, _ in batches]
    assert set(people) == {2, 3, 4}
    same = [
        LABELS[VISIBLE][visible].tolist() == LABELS[INFRARED][infrared].tolist()
        for visible, infrared in batches
    ]
    assert not all(same)
