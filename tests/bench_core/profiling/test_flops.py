"""The formulas that PyTorch's counter lacks or has wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional

from bench_core.profiling.flops import flop_counter

LENGTH, WIDTH, HIDDEN, HEADS = 10, 64, 128, 4


def macs(run: Callable[[], object]) -> int:
    with flop_counter() as counter:
        run()
    return int(counter.get_total_flops()) // 2


def test_attention_on_a_cpu_is_two_products_of_queries_keys_and_values() -> None:
    query, key, value = (torch.rand(2, HEADS, LENGTH, 16) for _ in range(3))
    attend = functional.scaled_dot_product_attention
    assert macs(lambda: attend(query, key, value)) == 2 * (2 * HEADS * LENGTH * LENGTH * 16)


def test_attention_costs_more_in_the_backward_pass() -> None:
    query, key, value = (torch.rand(2, HEADS, LENGTH, 16, requires_grad=True) for _ in range(3))
    attended = functional.scaled_dot_product_attention(query, key, value)
    product = 2 * HEADS * LENGTH * LENGTH * 16
    # The scores once more, then the gradients of scores, values, queries and keys.
    assert macs(lambda: attended.sum().backward()) == 5 * product


def test_a_transformer_layer_is_counted_whole_though_pytorch_would_fuse_it() -> None:
    layer = nn.TransformerEncoderLayer(WIDTH, HEADS, HIDDEN, batch_first=True).eval()
    words = torch.rand(2, LENGTH, WIDTH)
    projections = LENGTH * WIDTH * (4 * WIDTH + 2 * HIDDEN)
    attention = 2 * LENGTH * LENGTH * WIDTH
    with torch.no_grad():
        assert macs(lambda: layer(words)) == 2 * (projections + attention)
    assert torch.backends.mha.get_fastpath_enabled()


@pytest.mark.parametrize("groups", [1, 4])
@pytest.mark.parametrize("kind", [nn.Conv2d, nn.ConvTranspose2d])
def test_the_backward_pass_of_a_convolution_costs_it_twice(
    kind: type[nn.Conv2d], groups: int
) -> None:
    convolution = kind(8, 16, 3, stride=2, groups=groups, bias=False)
    image = torch.rand(2, 8, 9, 9, requires_grad=True)
    forward = macs(lambda: convolution(image))
    output = convolution(image).sum()
    assert macs(output.backward) == 2 * forward > 0


def test_without_a_gradient_of_the_image_the_backward_pass_costs_a_convolution_once() -> None:
    convolution, image = nn.Conv2d(3, 8, 3), torch.rand(2, 3, 9, 9)
    output = convolution(image).sum()
    assert macs(output.backward) == macs(lambda: convolution(image)) == 2 * 7 * 7 * 8 * 3 * 9
