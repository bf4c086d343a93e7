"""TONE's step: losses of what passed through the network, and what is compared at test time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch.nn import functional

from bench_core import INFRARED, VISIBLE
from bench_core.methods import Batch
from bench_core.testing import enter_stage, random_batch
from bench_hcml.losses import contrastive_loss
from bench_hcml.sampler import PairSampler
from bench_hcml.tone import LEARNER, TONE

Make = Callable[..., TONE]


@pytest.fixture
def batch() -> Batch:
    """Six pairs, of which the first three show one person each and the others two."""
    made = random_batch((32, 16))
    other = torch.tensor([4, 4, 0, 2, 1, 3])
    return replace(made, labels=made.labels[:0], labels_of={VISIBLE: made.labels, INFRARED: other})


def test_the_losses_are_of_all_images_and_of_pairs(make: Make, batch: Batch) -> None:
    method = make("full", "dropout=0", "contrastive_margin=0.9")
    top: list[tuple[torch.Tensor, ...]] = []
    method.networks["top"].register_forward_hook(lambda *args: top.append(args[2]))
    losses = method.losses(batch)
    ((_, features, logits),) = top
    labels = torch.cat([batch.labels_of[VISIBLE], batch.labels_of[INFRARED]])
    torch.testing.assert_close(losses["identity"], functional.cross_entropy(logits, labels))
    same = torch.tensor([True, True, True, False, False, False])
    expected = contrastive_loss(
        features[:6], features[6:], same, margin=0.9, normalized_along="features"
    )
    assert torch.equal(losses["contrastive"], expected)


def test_what_is_minimised_weighs_the_contrastive_loss(make: Make, batch: Batch) -> None:
    method = make("full", "contrastive_weight=3")
    logged = method.step(batch, enter_stage(method, "joint"))
    total = logged["identity"] + 3 * logged["contrastive"]
    torch.testing.assert_close(logged["total"], total)


def test_one_step_moves_every_parameter(make: Make, batch: Batch) -> None:
    method = make("full", "optimizer.learning_rate=1")
    before = {name: value.clone() for name, value in method.networks.named_parameters()}
    method.step(batch, enter_stage(method, "joint"))
    # A neuron of 12 or 16 may be dead for six images; a layer is not.
    still = [n for n, v in method.networks.named_parameters() if torch.equal(v, before[n])]
    assert not still


def test_there_is_one_stage_of_1501_steps_of_pairs(make: Make) -> None:
    (stage,) = make().stages()
    assert stage.sampling.steps_per_epoch is not None
    assert stage.epochs * stage.sampling.steps_per_epoch == 1501
    assert stage.sampling.identities * stage.sampling.images == 64
    assert isinstance(stage.sampler, partial)
    assert stage.sampler.func is PairSampler
    assert stage.sampler.keywords == {"order": "random"}
    assert [stage.optimizers[LEARNER].schedule.factor(epoch) for epoch in (0, 18)] == [1, 1]


@pytest.mark.parametrize("embedding", ["fc7", "fc7-before-relu"])
def test_fc7_is_compared_at_unit_length_of_the_whole_image(embedding: str, make: Make) -> None:
    method, images = make("full", f"embedding={embedding}"), torch.rand(3, 3, 32, 16)
    method.networks.eval()
    found = method.extract(images, INFRARED)
    normalization, paths, top = (method.networks[n] for n in ("normalization", "paths", "top"))
    small = functional.interpolate(images, (28, 12), mode="bilinear", antialias=True)
    output = top(paths(normalization(small), INFRARED))
    chosen = output.features if embedding == "fc7" else output.before_relu
    torch.testing.assert_close(found[:, 0], functional.normalize(chosen))
    assert (found < 0).any() == (embedding == "fc7-before-relu")


def test_both_modalities_go_their_own_paths(make: Make, batch: Batch) -> None:
    method = make("full", "dropout=0", "crop_margin=0")
    with torch.no_grad():
        method.networks["paths"].paths[INFRARED].fc6.weight.mul_(3)
    seen: dict[str, torch.Tensor] = {}
    for modality, path in method.networks["paths"].paths.items():
        path.register_forward_hook(lambda _, given, __, m=modality: seen.update({m: given[0]}))
    method.losses(batch)
    normalization = method.networks["normalization"]
    assert torch.equal(seen[VISIBLE], normalization(batch.visible))
    assert torch.equal(seen[INFRARED], normalization(batch.infrared))
