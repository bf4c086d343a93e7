"""The training: one softmax over the images of both modalities, and what is compared."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from bench_core import INFRARED, VISIBLE
from bench_core.methods import Batch
from bench_core.testing import take_step
from bench_zeropadding.method import IdentityNetwork
from bench_zeropadding.sampler import ShuffledSampler

Make = Callable[..., IdentityNetwork]

METHODS = [
    ("one-stream", "full"),
    ("one-stream", "asymmetric-fc"),
    ("two-stream", "full"),
    ("zero-padding", "full"),
]


@pytest.fixture
def strangers(batch: Batch) -> Batch:
    """Images of other people in one modality than in the other, and so without joint labels."""
    labels_of = {VISIBLE: batch.labels, INFRARED: batch.labels.flip(0)}
    return replace(batch, labels=batch.labels[:0], labels_of=labels_of)


@pytest.mark.parametrize(("method", "variant"), METHODS)
def test_the_loss_is_the_cross_entropy_of_all_images(
    method: str, variant: str, make: Make, strangers: Batch
) -> None:
    made = make(method, variant)
    network, classifiers = made.networks["network"], made.networks["classifiers"]
    features = network.both(strangers.visible, strangers.infrared).mean((2, 3))
    layers = {
        modality: classifiers[modality if variant == "asymmetric-fc" else "both"]
        for modality in (VISIBLE, INFRARED)
    }
    total = 0.0
    for modality, part in zip((VISIBLE, INFRARED), features.chunk(2), strict=True):
        logits = layers[modality](part).tolist()
        for row, label in zip(logits, strangers.labels_of[modality].tolist(), strict=True):
            total += math.log(sum(map(math.exp, row))) - row[label]
    losses = make(method, variant).losses(strangers)
    assert list(losses) == ["identity"]
    assert losses["identity"].item() == pytest.approx(total / 12, rel=1e-4)


@pytest.mark.parametrize(("method", "variant"), METHODS)
def test_a_step_moves_every_parameter(
    method: str, variant: str, make: Make, strangers: Batch
) -> None:
    made = make(method, variant)
    before = {name: value.clone() for name, value in made.networks.named_parameters()}
    take_step(made, "joint", strangers)
    after = dict(made.networks.named_parameters())
    assert not [name for name, value in before.items() if torch.equal(value, after[name])]


def test_there_is_one_stage_of_shuffled_images(make: Make) -> None:
    made = make("zero-padding")
    (stage,) = made.stages()
    assert (stage.name, stage.epochs, stage.sampler) == ("joint", 100, ShuffledSampler)
    assert stage.augmentation == made.config.augmentation


def settled(made: IdentityNetwork, batch: Batch) -> IdentityNetwork:
    for _ in range(3):
        made.losses(batch)
    made.networks.eval()
    return made


def test_one_stream_sees_no_modality_and_the_others_do(make: Make, batch: Batch) -> None:
    differences = {}
    for method in ("one-stream", "two-stream", "zero-padding"):
        made = settled(make(method), batch)
        as_visible, as_infrared = (
            made.extract(batch.infrared, modality) for modality in (VISIBLE, INFRARED)
        )
        differences[method] = (as_visible - as_infrared).abs().max().item()
    assert differences["one-stream"] == 0
    assert min(differences["two-stream"], differences["zero-padding"]) > 1e-3


@pytest.mark.parametrize("method", ["one-stream", "zero-padding"])
def test_colours_count_by_their_grey_value_alone(method: str, make: Make, batch: Batch) -> None:
    made = settled(make(method), batch)
    red, green, blue = batch.visible.unbind(1)
    gray = 0.299 * red + 0.587 * green + 0.114 * blue
    expected = made.extract(gray[:, None].expand(-1, 3, -1, -1), VISIBLE)
    torch.testing.assert_close(made.extract(batch.visible, VISIBLE), expected, rtol=1e-4, atol=1e-4)


def test_two_streams_see_the_colours_of_visible_images(make: Make, batch: Batch) -> None:
    made = settled(make("two-stream"), batch)
    turned = batch.visible.flip(1)
    assert (made.extract(batch.visible, VISIBLE) - made.extract(turned, VISIBLE)).abs().max() > 1e-3


def test_the_pooled_feature_is_compared_as_it_is_or_at_unit_length(
    make: Make, batch: Batch
) -> None:
    made = settled(make("zero-padding"), batch)
    unit = settled(make("zero-padding", "full", "embedding=pooled-normalized"), batch)
    feature = made.extract(batch.visible, VISIBLE)
    pooled = made.networks["network"](batch.visible, VISIBLE).mean((2, 3))
    torch.testing.assert_close(feature[:, 0], pooled)
    torch.testing.assert_close(
        unit.extract(batch.visible, VISIBLE), feature / feature.norm(dim=2, keepdim=True)
    )
