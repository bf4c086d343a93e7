"""The training of AGW: its losses, which parameters learn and how, and its networks."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from bench_agw import bench_register_methods
from bench_agw.config import AGWConfig
from bench_agw.method import AGW, LEARNER
from bench_core.methods import Batch
from bench_core.modeling.pretrained import parse_weights
from bench_core.testing import enter_stage, take_step

Choose = Callable[..., AGWConfig]
Make = Callable[..., AGW]

(SPEC,) = bench_register_methods()
VARIANTS = [variant.name for variant in SPEC.variants]
WEIGHTED = {"full", "weighted-triplet", "without-attention"}
POWERED = {"full", "generalized-mean", "without-attention"}


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def gaps(features: list[list[float]], labels: list[int]) -> list[tuple[float, float]]:
    """The gaps of the weighted regularised triplet and of batch-hard mining, by anchor."""
    found = []
    for anchor, label in zip(features, labels, strict=True):
        away = [math.dist(anchor, other) for other in features]
        same = [d for d, other in zip(away, labels, strict=True) if other == label]
        others = [d for d, other in zip(away, labels, strict=True) if other != label]
        far, near = [math.exp(d) for d in same], [math.exp(-d) for d in others]
        soft = sum(w * d for w, d in zip(far, same, strict=True)) / sum(far)
        soft -= sum(w * d for w, d in zip(near, others, strict=True)) / sum(near)
        found.append((soft, max(same) - min(others)))
    return found


def triplet(features: torch.Tensor, labels: list[int], *, weighted: bool) -> float:
    found = gaps(features.tolist(), labels)
    if weighted:
        return mean([math.log1p(math.exp(soft)) for soft, _ in found])
    return mean([max(0.3 + hard, 0) for _, hard in found])


def identity(logits: torch.Tensor, labels: list[int]) -> float:
    rows = zip(logits.tolist(), labels, strict=True)
    return mean([math.log(sum(map(math.exp, row))) - row[label] for row, label in rows])


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_losses_are_over_all_images_of_both_modalities(
    variant: str, make: Make, batch: Batch
) -> None:
    method = make(variant)
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []
    neck = method.networks["network"].neck
    neck.register_forward_hook(lambda *args: seen.append((args[1][0], args[2][1])))
    losses = method.losses(batch)
    ((features, logits),) = seen
    labels = batch.labels.tolist() * 2
    assert len(features) == len(labels) == 12
    expected = triplet(features, labels, weighted=variant in WEIGHTED)
    assert losses.keys() == {"identity", "triplet"}
    assert losses["identity"].item() == pytest.approx(identity(logits, labels), rel=1e-4)
    # In float32 an image is some thousandths from itself.
    assert losses["triplet"].item() == pytest.approx(expected, rel=2e-3)
    total = method.step(batch, enter_stage(method, "joint"))["total"]
    assert total.item() == pytest.approx(sum(loss.item() for loss in losses.values()), rel=1e-4)


@pytest.mark.parametrize("variant", VARIANTS)
def test_maps_are_pooled_by_the_generalised_mean_or_the_average(
    variant: str, make: Make, batch: Batch
) -> None:
    network = make(variant, "embedding=pooled").networks["network"].eval()
    maps = network.backbone(network.normalization(batch.visible), "visible").flatten(2)
    expected = maps.mean(2)
    if variant in POWERED:
        expected = ((maps**3).mean(2) + 1e-12) ** (1 / 3)
    torch.testing.assert_close(network.embed(batch.visible, "visible", "pooled"), expected)


@pytest.mark.parametrize("variant", VARIANTS)
def test_attention_is_there_or_not(variant: str, make: Make) -> None:
    network = make(variant).networks["network"]
    assert bool(network.backbone.attention) == (variant in {"full", "attention"})


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_step_moves_every_parameter_that_can_learn(
    variant: str, make: Make, batch: Batch
) -> None:
    """Two steps: a block's scale of zero keeps the gradient from its inside at first."""
    method = make(variant)
    before = {name: value.clone() for name, value in method.networks.named_parameters()}
    updates = enter_stage(method, "joint")
    take_step(method, "joint", batch, updates)
    take_step(method, "joint", batch, updates)
    unmoved = {
        name
        for name, value in method.networks.named_parameters()
        if torch.equal(value, before[name])
    }
    assert unmoved == {"network.neck.normalization.bias"}


def test_there_is_one_stage_as_configured(make: Make) -> None:
    method = make()
    (stage,) = method.stages()
    assert (stage.name, stage.epochs, stage.frozen) == ("joint", 81, ())
    assert (stage.sampling, stage.augmentation) == (
        method.config.sampling,
        method.config.augmentation,
    )
    assert stage.sampler is not None
    assert make("full", "image_draws=once-each").stages()[0].sampler is None
    assert list(stage.optimizers) == [LEARNER]


@pytest.mark.parametrize(
    ("variant", "width", "attention"),
    [
        ("full", "half", 2 * 526_592 + 3 * 2_101_760),
        ("full", "one", 2 * 3_587 + 3 * 7_171),
        ("base", "half", 0),
    ],
)
def test_parameters_on_the_395_identities_of_sysu(
    variant: str, width: str, attention: int, config_of: Choose
) -> None:
    """ResNet-50, a second stem (convolution and normalisation), neck, classifier, attention."""
    with torch.device("meta"):
        config = config_of("paper", variant, f"attention_width={width}")
        method = AGW(config, num_identities=395)
    stem = 3 * 64 * 49 + 128
    expected = 23_508_032 + stem + 2 * 2048 + 395 * 2048 + attention
    assert sum(value.numel() for value in method.networks.parameters()) == expected


def test_the_neck_starts_as_in_the_public_code(make: Make) -> None:
    neck = make().networks["network"].neck
    scale = neck.normalization.weight
    assert scale.mean().item() == pytest.approx(1, abs=2e-3)
    assert scale.std().item() == pytest.approx(0.01, rel=0.2)
    assert neck.classifier.bias is None
    assert neck.classifier.weight.std().item() == pytest.approx(0.001, rel=0.2)


def test_pretrained_weights_go_to_both_stems_and_what_follows(make: Make, tmp_path: Path) -> None:
    source = make("base", "attention_width=one").config.build_backbone()
    with torch.no_grad():
        for value in source.parameters():
            value.add_(1)
    torch.save(source.body.state_dict(), tmp_path / "weights.pth")
    method = make()
    method.load_pretrained(parse_weights(str(tmp_path / "weights.pth")))
    network = method.networks["network"].backbone.two_stream
    stem, shared = source.split(0)
    for modality in ("visible", "infrared"):
        for name, value in network.stems[modality].state_dict().items():
            assert torch.equal(value, stem.state_dict()[name]), name
    for name, value in network.shared.state_dict().items():
        assert torch.equal(value, shared.state_dict()[name]), name
