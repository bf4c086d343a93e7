"""Non-local blocks and the backbone that has them."""

from __future__ import annotations

import pytest
import torch

from bench_core import INFRARED, VISIBLE
from bench_core.methods import NonLocalBlock, NonLocalTwoStream, build_backbone


def awake(block: NonLocalBlock) -> NonLocalBlock:
    """Give a block a scale, so that it is no identity any more."""
    torch.nn.init.ones_(block.out[1].weight)  # type: ignore[arg-type]
    return block.eval()


def test_a_block_starts_as_the_identity() -> None:
    maps = torch.randn(2, 8, 3, 4)
    assert torch.equal(NonLocalBlock(8, 4)(maps), maps)


@pytest.mark.parametrize("inner", [1, 4])
def test_a_block_is_its_equation_place_by_place(inner: int) -> None:
    torch.manual_seed(0)
    block, maps = awake(NonLocalBlock(8, inner)), torch.randn(2, 8, 3, 4)
    theta, phi, g = (layer(maps).flatten(2) for layer in (block.theta, block.phi, block.g))
    drawn = torch.zeros(2, inner, 12)
    for i in range(12):
        for j in range(12):
            similarity = (theta[:, :, i] * phi[:, :, j]).sum(1, keepdim=True)
            drawn[:, :, i] += similarity * g[:, :, j] / 12
    wanted = maps + block.out(drawn.reshape(2, inner, 3, 4))
    torch.testing.assert_close(block(maps), wanted)


def test_agw_has_blocks_behind_the_last_two_and_the_last_three_residual_blocks() -> None:
    network = NonLocalTwoStream(build_backbone("resnet50"), "one")
    assert list(network.attention) == ["stage2-0", "stage2-1", "stage3-0", "stage3-1", "stage3-2"]
    called: list[str] = []
    for name, block in network.attention.items():
        block.register_forward_hook(lambda *_, name=name: called.append(name))
    for place, block in enumerate(network.two_stream.shared[2]):
        block.register_forward_hook(lambda *_, place=place: called.append(f"block{place}"))
    with torch.no_grad():
        network.eval()(torch.randn(1, 3, 32, 32), VISIBLE)
    assert called[2:] == [
        *("block0", "block1", "block2", "block3"),
        *("stage3-0", "block4", "stage3-1", "block5", "stage3-2"),
    ]


def test_the_width_inside_is_one_or_half_of_the_channels() -> None:
    for inner, width in (("one", 1), ("half", 256)):
        network = NonLocalTwoStream(build_backbone("resnet50"), inner)  # type: ignore[arg-type]
        assert network.attention["stage2-0"].theta.out_channels == width


def test_without_blocks_it_is_a_plain_two_stream_backbone() -> None:
    torch.manual_seed(0)
    network = NonLocalTwoStream(build_backbone("small"), None).eval()
    visible, infrared = torch.randn(2, 2, 3, 32, 16)
    assert not network.attention
    both = network.both(visible, infrared)
    torch.testing.assert_close(both, network.two_stream.both(visible, infrared))
    torch.testing.assert_close(network(infrared, INFRARED), both[2:])
