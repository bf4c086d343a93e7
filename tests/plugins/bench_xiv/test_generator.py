"""The X modality: ten numbers, or a channel worked out by hand."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from bench_xiv.config import XSource
from bench_xiv.generator import LearnedX, build_x_source

RED, GREEN, BLUE = 1.0, 0.5, 0.25
"""One pixel, which the fixed cases below are worked out for."""


def images(seed: int = 0) -> torch.Tensor:
    return torch.rand(3, 3, 6, 4, generator=torch.Generator().manual_seed(seed))


def apply(source: XSource, visible: torch.Tensor) -> torch.Tensor:
    generator = build_x_source(source)
    assert generator is not None
    result: torch.Tensor = generator(visible)
    return result


def test_the_generator_has_ten_numbers() -> None:
    assert sum(parameter.numel() for parameter in LearnedX().parameters()) == 10


def test_the_generator_takes_196_608_multiply_adds_at_256x128() -> None:
    """Three for each pixel in either layer: 2 x 3 x 256 x 128, the paper's 0.0002 G."""
    with torch.device("meta"):
        generator, image = LearnedX(), torch.empty(1, 3, 256, 128)
    with FlopCounterMode(display=False) as counter:
        generator(image)
    assert counter.get_total_flops() // 2 == 196_608


def test_the_generator_starts_as_the_mean() -> None:
    started = LearnedX()(images())
    torch.testing.assert_close(started, apply("mean", images()), rtol=0, atol=1e-6)
    torch.testing.assert_close(started, images().mean(1, keepdim=True).expand(-1, 3, -1, -1))


def test_the_generator_starts_alike_whatever_the_seed() -> None:
    outputs = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        outputs.append(LearnedX()(images()))
    assert torch.equal(*outputs)


def test_the_generator_is_two_1x1_convolutions_around_a_relu() -> None:
    """X_c = a_c ReLU(w v + b) + d_c for each pixel by itself."""
    torch.manual_seed(0)
    generator = LearnedX()
    for parameter in generator.parameters():
        torch.nn.init.normal_(parameter)
    result = generator(images())
    w, b, a, d = (parameter.flatten().tolist() for parameter in generator.parameters())
    clipped = 0
    for image, x_image in zip(images(), result, strict=True):
        for pixel, x_pixel in zip(image.flatten(1).T.tolist(), x_image.flatten(1).T, strict=True):
            unit = sum(weight * value for weight, value in zip(w, pixel, strict=True)) + b[0]
            clipped += unit <= 0
            expected = [scale * max(unit, 0) + shift for scale, shift in zip(a, d, strict=True)]
            assert x_pixel.tolist() == pytest.approx(expected, abs=1e-5)
    assert 0 < clipped < 3 * 6 * 4


def test_every_number_of_the_generator_learns_from_the_start() -> None:
    generator = LearnedX()
    weights = torch.rand(3, 3, 6, 4, generator=torch.Generator().manual_seed(1))
    (generator(images()) * weights).sum().backward()
    for parameter in generator.parameters():
        assert parameter.grad is not None
        assert bool((parameter.grad != 0).all())


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("mean", 1.75 / 3),
        ("gray", 0.299 + 0.587 * 0.5 + 0.114 * 0.25),  # 0.621
        ("v", 1.0),
        ("y", (16 + 219 * 0.621) / 255),
        ("learned", 1.75 / 3),
    ],
)
def test_a_pixel_worked_out_by_hand(source: XSource, value: float) -> None:
    pixel = torch.tensor([RED, GREEN, BLUE]).view(1, 3, 1, 1)
    assert apply(source, pixel).flatten().tolist() == pytest.approx([value] * 3, abs=1e-6)


@pytest.mark.parametrize(
    ("source", "black", "white"),
    [
        ("mean", 0.0, 1.0),
        ("gray", 0.0, 1.0),
        ("v", 0.0, 1.0),
        ("y", 16 / 255, 235 / 255),
    ],
)
def test_a_fixed_case_keeps_the_range(source: XSource, black: float, white: float) -> None:
    ends = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1).expand(-1, 3, 2, 2)
    result = apply(source, ends)
    torch.testing.assert_close(result[0], torch.full((3, 2, 2), black))
    torch.testing.assert_close(result[1], torch.full((3, 2, 2), white))


@pytest.mark.parametrize("source", ["learned", "mean", "gray", "v", "y"])
def test_x_has_the_shape_of_the_visible_image_and_leaves_it_alone(source: XSource) -> None:
    visible = images()
    result = apply(source, visible)
    assert (result.shape, result.dtype) == (visible.shape, visible.dtype)
    assert torch.equal(visible, images())


@pytest.mark.parametrize("source", ["mean", "gray", "v", "y"])
def test_a_fixed_case_is_one_channel_repeated_and_has_no_parameter(source: XSource) -> None:
    red, green, blue = apply(source, images()).unbind(1)
    assert torch.equal(red, green)
    assert torch.equal(red, blue)
    generator = build_x_source(source)
    assert generator is not None
    assert list(generator.parameters()) == []
    assert generator.state_dict() == {}


def test_the_fixed_cases_differ_from_each_other() -> None:
    results = [apply(source, images()) for source in ("mean", "gray", "v", "y")]  # type: ignore[arg-type]
    for place, first in enumerate(results):
        for second in results[place + 1 :]:
            assert (first - second).abs().max() > 0.01


def test_without_x_there_is_no_generator() -> None:
    assert build_x_source("none") is None
