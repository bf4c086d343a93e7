"""The training of D-HSME: losses of a batch, parameters that learn, features, and costs."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from bench_core.methods import Batch
from bench_core.testing import enter_stage, record_step, take_step
from bench_dhsme.config import DHSMEConfig
from bench_dhsme.losses import cross_modality_triplet, symmetric_divergence
from bench_dhsme.method import DHSME

Choose = Callable[..., DHSMEConfig]
Make = Callable[..., DHSME]


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


@pytest.mark.parametrize("stage", ["hypersphere", "decorrelated"])
def test_a_step_minimises_the_weighted_sum_of_three_losses(
    stage: str, make: Make, batch: Batch
) -> None:
    method, seen = make("full", "divergence_weight=0.7", "triplet_weight=0.2"), []
    neck = method.networks["network"].neck
    neck.register_forward_hook(lambda *args: seen.append(args[2]))
    losses, ((total, optimizers),) = record_step(method, stage, batch)
    ((features, logits),) = seen
    labels = batch.labels.tolist() * 2
    rows = zip(logits.tolist(), labels, strict=True)
    identity = mean([math.log(sum(map(math.exp, row))) - row[label] for row, label in rows])
    expected = {
        "identity": identity,
        "divergence": symmetric_divergence(logits[:6], logits[6:]).item(),
        "triplet": cross_modality_triplet(features[:6], features[6:], batch.labels, 0.3).item(),
    }
    assert {name: loss.item() for name, loss in losses.items()} == pytest.approx(expected, rel=1e-4)
    weighted = identity + 0.7 * expected["divergence"] + 0.2 * expected["triplet"]
    assert total.item() == pytest.approx(weighted, rel=1e-4)
    assert optimizers == ("learner",)


def test_what_has_no_weight_is_not_computed(make: Make, batch: Batch) -> None:
    method = make("hsme", "divergence_weight=0", "triplet_weight=0")
    assert set(method.losses(batch)) == {"identity"}


def test_a_step_moves_every_parameter_that_can_learn(make: Make, batch: Batch) -> None:
    method = make()
    before = {name: value.clone() for name, value in method.networks.named_parameters()}
    take_step(method, "hypersphere", batch, enter_stage(method, "hypersphere"))
    unmoved = {
        name
        for name, value in method.networks.named_parameters()
        if torch.equal(value, before[name])
    }
    assert unmoved == {"network.neck.normalization.bias"}


def test_each_modality_passes_its_own_stem(make: Make, batch: Batch) -> None:
    method = make()
    method.networks.eval()
    passed: list[str] = []
    for name, stem in method.networks["network"].backbone.stems.items():
        stem.register_forward_hook(lambda *_, name=name: passed.append(name))
    for modality in ("visible", "infrared"):
        method.extract(batch.visible, modality)  # type: ignore[arg-type]
    assert passed == ["visible", "infrared"]


def test_what_is_compared_is_what_is_classified_at_unit_length(make: Make, batch: Batch) -> None:
    method = make()
    method.networks.eval()
    network = method.networks["network"]
    recognized = network.recognize(batch.visible, batch.infrared)
    expected = functional.normalize(recognized.features[:6])
    torch.testing.assert_close(method.extract(batch.visible, "visible")[:, 0], expected)
    directions = functional.normalize(network.neck.classifier.weight)
    torch.testing.assert_close(14 * expected @ directions.T, recognized.logits[:6])


def test_parameters_on_the_395_identities_of_sysu(config_of: Choose) -> None:
    """ResNet-50, a second stem, centring, embedding layer, neck and classifier of 1,024."""
    with torch.device("meta"):
        method = DHSME(config_of("paper"), num_identities=395)
    backbone = 23_508_032 + 3 * 64 * 49 + 128
    expected = backbone + 2 * 2048 + 2048 * 1024 + 2 * 1024 + 395 * 1024
    assert sum(value.numel() for value in method.networks.parameters()) == expected


@pytest.mark.slow
def test_the_cost_of_an_image(config_of: Choose) -> None:
    """ResNet-50 has 4,053,270,528 multiply-adds at 256x128, and 81/64 of these at 288x144."""
    with torch.device("meta"):
        method = DHSME(config_of("paper"), num_identities=2)
        image = torch.empty(1, 3, 288, 144)
    method.networks.eval()
    with FlopCounterMode(display=False) as counter:
        method.extract(image, "visible")
    assert counter.get_total_flops() // 2 == 4_053_270_528 * 81 // 64 + 2048 * 1024
