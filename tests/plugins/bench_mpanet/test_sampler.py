"""MPANet's batches: both modalities equally many, no image twice an epoch, few images no harm."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from bench_core import INFRARED, VISIBLE, DataError
from bench_core.methods import SampledImages, SamplingConfig
from bench_mpanet.sampler import ChunkSampler


def images_of(*numbers: tuple[int, int], **sampling: int) -> SampledImages:
    """Of each identity, how many visible and infrared images there are."""
    labels = {
        modality: np.repeat(np.arange(len(numbers)), [pair[place] for pair in numbers])
        for place, modality in enumerate((VISIBLE, INFRARED))
    }
    return SampledImages(
        labels=labels,
        cameras={},
        counts={modality: len(each) for modality, each in labels.items()},
        sampling=SamplingConfig(**{"identities": 2, "images": 4, **sampling}),
    )


def dealt(images: SampledImages, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    return list(ChunkSampler(images).epoch(np.random.default_rng(seed)))


def test_a_batch_has_k_images_of_each_modality_of_each_of_p_identities() -> None:
    images = images_of(*[(12, 9)] * 5, identities=3)
    for visible, infrared in dealt(images):
        first, second = images.labels[VISIBLE][visible], images.labels[INFRARED][infrared]
        assert (first == second).all()
        blocks = first.reshape(3, 4)
        assert (blocks == blocks[:, :1]).all()
        assert len(set(blocks[:, 0])) == 3


def test_no_image_comes_twice_in_an_epoch() -> None:
    batches = dealt(images_of(*[(20, 9)] * 6))
    for place, count in ((0, 120), (1, 54)):
        rows = np.concatenate([batch[place] for batch in batches])
        assert len(set(rows)) == len(rows)
        assert rows.max() < count


def test_the_larger_modality_is_reduced_to_the_smaller_and_cut_into_chunks() -> None:
    """9 infrared images are two chunks of 4; so 20 visible ones are two as well."""
    images = images_of(*[(20, 9)] * 2)
    (first, _), (second, _) = dealt(images)
    people = Counter(images.labels[VISIBLE][np.concatenate([first, second])])
    assert people == {0: 8, 1: 8}


def test_over_epochs_all_images_of_the_larger_modality_come() -> None:
    images = images_of(*[(20, 4)] * 2)
    seen = {int(row) for seed in range(30) for batch in dealt(images, seed) for row in batch[0]}
    assert seen == set(range(40))


def test_an_epoch_ends_when_fewer_than_p_identities_have_chunks() -> None:
    images = images_of((40, 40), (4, 4), (4, 4))
    assert 1 <= len(dealt(images)) <= 2
    assert ChunkSampler(images).steps_per_epoch == 2


def most_batches(chunks: list[int], identities: int) -> int:
    """Take a chunk of each of those identities that have most, as often as can be."""
    number = 0
    while sum(each > 0 for each in chunks) >= identities:
        chunks = sorted(chunks, reverse=True)
        chunks = [each - 1 for each in chunks[:identities]] + chunks[identities:]
        number += 1
    return number


@pytest.mark.parametrize("identities", [2, 3, 5])
def test_the_steps_are_the_most_that_chance_can_make(identities: int) -> None:
    numbers = [(4, 9), (8, 8), (16, 13), (40, 33), (12, 30), (5, 4)]
    images = images_of(*numbers, identities=identities)
    steps = ChunkSampler(images).steps_per_epoch
    assert steps == most_batches([1, 2, 3, 8, 3, 1], identities)
    lengths = [len(dealt(images, seed)) for seed in range(60)]
    assert steps - 3 < max(lengths) <= steps


@pytest.mark.parametrize("few", [(1, 1), (3, 20), (20, 1), (2, 3)])
def test_an_identity_with_too_few_images_has_one_chunk_of_all_it_has(few: tuple[int, int]) -> None:
    images = images_of(few, (4, 4))
    ((visible, infrared),) = dealt(images)
    for rows, modality, number in ((visible, VISIBLE, few[0]), (infrared, INFRARED, few[1])):
        own = Counter(rows[images.labels[modality][rows] == 0].tolist())
        assert sum(own.values()) == 4
        assert len(own) == min(number, 4)
        assert max(own.values()) - min(own.values()) <= 1


def test_steps_that_are_asked_for_are_dealt_round_after_round() -> None:
    images = images_of(*[(8, 8)] * 2, steps_per_epoch=7)
    batches = dealt(images)
    assert len(batches) == ChunkSampler(images).steps_per_epoch == 7
    rows = np.concatenate([visible for visible, _ in batches[:2]])
    assert len(set(rows)) == len(rows) == 16


def test_the_generator_alone_decides() -> None:
    images = images_of(*[(9, 7)] * 4)
    first, again, other = (dealt(images, seed) for seed in (0, 0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_too_few_identities_are_refused_with_the_way_out() -> None:
    with pytest.raises(DataError, match=r"--set sampling\.identities=2"):
        ChunkSampler(images_of((4, 4), (4, 4), identities=3))


def test_an_identity_without_a_modality_is_named() -> None:
    with pytest.raises(DataError, match="label 1 has no image in a modality"):
        ChunkSampler(images_of((4, 4), (4, 0), (4, 4)))
