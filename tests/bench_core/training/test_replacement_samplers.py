"""Batches that are drawn each by itself."""

from __future__ import annotations

import numpy as np
import pytest

from bench_core import INFRARED, VISIBLE, DataError
from bench_core.methods import SampledImages, SamplingConfig, sampler_of


def images_of(
    visible: int = 10, infrared: int = 6, identities: int = 5, **sampling: int
) -> SampledImages:
    labels = {
        VISIBLE: np.repeat(np.arange(identities), visible),
        INFRARED: np.repeat(np.arange(identities), infrared),
    }
    return SampledImages(
        labels=labels,
        cameras={},
        counts={modality: len(each) for modality, each in labels.items()},
        sampling=SamplingConfig(**{"identities": 3, "images": 4, **sampling}),
    )


def batches(images: SampledImages, draws: str, seed: int = 0) -> list[tuple[np.ndarray, ...]]:
    factory = sampler_of(draws)  # type: ignore[arg-type]
    assert factory is not None
    return list(factory(images).epoch(np.random.default_rng(seed)))


@pytest.mark.parametrize("draws", ["with-replacement", "without-replacement"])
def test_batches_are_of_p_identities_and_k_images_of_each_modality(draws: str) -> None:
    images = images_of()
    for visible, infrared in batches(images, draws):
        first, second = images.labels[VISIBLE][visible], images.labels[INFRARED][infrared]
        assert (first == second).all()
        blocks = first.reshape(3, 4)
        assert (blocks == blocks[:, :1]).all()
        assert len(set(blocks[:, 0])) == 3


def test_an_epoch_has_one_batch_more_than_the_larger_modality_fills() -> None:
    assert len(batches(images_of(), "with-replacement")) == 50 // 12 + 1
    assert len(batches(images_of(steps_per_epoch=2), "with-replacement")) == 2


def test_images_come_twice_in_a_batch_with_replacement_alone() -> None:
    images = images_of(visible=5, steps_per_epoch=50)
    hands = {
        draws: [visible.reshape(3, 4) for visible, _ in batches(images, draws)]
        for draws in ("with-replacement", "without-replacement")
    }
    repeated = {
        draws: sum(len(set(hand)) < 4 for each in drawn for hand in each)
        for draws, drawn in hands.items()
    }
    assert repeated["without-replacement"] == 0
    # 1 - (5 x 4 x 3 x 2) / 5^4 = 0.808 of hands.
    assert 100 < repeated["with-replacement"] < 140


def test_an_identity_with_too_few_images_gives_some_twice() -> None:
    for visible, infrared in batches(images_of(visible=2, infrared=1), "without-replacement"):
        assert len(visible) == len(infrared) == 12


def test_the_generator_alone_decides() -> None:
    first, again, other = (batches(images_of(), "with-replacement", seed) for seed in (0, 0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_too_few_identities_are_refused_with_the_way_out() -> None:
    with pytest.raises(DataError, match=r"--set sampling\.identities=2"):
        batches(images_of(identities=2), "with-replacement")


def test_the_usual_way_needs_no_sampler() -> None:
    assert sampler_of("once-each") is None
