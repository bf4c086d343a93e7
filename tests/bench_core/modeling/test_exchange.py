"""What is exchanged between processes; that it makes the gradients of one, the steps show."""

from __future__ import annotations

import torch
from torch import nn

from bench_core.modeling.exchange import average_gradients, joined_shares, own_share
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
    assert torch.equal(share, batch[:2])
    share.zero_()
    assert batch.all()
    assert whole.shape == batch.shape
