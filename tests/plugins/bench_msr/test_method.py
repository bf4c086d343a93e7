"""The training of MSR: losses of a batch, parameters that learn, features, and costs."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch.nn import functional

from bench_core.methods import Batch
from bench_core.testing import enter_stage, record_step, take_step
from bench_msr.config import MSRConfig
from bench_msr.losses import euclidean_constraint
from bench_msr.method import MSR

Choose = Callable[..., MSRConfig]
Make = Callable[..., MSR]

STEM_AND_STAGES = 23_508_032
"""Parameters of ResNet-50 without its classifier."""
HEAD = 2 * 2048 + 2048 * 512 + 2 * 512 + 395 * 512
"""Centring, an embedding layer, a neck and a classifier of the 395 identities of SYSU-MM01."""


def entropy(logits: torch.Tensor, labels: list[int]) -> float:
    rows = list(zip(logits.tolist(), labels, strict=True))
    return sum(math.log(sum(map(math.exp, row))) - row[label] for row, label in rows) / len(rows)


def watched(method: MSR) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Note what each head makes of the next batch, by its name."""
    network, seen = method.networks["network"], {}
    heads = {"shared": network.shared, **dict(network.specific)}
    for name, head in heads.items():
        head.register_forward_hook(lambda *args, name=name: seen.update({name: args[2]}))
    return seen


@pytest.mark.parametrize("constrained", ["both", "specific", "shared"])
def test_a_step_minimises_the_weighted_sum_of_the_losses(
    constrained: str, make: Make, batch: Batch
) -> None:
    method = make("full", "constraint_weight=0.7", f"constrained={constrained}")
    seen = watched(method)
    losses, ((total, optimizers),) = record_step(method, "joint", batch)
    labels = batch.labels.tolist()
    shared, visible, infrared = seen["shared"], seen["visible"], seen["infrared"]
    parts = {
        "specific": (visible[0], infrared[0]),
        "shared": tuple(shared[0].split(6)),
    }
    chosen = ["specific", "shared"] if constrained == "both" else [constrained]
    embedded = [
        functional.normalize(torch.cat([parts[name][place] for name in chosen], dim=1))
        for place in (0, 1)
    ]
    expected = {
        "shared": entropy(shared[1], labels * 2),
        "specific": entropy(visible[1], labels) + entropy(infrared[1], labels),
        "constraint": euclidean_constraint(*embedded, batch.labels).item(),
    }
    assert {name: loss.item() for name, loss in losses.items()} == pytest.approx(expected, rel=1e-4)
    weighted = expected["shared"] + expected["specific"] + 0.7 * expected["constraint"]
    assert total.item() == pytest.approx(weighted, rel=1e-4)
    assert optimizers == ("learner",)


@pytest.mark.parametrize(
    ("variant", "names"),
    [
        ("full", {"shared", "specific", "constraint"}),
        ("without-cmec", {"shared", "specific"}),
        ("shared-only", {"shared"}),
        ("xqda", {"shared", "specific", "constraint"}),
    ],
)
def test_the_losses_of_a_variant(variant: str, names: set[str], make: Make, batch: Batch) -> None:
    assert set(make(variant).losses(batch)) == names


@pytest.mark.parametrize("variant", ["full", "shared-only"])
def test_a_step_moves_every_parameter_that_can_learn(
    variant: str, make: Make, batch: Batch
) -> None:
    method = make(variant)
    before = {name: value.clone() for name, value in method.networks.named_parameters()}
    take_step(method, "joint", batch, enter_stage(method, "joint"))
    unmoved = {
        name
        for name, value in method.networks.named_parameters()
        if torch.equal(value, before[name])
    }
    assert all(name.endswith("neck.normalization.bias") for name in unmoved)
    assert len(unmoved) == (3 if variant == "full" else 1)


def test_each_modality_passes_its_own_network_and_the_shared_head(make: Make, batch: Batch) -> None:
    method = make()
    method.networks.eval()
    network, passed = method.networks["network"], []
    for name in ("visible", "infrared"):
        for part in (network.backbones[name], network.specific[name].embedding):
            part.register_forward_hook(lambda *_, name=name: passed.append(name))
    network.shared.embedding.register_forward_hook(lambda *_: passed.append("shared"))
    for modality in ("visible", "infrared"):
        method.extract(batch.visible, modality)  # type: ignore[arg-type]
    assert passed == ["visible", "visible", "shared", "infrared", "infrared", "shared"]


def test_the_feature_is_the_specific_embedding_with_the_shared_one_at_unit_length(
    make: Make, batch: Batch
) -> None:
    method = make()
    method.networks.eval()
    seen = watched(method)
    method.losses(batch)
    expected = functional.normalize(torch.cat([seen["infrared"][0], seen["shared"][0][6:]], dim=1))
    torch.testing.assert_close(method.extract(batch.infrared, "infrared")[:, 0], expected)
    whole = make("full", "embedding=neck")
    whole.networks.load_state_dict(method.networks.state_dict())
    whole.networks.eval()
    lengths = whole.extract(batch.infrared, "infrared")[:, 0].norm(dim=1)
    assert not torch.allclose(lengths, torch.ones(6), atol=0.1)


def test_the_baseline_embeds_both_modalities_alike(make: Make, batch: Batch) -> None:
    method = make("shared-only")
    method.networks.eval()
    visible, infrared = (
        method.extract(batch.visible, name)  # type: ignore[arg-type]
        for name in ("visible", "infrared")
    )
    assert visible.shape == (6, 1, 24)
    assert torch.equal(visible, infrared)


def test_the_baseline_goes_on_from_its_own_warm_start(make: Make, batch: Batch) -> None:
    method = make("shared-only", "warm_start_epochs=2")
    baseline, joint = method.stages()
    assert (baseline.epochs, list(baseline.frozen), joint.begin) == (2, [], None)
    assert set(take_step(method, "baseline", batch)) == {"total", "shared"}


def test_a_warm_start_trains_the_baseline_and_gives_its_networks_to_both(
    make: Make, batch: Batch
) -> None:
    method = make("full", "warm_start_epochs=2")
    baseline, joint = method.stages()
    assert (baseline.name, baseline.epochs, joint.name) == ("baseline", 2, "joint")
    before = {name: value.clone() for name, value in method.networks.named_parameters()}
    losses = take_step(method, "baseline", batch)
    moved = {
        name.split(".")[1] + "." + name.split(".")[2]
        for name, value in method.networks.named_parameters()
        if not torch.equal(value, before[name])
    }
    assert set(losses) == {"total", "shared"}
    assert moved == {
        "backbones.visible",
        "shared.centering",
        "shared.embedding",
        "shared.neck",
    }
    network = method.networks["network"]
    network.start_alike()
    for source, copies in (
        (network.backbones["visible"], [network.backbones["infrared"]]),
        (network.shared, network.specific.values()),
    ):
        for name, value in source.state_dict().items():
            assert all(torch.equal(value, copy.state_dict()[name]) for copy in copies), name


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        ("full", 2 * STEM_AND_STAGES + 3 * HEAD),
        ("shared-only", STEM_AND_STAGES + HEAD),
        ("xqda", 2 * STEM_AND_STAGES + 3 * HEAD + 1024 * 512),
    ],
)
def test_parameters_on_the_395_identities_of_sysu(
    variant: str, expected: int, config_of: Choose
) -> None:
    with torch.device("meta"):
        method = MSR(config_of("paper", variant), num_identities=395)
    assert sum(value.numel() for value in method.networks.parameters()) == expected
