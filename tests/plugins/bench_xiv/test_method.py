"""The training of XIV: its loss, which parameters learn and how, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from bench_core import TrainingError
from bench_core.methods import Batch
from bench_core.modeling.pretrained import parse_weights
from bench_core.testing import enter_stage
from bench_core.training.recipes import build_optimizer
from bench_xiv.config import XIVConfig
from bench_xiv.method import LEARNER, XIV

Choose = Callable[..., XIVConfig]
Make = Callable[..., XIV]
Rows = list[list[float]]

NUM_IDENTITIES = 5
WITH_X = ["full", "baseline-x", "mean", "gray", "v", "y"]
VARIANTS = [*WITH_X, "baseline"]


class Seen(NamedTuple):
    """What passed through the learner: features and logits by modality, infrared first."""

    features: list[Rows]
    logits: list[Rows]


def watched_losses(method: XIV, batch: Batch) -> tuple[dict[str, torch.Tensor], Seen]:
    """Compute the losses and keep what they were computed from."""
    features: list[torch.Tensor] = []
    logits: list[torch.Tensor] = []
    hooks = [
        method.networks["backbone"].register_forward_hook(lambda *args: features.append(args[2])),
        method.networks["neck"].register_forward_hook(lambda *args: logits.append(args[2][1])),
    ]
    losses = method.losses(batch)
    for hook in hooks:
        hook.remove()
    size = len(batch.labels)
    assert len(features) == len(logits) == 1  # all modalities pass together
    return losses, Seen(
        [part.tolist() for part in features[0].split(size)],
        [part.tolist() for part in logits[0].split(size)],
    )


def distance(first: Sequence[float], second: Sequence[float]) -> float:
    return math.sqrt(sum((a - b) ** 2 for a, b in zip(first, second, strict=True)))


def triplets(anchors: Rows, candidates: Rows, labels: list[int], margin: float) -> float:
    """The sum of Eqs. 5, 6 and 10."""
    total = 0.0
    for anchor, label in zip(anchors, labels, strict=True):
        away = [distance(anchor, candidate) for candidate in candidates]
        positive = max(d for d, other in zip(away, labels, strict=True) if other == label)
        negative = min(d for d, other in zip(away, labels, strict=True) if other != label)
        total += max(margin + positive - negative, 0.0)
    return total


def cross_entropies(logits: Rows, labels: list[int]) -> float:
    """The sum of Eq. 9."""
    return -sum(
        math.log(math.exp(row[label]) / sum(map(math.exp, row)))
        for row, label in zip(logits, labels, strict=True)
    )


def expected_losses(seen: Seen, labels: list[int]) -> dict[str, float]:
    """Eqs. 3 to 10 with the paper's margins: alpha_1 = 0.5 across, alpha_2 = 0.3 within."""
    size, (infrared, *others) = len(labels), seen.features
    return {
        "identity": sum(cross_entropies(part, labels) for part in seen.logits) / size,
        "triplet": sum(triplets(part, part, labels, 0.3) for part in seen.features) / size,
        "cross-modality": sum(
            triplets(infrared, other, labels, 0.5) + triplets(other, infrared, labels, 0.5)
            for other in others
        )
        / size,
    }


def optimizer_of(method: XIV) -> torch.optim.Optimizer:
    plan = method.stages()[0].optimizers[LEARNER]
    return build_optimizer(plan.config, plan.groups)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_losses_are_the_equations_of_the_paper(variant: str, make: Make, batch: Batch) -> None:
    """Identity and triplet losses: a mean for each modality, and the sum of these means."""
    losses, seen = watched_losses(make(variant), batch)
    assert len(seen.features) == (3 if variant in WITH_X else 2)
    expected = expected_losses(seen, batch.labels.tolist())
    if variant != "full":
        del expected["cross-modality"]
    for name, value in losses.items():
        assert value.item() == pytest.approx(expected[name], rel=1e-4)
    assert losses.keys() == expected.keys()


@pytest.mark.parametrize("weight", [0.1, 2.0])
@pytest.mark.parametrize("variant", VARIANTS)
def test_what_is_minimised_is_the_sum_of_equation_11(
    variant: str, weight: float, make: Make, batch: Batch
) -> None:
    method = make(variant, f"cross_modality_weight={weight}")
    logged = method.step(batch, enter_stage(method, "joint"))
    total = logged["identity"] + logged["triplet"]
    if variant == "full":
        total = total + weight * logged["cross-modality"]
    assert logged["total"].item() == pytest.approx(total.item(), rel=1e-6)


