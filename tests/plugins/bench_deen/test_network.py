"""The network of DEEN: its order, its sizes, and what the authors' code stores besides."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from bench_core import INFRARED, VISIBLE
from bench_core.methods import Batch, build_backbone
from bench_core.modeling.pretrained import parse_weights
from bench_deen.config import DEENConfig
from bench_deen.expansion import ExpansionBranch
from bench_deen.method import DEEN
from bench_deen.network import DiverseEmbeddingNetwork

Choose = Callable[..., DEENConfig]
Make = Callable[..., DEEN]


def network_of(method: DEEN) -> DiverseEmbeddingNetwork:
    network = method.networks["network"]
    assert isinstance(network, DiverseEmbeddingNetwork)
    return network


def parameters(*networks: nn.Module) -> int:
    return sum(value.numel() for network in networks for value in network.parameters())


def on_meta(config: DEENConfig, num_identities: int) -> DEEN:
    with torch.device("meta"):
        return DEEN(config, num_identities=num_identities)


@pytest.mark.parametrize(
    ("preset", "num_identities", "used", "stored"),
    [
        ("paper", 395, 42_037_792, 89_044_320),
        ("paper-llcm", 713, 42_689_056, 89_695_584),
        ("paper-regdb", 206, 13_094_176, 75_065_440),
    ],
)
def test_parameters_and_those_of_the_dead_layers_are_what_the_code_stores(
    preset: str, num_identities: int, used: int, stored: int, config_of: Choose
) -> None:
    """Each of its two stems and its shared part holds a whole ResNet-50 without classifier."""
    method = on_meta(config_of(preset), num_identities)
    assert parameters(method.networks) == used
    with torch.device("meta"):
        backbone = build_backbone("resnet50")
    stem, stages = backbone.split(0)
    dead = 2 * parameters(stages) + parameters(stem)
    if preset == "paper-regdb":
        dead += parameters(backbone.split(3)[1])  # stage 4 of the shared part
    assert used + dead == stored


@pytest.mark.parametrize(
    ("last_stage", "stages", "channels"),
    [(4, ["MFA", "MFA", "MFA", "DEE", "last"], 2048), (3, ["MFA", "MFA", "DEE", "last"], 1024)],
)
def test_aggregation_stands_behind_each_stage_and_expansion_before_the_last(
    last_stage: int, stages: list[str], channels: int, config_of: Choose
) -> None:
    with torch.device("meta"):
        network = DiverseEmbeddingNetwork(
            build_backbone("resnet50"), last_stage=last_stage, aggregates=True, dropout=0.01
        )
        image = torch.empty(2, 3, 64, 32)
    called: list[tuple[str, list[tuple[int, ...]]]] = []

    def noted(name: str) -> Callable[..., None]:
        return lambda _, given, __: called.append((name, [tuple(each.shape) for each in given]))

    for part in network.aggregations:
        part.register_forward_hook(noted("MFA"))
    assert network.expansion is not None
    network.expansion.register_forward_hook(noted("DEE"))
    network.two_stream.shared[-1].register_forward_hook(noted("last"))
    features = network.eval()(image, VISIBLE)
    assert features.shape == (2, 3, channels)
    assert [name for name, _ in called] == stages
    sizes = {1: (2, 64, 16, 8), 2: (2, 256, 16, 8), 3: (2, 512, 8, 4), 4: (2, 1024, 4, 2)}
    for place, (_, shapes) in enumerate(called[: last_stage - 1], start=1):
        assert shapes == [sizes[place + 1], sizes[place]]  # out of the stage, and into it
    assert called[-2][1] == [sizes[last_stage]]
    (given,) = called[-1][1]
    assert given == (6, *sizes[last_stage][1:])


@pytest.mark.parametrize(("variant", "branches"), [("full", 3), ("dee", 3), ("mfa", 1)])
@pytest.mark.parametrize(("last_stage", "length"), [(4, 256), (3, 128)])
def test_the_small_backbone_has_the_same_parts(
    variant: str, branches: int, last_stage: int, length: int, make: Make, batch: Batch
) -> None:
    network = network_of(make(variant, f"last_stage={last_stage}"))
    assert len(network.aggregations) == (0 if variant == "dee" else last_stage - 1)
    assert network.num_branches == branches
    assert network(batch.visible, VISIBLE).shape == (6, branches, length)


def test_aggregation_shrinks_where_its_stage_does(config_of: Choose) -> None:
    aggregations = network_of(on_meta(config_of("paper"), 2)).aggregations
    assert [part.channels.phi.stride[0] for part in aggregations] == [1, 2, 2]
    small = network_of(on_meta(config_of("quick"), 2)).aggregations
    assert [part.channels.phi.stride[0] for part in small] == [2, 2, 2]


def test_each_modality_passes_its_own_stem(make: Make, batch: Batch) -> None:
    network = network_of(make()).eval()
    before = network.both(batch.visible, batch.infrared)
    torch.testing.assert_close(network(batch.infrared, INFRARED), before[6:])
    with torch.no_grad():
        for value in network.two_stream.stems[INFRARED].parameters():
            value.mul_(1.5)
    after = network.both(batch.visible, batch.infrared)
    torch.testing.assert_close(after[:6], before[:6])
    assert not torch.allclose(after[6:], before[6:], atol=1e-3)


@pytest.mark.parametrize("last_stage", [3, 4])
def test_pretrained_weights_go_to_both_stems_and_the_stages_that_there_are(
    last_stage: int, make: Make, tmp_path: Path
) -> None:
    source = build_backbone("small")
    torch.save(source.body.state_dict(), tmp_path / "weights.pth")
    method = make("full", f"last_stage={last_stage}")
    method.load_pretrained(parse_weights(str(tmp_path / "weights.pth")))
    stem, stages = source.split(0)
    two_stream = network_of(method).two_stream
    assert len(two_stream.shared) == last_stage
    for mine, theirs in [
        *((two_stream.stems[modality], stem) for modality in (VISIBLE, INFRARED)),
        (two_stream.shared, stages[:last_stage]),
    ]:
        state, wanted = mine.state_dict(), theirs.state_dict()
        assert state.keys() == wanted.keys()
        assert all(torch.equal(value, wanted[name]) for name, value in state.items())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("preset", "variant", "macs"),
    [
        ("paper", "full", 2 * 19_268_665_344),
        ("paper", "baseline", 2 * 6_839_894_016),
        ("paper-regdb", "full", 2 * 11_539_611_648),
    ],
)
def test_multiply_adds_of_an_image_and_its_mirror_image(
    preset: str, variant: str, macs: int, config_of: Choose
) -> None:
    method = on_meta(config_of(preset, variant), 2)
    method.networks.eval()
    with FlopCounterMode(display=False) as counter:
        method.extract(torch.empty(1, 3, 384, 144, device="meta"), "visible")
    assert counter.get_total_flops() // 2 == macs


def test_multiply_adds_of_a_branch_by_hand() -> None:
    """Three convolutions of 3x3 x 1024 x 256 and one of 256 x 1024, at 24x9 places."""
    with torch.device("meta"):
        branch, maps = ExpansionBranch(1024), torch.empty(1, 1024, 24, 9)
    with FlopCounterMode(display=False) as counter:
        branch(maps)
    assert counter.get_total_flops() // 2 == 216 * (3 * 9 * 1024 * 256 + 256 * 1024)
