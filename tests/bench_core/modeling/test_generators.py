"""The residual generator: its size at the papers' widths, its range, and what it is made of."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from bench_core.modeling.generators import ResidualBlock, ResidualGenerator


def small(**options: bool | int) -> ResidualGenerator:
    torch.manual_seed(0)
    settings: dict[str, int] = {"width": 4, "num_blocks": 1}
    return ResidualGenerator(**(settings | options))  # type: ignore[arg-type]


def images(*size: int) -> torch.Tensor:
    return torch.rand(3, 3, *size, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_the_generator_of_aligngan_has_the_parameters_of_the_fact_sheet() -> None:
    with torch.device("meta"):
        generator = ResidualGenerator()
    assert sum(value.numel() for value in generator.parameters()) == 6_053_504
    assert not any(name.endswith("running_mean") for name in generator.state_dict())


@pytest.mark.parametrize(("size", "macs"), [((128, 128), 7.288e9), ((256, 128), 14.575e9)])
def test_it_costs_the_multiply_adds_of_the_fact_sheet(size: tuple[int, int], macs: float) -> None:
    with torch.device("meta"):
        generator = ResidualGenerator()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            generator(torch.empty(1, 3, *size))
    assert counter.get_total_flops() / 2 == pytest.approx(macs, rel=1e-4)


@pytest.mark.parametrize("num_downsamplings", [1, 2, 3])
def test_an_image_keeps_its_shape_and_range(num_downsamplings: int) -> None:
    translated = small(num_downsamplings=num_downsamplings)(images(24, 16))
    assert translated.shape == (3, 3, 24, 16)
    assert bool((translated.abs() <= 1).all())
    assert translated.std().item() > 0


@pytest.mark.parametrize("num_blocks", [0, 2, 6])
def test_the_number_of_residual_blocks_is_settable(num_blocks: int) -> None:
    blocks = [m for m in small(num_blocks=num_blocks).modules() if isinstance(m, ResidualBlock)]
    assert len(blocks) == num_blocks


def test_a_residual_block_adds_to_its_input_and_nothing_follows_the_sum() -> None:
    block = ResidualBlock(4)
    maps = torch.randn(2, 4, 6, 6)
    for value in block.body[4].parameters():  # the last normalisation
        nn.init.zeros_(value)
    assert torch.equal(block(maps), maps)


def test_convolutions_start_from_a_narrow_normal_without_bias() -> None:
    torch.manual_seed(0)
    convolutions = [
        module
        for module in ResidualGenerator(width=32).modules()
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d)
    ]
    assert len(convolutions) == 1 + 2 + 4 * 2 + 2 + 1
    for convolution in convolutions:
        assert convolution.bias is None
        assert convolution.weight.std().item() == pytest.approx(0.02, rel=0.1)


def test_every_parameter_gets_a_gradient() -> None:
    generator = small()
    generator(images(16, 16)).square().sum().backward()
    for name, value in generator.named_parameters():
        assert value.grad is not None, name
        assert bool(value.grad.isfinite().all()), name


def test_without_running_statistics_training_and_evaluation_are_the_same() -> None:
    generator = small()
    trained = generator(images(16, 8))
    torch.testing.assert_close(generator.eval()(images(16, 8)), trained)


def test_with_running_statistics_evaluation_uses_them() -> None:
    generator = small(running_statistics=True)
    trained = generator(images(16, 8))
    evaluated = generator.eval()(images(16, 8))
    assert (evaluated - trained).abs().max().item() > 1e-3
    assert sum(name.endswith("running_mean") for name in generator.state_dict()) == 7


def test_an_image_is_translated_for_itself() -> None:
    generator = small()
    together = generator(images(16, 8))
    alone = torch.cat([generator(image[None]) for image in images(16, 8)])
    torch.testing.assert_close(alone, together)
