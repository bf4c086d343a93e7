"""What a method returns as pictures is checked: shape and range."""

from __future__ import annotations

import pytest
import torch

from bench_core.contracts.errors import PluginError
from bench_core.training.pictures import MakesPictures, MixesImages, check_picture

SHAPE = (2, 3, 4, 5)


@pytest.mark.parametrize("value", [0.0, 1.0, 1.0005, -0.0005])
def test_values_in_the_range_pass_but_for_rounding(value: float) -> None:
    check_picture("it", torch.full(SHAPE, value), SHAPE)


@pytest.mark.parametrize("value", [-0.5, 1.5, float("nan")])
def test_other_values_are_refused(value: float) -> None:
    images = torch.zeros(SHAPE)
    images[1, 2, 3, 4] = value
    with pytest.raises(PluginError, match=r"it has values from .*; expected \[0, 1\]"):
        check_picture("it", images, SHAPE)


def test_another_shape_is_refused() -> None:
    with pytest.raises(PluginError, match=r"it has shape \(1, 3, 4, 5\); expected \(2, 3, 4, 5\)"):
        check_picture("it", torch.zeros(1, 3, 4, 5), SHAPE)


def test_a_method_is_known_by_what_it_has() -> None:
    class Painter:
        def pictures(self) -> None: ...

    class Mixer:
        def mixing_strip(self) -> None: ...

    assert isinstance(Painter(), MakesPictures)
    assert not isinstance(Painter(), MixesImages)
    assert isinstance(Mixer(), MixesImages)
