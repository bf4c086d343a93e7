"""Crops that a step takes by itself: where they lie, and how often."""

from __future__ import annotations

import pytest
import torch

from bench_core.methods import random_crop, resized


def numbered(number: int, rows: int, columns: int) -> torch.Tensor:
    """Images whose pixels say where they are: 100 times the row, and the column."""
    pixels = 100 * torch.arange(rows)[:, None] + torch.arange(columns)[None, :]
    return pixels.float().expand(number, 3, rows, columns)


def offsets(crops: torch.Tensor) -> tuple[list[int], list[int]]:
    first = crops[:, 0, 0, 0].long()
    return (first // 100).tolist(), (first % 100).tolist()


def test_a_crop_is_a_part_of_its_image() -> None:
    images = torch.rand(6, 3, 9, 7)
    torch.manual_seed(0)
    crops = random_crop(images, (6, 5))
    torch.manual_seed(0)
    places = offsets(random_crop(numbered(6, 9, 7), (6, 5)))
    assert crops.shape == (6, 3, 6, 5)
    for crop, image, top, left in zip(crops, images, *places, strict=True):
        assert torch.equal(crop, image[:, top : top + 6, left : left + 5])


def test_every_offset_is_as_likely_in_rows_and_columns_by_themselves() -> None:
    torch.manual_seed(1)
    top, left = offsets(random_crop(numbered(3000, 6, 7), (4, 4)))
    for drawn, last in ((top, 2), (left, 3)):
        counts = torch.bincount(torch.tensor(drawn))
        assert len(counts) == last + 1
        assert ((counts / 3000 - 1 / (last + 1)).abs() < 0.03).all()
    assert 0.2 < sum(a == b for a, b in zip(top, left, strict=True)) / 3000 < 0.3  # 3 of 12


def test_with_one_offset_rows_and_columns_begin_at_the_same_number() -> None:
    torch.manual_seed(2)
    top, left = offsets(random_crop(numbered(200, 6, 7), (4, 4), one_offset=True))
    assert top == left
    assert set(top) == {0, 1, 2}


def test_a_crop_of_the_whole_image_is_the_image() -> None:
    images = torch.rand(2, 3, 4, 5)
    assert torch.equal(random_crop(images, (4, 5)), images)


def test_a_crop_that_is_larger_than_the_image_is_refused() -> None:
    with pytest.raises(ValueError, match="no 5x4 can be cut out of 4x4"):
        random_crop(torch.rand(1, 3, 4, 4), (5, 4))


def test_resizing_averages_what_it_takes_together() -> None:
    images = torch.rand(2, 3, 8, 8)
    assert torch.equal(resized(images, (8, 8)), images)
    small = resized(images, (4, 4))
    assert small.shape == (2, 3, 4, 4)
    torch.testing.assert_close(small.mean((2, 3)), images.mean((2, 3)), atol=0.03, rtol=0)
    torch.testing.assert_close(
        resized(torch.full((1, 3, 7, 5), 0.3), (3, 4)), torch.full((1, 3, 3, 4), 0.3)
    )
