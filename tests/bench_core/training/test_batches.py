"""Batches: the pixels they hold, and that each image is augmented by a draw of its own."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from bench_core.data.sampling import BatchRows
from bench_core.methods import AugmentationConfig, Batch, augment
from bench_core.training.batches import BatchLoader, to_float

CPU = torch.device("cpu")
PLAIN = AugmentationConfig(flip=0, padding=0)


def load(
    pixels: NDArray[np.uint8],
    rows: list[BatchRows],
    augmentation: AugmentationConfig,
    *,
    seed: int = 5,
) -> list[Batch]:
    return list(BatchLoader(pixels, CPU).load(iter(rows), augmentation, seed=seed))


def one_picture(num: int) -> NDArray[np.uint8]:
    """Return the same random picture `num` times."""
    picture = np.random.default_rng(0).integers(0, 256, (1, 16, 8, 3), dtype=np.uint8)
    return np.repeat(picture, num, axis=0)


def halves(num: int) -> BatchRows:
    """Take the first images as visible and as many others as infrared."""
    rows = np.arange(num)
    return BatchRows(visible=rows, infrared=rows + num, labels=np.zeros(num, dtype=np.int64))


def test_bytes_become_fractions_of_255() -> None:
    """Black is 0, white is 1 exactly."""
    values = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, axis=3)
    fractions = to_float(torch.from_numpy(values))
    assert fractions.shape == (1, 3, 16, 16)
    assert (fractions.min().item(), fractions.max().item()) == (0, 1)
    expected = torch.arange(256, dtype=torch.float64) / 255
    torch.testing.assert_close(fractions[0, 0].flatten().double(), expected, rtol=1e-6, atol=0)


def test_a_batch_holds_the_rows_asked_for_of_each_modality() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 16, 8, 3), dtype=np.uint8)
    rows = BatchRows(visible=np.array([4, 0]), infrared=np.array([1, 5]), labels=np.array([2, 7]))
    (batch,) = load(pixels, [rows], PLAIN)
    for images, chosen in ((batch.visible, [4, 0]), (batch.infrared, [1, 5])):
        expected = pixels[chosen].transpose(0, 3, 1, 2) / np.float32(255)
        np.testing.assert_allclose(images.numpy(), expected, rtol=1e-6)
    assert batch.labels.tolist() == [2, 7]


def test_infrared_images_have_a_draw_of_their_own() -> None:
    """Of one picture in all places, the modalities are flipped and cropped in different ways."""
    (batch,) = load(one_picture(16), [halves(8)], AugmentationConfig(flip=0.5, padding=4))
    differ = (batch.visible != batch.infrared).flatten(1).any(1)
    assert int(differ.sum()) >= 6  # two draws of 162 ways are rarely the same


def test_every_batch_has_a_draw_of_its_own() -> None:
    first, second = load(one_picture(16), [halves(8)] * 2, AugmentationConfig(flip=0, padding=4))
    for name in ("visible", "infrared"):
        differ = (getattr(first, name) != getattr(second, name)).flatten(1).any(1)
        assert int(differ.sum()) >= 6


def test_a_batch_is_what_augmentation_makes_of_its_images() -> None:
    """Visible images are drawn first, infrared ones by the same generator."""
    pixels = np.random.default_rng(0).integers(0, 256, (12, 16, 8, 3), dtype=np.uint8)
    config = AugmentationConfig(flip=0.5, padding=4, erasing=0.5)
    (batch,) = load(pixels, [halves(6)], config, seed=5)
    generator = torch.Generator().manual_seed(5)
    floats = to_float(torch.from_numpy(pixels))
    for images, chosen in ((batch.visible, floats[:6]), (batch.infrared, floats[6:])):
        assert torch.equal(images, augment(chosen, config, generator))
        assert images.is_contiguous()


def test_an_epoch_that_starts_later_has_the_draws_of_its_later_batches() -> None:
    """A training that was stopped goes on with the seed of the first batch that it lacks."""
    shifting = AugmentationConfig(flip=0.5, padding=4)
    whole = load(one_picture(16), [halves(8)] * 4, shifting)
    rest = load(one_picture(16), [halves(8)] * 2, shifting, seed=7)
    for first, second in zip(whole[2:], rest, strict=True):
        assert torch.equal(first.visible, second.visible)
        assert torch.equal(first.infrared, second.infrared)


def test_the_wait_for_batches_is_counted() -> None:
    loader = BatchLoader(one_picture(4), CPU)
    assert loader.waited_seconds == 0
    assert len(list(loader.load(iter([halves(2)]), PLAIN, seed=0))) == 1
    assert loader.waited_seconds > 0


def test_a_batch_is_augmented_as_asked_for() -> None:
    """A certain flip turns both modalities; nothing asked for changes nothing."""
    plain, flipped = (
        load(one_picture(4), [halves(2)], config)[0]
        for config in (PLAIN, AugmentationConfig(flip=1, padding=0))
    )
    for name in ("visible", "infrared"):
        assert torch.equal(getattr(flipped, name), getattr(plain, name).flip(3))
        assert not torch.equal(getattr(flipped, name), getattr(plain, name))
