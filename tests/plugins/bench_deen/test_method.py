"""The training of DEEN: its losses, which parameters learn and how fast, and its one stage."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pytest
import torch

from bench_core.methods import Batch
from bench_core.testing import enter_stage, stage_of, take_step
from bench_deen.config import DEENConfig
from bench_deen.losses import center_guided_pair_mining, orthogonality
from bench_deen.method import DEEN, LEARNER

Choose = Callable[..., DEENConfig]
Make = Callable[..., DEEN]

VARIANTS = {
    "full": {"identity", "triplet", "pair-mining", "orthogonality"},
    "baseline": {"identity", "triplet"},
    "dee": {"identity", "triplet", "pair-mining", "orthogonality"},
    "mfa": {"identity", "triplet"},
    "without-cpm": {"identity", "triplet", "orthogonality"},
    "without-orthogonality": {"identity", "triplet", "pair-mining"},
    "without-dee-losses": {"identity", "triplet"},
}


def watched_losses(method: DEEN, batch: Batch) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Compute the losses and keep the features, (images, branches, D), that they are of."""
    seen: list[torch.Tensor] = []
    hook = method.networks["neck"].register_forward_hook(lambda *args: seen.append(args[1][0]))
    losses = method.losses(batch)
    hook.remove()
    (features,) = seen  # all features of all images pass together
    return dict(losses), features.detach().unflatten(0, (2 * len(batch.labels), -1))


def distance(first: Sequence[float], second: Sequence[float]) -> float:
    return math.sqrt(sum((a - b) ** 2 for a, b in zip(first, second, strict=True)))


def triplets(rows: list[list[float]], labels: list[int], margin: float) -> float:
    total = 0.0
    for row, label in zip(rows, labels, strict=True):
        away = [(distance(row, other), of == label) for other, of in zip(rows, labels, strict=True)]
        positive = max(d for d, same in away if same)
        total += max(margin + positive - min(d for d, same in away if not same), 0.0)
    return total / len(rows)


@pytest.mark.parametrize("variant", VARIANTS)
def test_each_variant_has_its_losses(variant: str, make: Make, batch: Batch) -> None:
    losses, features = watched_losses(make(variant), batch)
    assert losses.keys() == VARIANTS[variant]
    assert features.shape == (12, 1 if variant in ("baseline", "mfa") else 3, 256)


def test_identities_and_triplets_are_learned_of_all_features_of_all_images(
    make: Make, batch: Batch
) -> None:
    method = make()
    losses, features = watched_losses(method, batch)
    labels = batch.labels.repeat(2)[:, None].expand(-1, 3)
    expected = triplets(features.flatten(0, 1).tolist(), labels.flatten().tolist(), 0.3)
    assert losses["triplet"].item() == pytest.approx(expected, rel=1e-4)
    _, logits = method.networks["neck"](features.flatten(0, 1))
    chosen = logits.log_softmax(1).gather(1, labels.reshape(-1, 1))
    assert losses["identity"].item() == pytest.approx(-chosen.mean().item(), rel=1e-5)


def test_both_branches_are_mined_by_the_original_and_kept_apart_from_each_other(
    make: Make, batch: Batch
) -> None:
    losses, features = watched_losses(make(), batch)
    original, first, second = features.unbind(1)
    mined = sum(
        center_guided_pair_mining(original, each, batch.labels, 0.2) for each in (first, second)
    )
    torch.testing.assert_close(losses["pair-mining"], mined)
    torch.testing.assert_close(losses["orthogonality"], orthogonality(first, second))


def test_what_is_minimised_is_the_weighted_sum(make: Make, batch: Batch) -> None:
    logged = take_step(make(), "joint", batch)
    total = logged["identity"] + logged["triplet"] + 0.8 * logged["pair-mining"]
    total = total + 0.01 * logged["orthogonality"]
    assert logged["total"].item() == pytest.approx(total.item(), rel=1e-5)


def test_the_margins_are_those_of_the_configuration(make: Make, batch: Batch) -> None:
    """So wide that nothing is clipped: triplets have it once, each of two branches twice."""
    wide = make("full", "triplet_margin=500", "pair_margin=500", "expansion_dropout=0")
    wider = make("full", "triplet_margin=501", "pair_margin=503", "expansion_dropout=0")
    before, after = wide.losses(batch), wider.losses(batch)
    assert (after["triplet"] - before["triplet"]).item() == pytest.approx(1, rel=1e-3)
    assert (after["pair-mining"] - before["pair-mining"]).item() == pytest.approx(12, rel=1e-3)


@pytest.mark.parametrize("variant", ["full", "baseline"])
def test_every_parameter_that_can_learn_is_in_one_of_two_groups(variant: str, make: Make) -> None:
    method = make(variant)
    optimizer = stage_of(method, "joint").optimizers[LEARNER].build()
    body, head = optimizer.param_groups
    neck, network = method.networks["neck"], method.networks["network"]
    assert {id(value) for value in body["params"]} == {id(v) for v in network.parameters()}
    learnable = [value for value in neck.parameters() if value.requires_grad]
    assert {id(value) for value in head["params"]} == {id(value) for value in learnable}
    assert len(learnable) == 2  # the scale and the classifier; the shift stays 0
    assert (body["lr"], head["lr"]) == pytest.approx((0.01, 0.1))
    assert {group["weight_decay"] for group in optimizer.param_groups} == {5e-4}


@pytest.mark.parametrize("variant", ["full", "dee", "mfa"])
def test_two_steps_reach_every_parameter(variant: str, make: Make, batch: Batch) -> None:
    """MFA starts silent: its inner layers have a gradient once its scale has moved."""
    method = make(variant)
    before = {name: value.clone() for name, value in method.networks.named_parameters()}
    updates = enter_stage(method, "joint")
    for _ in range(2):
        assert math.isfinite(method.step(batch, updates)["total"].item())
    for name, value in method.networks.named_parameters():
        if name == "neck.normalization.bias":
            assert torch.equal(value, torch.zeros_like(value))
        # A convolution before a normalisation has no use for its bias.
        elif not name.endswith("out.0.bias"):
            assert not torch.equal(value, before[name]), name


def test_there_is_one_stage_as_configured(make: Make) -> None:
    method = make()
    (stage,) = method.stages()
    config = method.config
    assert (stage.name, stage.epochs) == ("joint", 151)
    assert (stage.sampling, stage.augmentation) == (config.sampling, config.augmentation)
    assert stage.optimizers[LEARNER].schedule == config.schedule
    assert stage.sampler is not None
    assert stage.frozen == ()


def test_a_checkpoint_holds_every_network(make: Make) -> None:
    assert set(make().networks) == {"normalization", "network", "neck"}
