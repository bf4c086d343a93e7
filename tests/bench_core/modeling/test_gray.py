"""The grey value of an image."""

from __future__ import annotations

import pytest
import torch

from bench_core.modeling.gray import gray_value


@pytest.mark.parametrize(
    ("color", "wanted"),
    [((1, 0, 0), 0.299), ((0, 1, 0), 0.587), ((0, 0, 1), 0.114), ((-1, -1, -1), -1.0)],
)
def test_a_color_has_the_grey_value_of_the_standard(
    color: tuple[float, ...], wanted: float
) -> None:
    images = torch.tensor(color, dtype=torch.float32).view(1, 3, 1, 1).expand(2, 3, 4, 5)
    gray = gray_value(images)
    assert gray.shape == (2, 1, 4, 5)
    assert gray.unique().tolist() == pytest.approx([wanted])


def test_other_weights_can_be_given() -> None:
    images = torch.tensor([8.0, 4.0, 2.0]).view(1, 3, 1, 1)
    assert gray_value(images, (0.5, 0.25, 0.5)).item() == 6.0
