"""What is exchanged between processes; that it makes the gradients of one, the steps show."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from bench_core.modeling.exchange import (
    average_gradients,
    interleaved,
    joined_shares,
    own_share,
)
from bench_core.modeling.sharing import Sharing, shared
from bench_core.system.process_group import imagined


def test_outside_of_a_shared_step_gradients_stay_as_they_are() -> None:
    layer = nn.Linear(3, 3)
    layer(torch.rand(4, 3)).sum().backward()
    before = layer.weight.grad
    assert before is not None
    kept = before.clone()
    average_gradients(layer.parameters())
    with shared(Sharing(parts=2)):  # of one process
        average_gradients(layer.parameters())
    assert torch.equal(before, kept)


def test_a_share_is_a_copy_and_the_whole_is_as_large_as_all_shares() -> None:
    batch = torch.rand(6, 3)
    with imagined(3):
        share = own_share(batch)
        whole = joined_shares(share)
    assert torch.equal(share, batch[::3])
    share.zero_()
    assert batch.all()
    assert whole.shape == batch.shape


@pytest.mark.parametrize("shape", [(12,), (12, 3), (12, 3, 4, 2)])
@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_shares_are_joined_in_the_order_of_the_batch(shape: tuple[int, ...], number: int) -> None:
    batch = torch.rand(shape)
    shares = torch.cat([batch[place::number] for place in range(number)])
    assert torch.equal(interleaved(shares, number), batch)


def test_joined_maps_lie_in_memory_as_their_shares_do() -> None:
    batch = torch.rand(6, 3, 4, 2).contiguous(memory_format=torch.channels_last)
    shares = torch.cat([batch[::2], batch[1::2]])
    assert shares.is_contiguous(memory_format=torch.channels_last)
    joined = interleaved(shares, 2)
    assert joined.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(joined, batch)
