"""What batch normalisation makes of shares; that of several processes, the steps show."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from bench_core.modeling.batch_statistics import joins_images
from bench_core.modeling.division import Division
from bench_core.modeling.sharing import Sharing

SHARES = Sharing(parts=2, statistics="share")


def test_running_statistics_are_the_mean_over_the_shares() -> None:
    network, values = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)), torch.rand(6, 3)
    with Division(network, Sharing(parts=2, statistics="share")).divided():
        output = network(values)
        output.sum().backward()
    shares = [network[0](values).detach()[place::2] for place in range(2)]
    norm = network[1]
    mean = torch.stack([share.mean(0) for share in shares]).mean(0)
    variance = torch.stack([share.var(0) for share in shares]).mean(0)
    assert torch.allclose(norm.running_mean, 0.1 * mean)
    assert torch.allclose(norm.running_var, 0.9 + 0.1 * variance)
    assert norm.num_batches_tracked == 1
    for share in (output[::2], output[1::2]):
        assert torch.allclose(share.mean(0), torch.zeros(3), atol=1e-5)


def test_without_a_momentum_running_statistics_are_the_mean_over_batches() -> None:
    network = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3, momentum=None))
    batches = torch.rand(2, 6, 3)
    for values in batches:
        with Division(network, SHARES).divided():
            network(values)
    means = network[0](batches.flatten(0, 1)).mean(0)
    assert torch.allclose(network[1].running_mean, means)


def test_in_evaluation_shares_are_normalised_as_the_whole() -> None:
    network, values = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)).eval(), torch.rand(6, 3)
    before = copy.deepcopy(network)
    with Division(network, SHARES).divided():
        shares = network(values)
    assert torch.allclose(shares, before(values))
    assert torch.equal(network[1].running_mean, before[1].running_mean)


@pytest.mark.parametrize(
    ("network", "joins"),
    [
        (nn.BatchNorm2d(3), True),
        (nn.BatchNorm2d(3).eval(), False),
        (nn.BatchNorm2d(3, track_running_stats=False).eval(), True),
        (nn.Sequential(nn.Conv2d(3, 3, 1), nn.Sequential(nn.BatchNorm2d(3))), True),
        (nn.InstanceNorm2d(3), False),
        (nn.InstanceNorm2d(3, track_running_stats=True), True),
        (nn.Sequential(nn.LayerNorm(3), nn.Dropout()), False),
    ],
)
def test_what_makes_images_of_a_batch_depend_on_each_other(network: nn.Module, joins: bool) -> None:
    assert joins_images(network) is joins


def test_a_share_of_a_batch_has_both_modalities() -> None:
    """Batches have visible images first; statistics of shares are not those of one modality."""
    values = torch.cat([torch.rand(8, 3), 10 + torch.rand(8, 3)])
    variances = []
    for sharing in (Sharing(), Sharing(parts=4, statistics="share")):
        network = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3, momentum=1.0))
        nn.init.eye_(network[0].weight)
        with Division(network, sharing).divided():
            network(values).sum().backward()
        variances.append(network[1].running_var)
    whole, shares = variances
    assert (whole > 20).all()
    torch.testing.assert_close(shares, whole, rtol=0.5, atol=0)
