"""BCTR's and BDTR's step, what differs between them, and what is compared at test time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn import functional

from bench_bdtr.losses import cross_modality_ranking, intra_modality_ranking, nearest_others
from bench_bdtr.method import LEARNER
from bench_core import INFRARED, VISIBLE
from bench_core.methods import Batch
from bench_core.testing import enter_stage

Make = Callable[..., Any]
NAMES = ("bctr", "bdtr")


@pytest.mark.parametrize("name", NAMES)
def test_the_losses_are_those_of_what_passed_through(name: str, make: Make, batch: Batch) -> None:
    method = (
        make(name, "dropout=0", "intra_margin=0.9") if name == "bdtr" else make(name, "dropout=0")
    )
    seen: list[Any] = []
    method.networks["top"].register_forward_hook(lambda *args: seen.append(args[2]))
    losses = method.losses(batch)
    (output,) = seen
    pairs = nearest_others(output.features[:5], output.features[5:], batch.labels)
    expected = {
        "identity": functional.cross_entropy(output.logits, batch.labels.repeat(2)),
        "cross-modality": cross_modality_ranking(pairs, 0.5),
    }
    if name == "bdtr":
        expected["intra-modality"] = intra_modality_ranking(pairs, 0.9)
    assert losses.keys() == expected.keys()
    for key, value in expected.items():
        torch.testing.assert_close(losses[key], value)


def test_what_is_minimised_is_the_weighted_sum(make: Make, batch: Batch) -> None:
    method = make("bdtr", "cross_weight=3", "intra_weight=7")
    logged = method.step(batch, enter_stage(method, "joint"))
    total = logged["identity"] + 3 * logged["cross-modality"] + 7 * logged["intra-modality"]
    torch.testing.assert_close(logged["total"], total)


def test_bctr_is_bdtr_without_the_constraint_within(make: Make, batch: Batch) -> None:
    """Their networks are the same, and so is what they learn where it has no weight."""
    states = []
    for name, options in (("bctr", ()), ("bdtr", ("intra_weight=0",))):
        method = make(name, *options)
        torch.manual_seed(2)
        method.step(batch, enter_stage(method, "joint"))
        states.append(method.networks.state_dict())
    first, second = states
    assert first.keys() == second.keys()
    assert all(torch.equal(value, second[key]) for key, value in first.items())


def test_one_step_moves_every_parameter_of_one_optimiser(make: Make, batch: Batch) -> None:
    method = make("bdtr", "optimizer.learning_rate=1")
    before = {name: value.clone() for name, value in method.networks.named_parameters()}
    method.step(batch, enter_stage(method, "joint"))
    # fc6 has a bias before a normalisation, as the authors have it: nothing moves it but rounding.
    still = {n for n, v in method.networks.named_parameters() if torch.equal(v, before[n])}
    assert still <= {f"paths.paths.{m}.fc6.bias" for m in (VISIBLE, INFRARED)}


def test_a_modality_has_its_own_path_and_normalisation(make: Make, batch: Batch) -> None:
    method = make("bdtr", "crop_margin=0")
    given: dict[str, torch.Tensor] = {}
    for modality, norm in method.networks["fc6_normalization"].items():
        norm.register_forward_hook(lambda _, args, __, m=modality: given.update({m: args[0]}))
    method.losses(batch)
    paths, normalization = method.networks["paths"], method.networks["normalization"]
    for modality, images in ((VISIBLE, batch.visible), (INFRARED, batch.infrared)):
        torch.testing.assert_close(given[modality], paths(normalization(images), modality))


@pytest.mark.parametrize("embedding", ["fc7", "fc7-before-relu"])
def test_fc7_is_compared_at_unit_length_of_the_whole_image(embedding: str, make: Make) -> None:
    method, images = make("bdtr", f"embedding={embedding}"), torch.rand(3, 3, 32, 16)
    method.networks.eval()
    found = method.extract(images, INFRARED)[:, 0]
    small = functional.interpolate(images, (28, 12), mode="bilinear", antialias=True)
    hidden = method.networks["paths"](method.networks["normalization"](small), INFRARED)
    output = method.networks["top"](method.networks["fc6_normalization"][INFRARED](hidden))
    chosen = output.features if embedding == "fc7" else output.before_relu
    torch.testing.assert_close(found, functional.normalize(chosen))


def test_there_is_one_stage_of_5000_steps_of_64_people(make: Make) -> None:
    (stage,) = make("bdtr").stages()
    assert stage.epochs * stage.sampling.steps_per_epoch == 5000
    assert (stage.sampling.identities, stage.sampling.images) == (64, 1)
    assert [stage.optimizers[LEARNER].schedule.factor(epoch) for epoch in (0, 49)] == [1, 1]