def test_both_gaps_are_between_infrared_and_another_modality(make: Make, batch: Batch) -> None:
    """Eq. 3: I with X and I with V, never X with V; each modality is embedded by itself here."""
    method, labels = make(), batch.labels.tolist()
    method.networks.eval()  # so that features do not depend on what else passes

    def gaps(modality: Rows, *others: Rows) -> float:
        pairs = [pair for other in others for pair in ((modality, other), (other, modality))]
        return sum(triplets(*pair, labels, 0.5) for pair in pairs) / len(labels)

    with torch.no_grad():
        loss = method.losses(batch)["cross-modality"].item()
        x_images = method.networks["x_source"](batch.visible)
        infrared, visible, x = (
            method.extract(images, "infrared")[:, 0].tolist()
            for images in (batch.infrared, batch.visible, x_images)
        )
    assert loss == pytest.approx(gaps(infrared, x, visible), rel=1e-4)
    for wrong in (gaps(visible, x, infrared), gaps(x, infrared, visible)):
        assert loss != pytest.approx(wrong, rel=1e-3)


def test_the_margins_are_those_of_the_configuration(make: Make, batch: Batch) -> None:
    wide = make("full", "cross_modality_margin=20", "intra_modality_margin=20").losses(batch)
    # With a margin this wide no anchor is clipped: 3 x 1 within, 2 x 2 across.
    wider = make("full", "cross_modality_margin=21", "intra_modality_margin=22").losses(batch)
    assert (wider["triplet"] - wide["triplet"]).item() == pytest.approx(3 * 2, rel=1e-4)
    gap = (wider["cross-modality"] - wide["cross-modality"]).item()
    assert gap == pytest.approx(4 * 1, rel=1e-4)


def test_smoothing_reaches_the_identity_loss(make: Make, batch: Batch) -> None:
    smooth, seen = watched_losses(make("full", "label_smoothing=0.1"), batch)
    size, labels = len(batch.labels), batch.labels.tolist()
    expected = 0.0
    for part in seen.logits:
        spread = [cross_entropies(part, [label] * size) for label in range(NUM_IDENTITIES)]
        expected += (0.9 * cross_entropies(part, labels) + 0.1 * sum(spread) / 5) / size
    assert smooth["identity"].item() == pytest.approx(expected, rel=1e-4)


def test_x_is_made_of_the_visible_images_as_they_are(make: Make, batch: Batch) -> None:
    """Before any normalisation, so that X is an image as any other."""
    method, seen = make(), []
    method.networks["x_source"].register_forward_hook(lambda *args: seen.append(args[1][0]))
    method.losses(batch)
    assert len(seen) == 1
    assert torch.equal(seen[0], batch.visible)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_parameter_that_can_learn_is_in_one_group(variant: str, make: Make) -> None:
    method = make(variant)
    optimized = [
        id(parameter)
        for settings in optimizer_of(method).param_groups
        for parameter in settings["params"]
    ]
    assert len(set(optimized)) == len(optimized)
    learnable = {
        id(parameter) for parameter in method.networks.parameters() if parameter.requires_grad
    }
    assert set(optimized) == learnable
    frozen = {name for name, value in method.networks.named_parameters() if not value.requires_grad}
    assert frozen == {"neck.normalization.bias"}


def test_the_generator_has_a_weight_decay_of_its_own(make: Make) -> None:
    method = make("full", "generator_weight_decay=0", "optimizer.weight_decay=0.25")
    learner, generator = optimizer_of(method).param_groups
    assert (learner["weight_decay"], generator["weight_decay"]) == (0.25, 0)
    assert learner["lr"] == generator["lr"]
    assert sum(value.numel() for value in generator["params"]) == 10


def test_by_default_the_paper_decays_all_alike(config_of: Choose) -> None:
    with torch.device("meta"):
        method = XIV(config_of("paper"), num_identities=395)
    assert [part["weight_decay"] for part in optimizer_of(method).param_groups] == [5e-4, 5e-4]


@pytest.mark.parametrize("variant", ["baseline", "mean", "gray", "v", "y"])
def test_without_a_learned_generator_there_is_one_group(variant: str, make: Make) -> None:
    assert len(optimizer_of(make(variant)).param_groups) == 1


@pytest.mark.parametrize("variant", VARIANTS)
def test_one_step_reaches_every_parameter(variant: str, make: Make, batch: Batch) -> None:
    method = make(variant)
    before = {name: value.clone() for name, value in method.networks.named_parameters()}
    losses = method.step(batch, enter_stage(method, "joint"))
    assert math.isfinite(losses["total"].item())
    for name, value in method.networks.named_parameters():
        if name == "neck.normalization.bias":
            assert torch.equal(value, torch.zeros_like(value))
            continue
        assert value.grad is not None
        assert bool(value.grad.isfinite().all())
        assert bool((value.grad != 0).any()), name
        assert not torch.equal(value, before[name]), name


def test_a_few_steps_lower_the_loss(make: Make, batch: Batch) -> None:
    method = make("full", "optimizer.learning_rate=1e-3")
    updates = enter_stage(method, "joint")
    totals = [method.step(batch, updates)["total"].item() for _ in range(8)]
    assert totals[-1] < 0.8 * totals[0]


def test_there_is_one_stage_as_configured(make: Make) -> None:
    method = make()
    (stage,) = method.stages()
    config = method.config
    assert isinstance(config, XIVConfig)
    assert (stage.name, stage.epochs) == ("joint", config.epochs)
    assert (stage.sampling, stage.augmentation) == (config.sampling, config.augmentation)
    assert stage.optimizers[LEARNER].schedule == config.schedule
    assert stage.frozen == ()


def test_a_dead_generator_is_refused_with_the_way_out(make: Make, batch: Batch) -> None:
    method = make()
    check = method.stages()[0].check
    assert check is not None
    check(batch)
    with torch.no_grad():
        method.networks["x_source"].reduce.bias.fill_(-2)
    with pytest.raises(TrainingError, match=r"XIV's generator is dead.*generator_weight_decay=0"):
        check(batch)


def test_a_generator_with_one_living_pixel_goes_on(make: Make, batch: Batch) -> None:
    method = make()
    brightest = batch.visible.mean(1).max()
    with torch.no_grad():
        method.networks["x_source"].reduce.bias.fill_(-brightest + 1e-3)
    method.check_generator(batch)


@pytest.mark.parametrize("variant", ["baseline", "mean", "gray", "v", "y"])
def test_only_a_learned_generator_can_be_dead(variant: str, make: Make, batch: Batch) -> None:
    black = Batch(torch.zeros_like(batch.visible), batch.infrared, batch.labels)
    make(variant).check_generator(black)


@pytest.mark.parametrize(
    ("variant", "names"),
    [
        ("full", {"normalization", "backbone", "neck", "x_source"}),
        ("baseline", {"normalization", "backbone", "neck"}),
    ],
)
def test_a_checkpoint_holds_every_network(variant: str, names: set[str], make: Make) -> None:
    assert set(make(variant).networks) == names


@pytest.mark.parametrize(
    ("variant", "parameters"),
    [
        ("full", 23_508_032 + 4_096 + 808_960 + 10),
        ("densenet", 6_953_856 + 2_048 + 404_480 + 10),
        ("densenet-baseline-x", 6_953_856 + 2_048 + 404_480 + 10),
        ("densenet-baseline", 6_953_856 + 2_048 + 404_480),
    ],
)
def test_the_method_has_the_parameters_of_the_fact_sheet(
    variant: str, parameters: int, config_of: Choose
) -> None:
    """Trained on the 395 identities of SYSU-MM01."""
    with torch.device("meta"):
        method = XIV(config_of("paper", variant), num_identities=395)
    assert sum(value.numel() for value in method.networks.parameters()) == parameters


def test_pretrained_weights_go_to_the_backbone_alone(make: Make, tmp_path: Path) -> None:
    source, method = make("baseline").networks["backbone"], make()
    with torch.no_grad():
        for value in source.parameters():
            value.add_(1)
    neck = method.networks["neck"].classifier.weight.clone()
    torch.save(source.body.state_dict(), tmp_path / "weights.pth")
    method.load_pretrained(parse_weights(str(tmp_path / "weights.pth")))
    for name, value in method.networks["backbone"].state_dict().items():
        assert torch.equal(value, source.state_dict()[name]), name
    assert torch.equal(method.networks["neck"].classifier.weight, neck)
