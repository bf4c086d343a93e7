"""The training of TS-GAN: Algorithm 1, which network each loss reaches, and the stages."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import nn

from bench_core.methods import Batch, Losses, Updates, from_signed, to_signed
from bench_core.testing import RecordedUpdates, Update, enter_stage, stage_of, watch_step
from bench_tsgan.config import TSGANConfig
from bench_tsgan.method import TSGAN
from bench_tsgan.networks import Recognition

Make = Callable[..., TSGAN]
Rows = list[list[float]]

GENERATORS = {"generator_to_infrared", "generator_to_visible"}
DISCRIMINATORS = {"discriminator_infrared", "discriminator_visible"}
WITH_GAN = ["full", "od-single-ts", "od-all-ts"]
GUIDED = ("generation_epochs=1", "maps_guide_generator=true")


def state_of(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def same_state(network: nn.Module, state: Mapping[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, state[name]) for name, value in network.state_dict().items())


def config_of(method: TSGAN) -> TSGANConfig:
    assert isinstance(method.config, TSGANConfig)
    return method.config


def watch(method: TSGAN, name: str, batch: Batch, seed: int = 1) -> tuple[Losses, list[Update]]:
    """Take a watched step, whose updates leave no gradient in networks that they do not change."""
    losses, updates = watch_step(method, name, batch, seed=seed)
    for update in updates:
        assert update.reached == update.changed
    return losses, updates


def changed_by(updates: list[Update]) -> list[tuple[tuple[str, ...], set[str]]]:
    return [(update.optimizers, update.changed) for update in updates]


def outputs_of(network: nn.Module) -> list[Any]:
    """Return a list that each output of the network will be added to."""
    seen: list[Any] = []
    network.register_forward_hook(lambda *args: seen.append(args[2]))
    return seen


def inputs_of(network: nn.Module) -> list[torch.Tensor]:
    """Return a list that each input of the network will be added to."""
    seen: list[torch.Tensor] = []
    network.register_forward_pre_hook(lambda *args: seen.append(args[1][0].detach().clone()))
    return seen


def smooth_cross_entropy(logits: Rows, labels: Sequence[int], smoothing: float) -> float:
    """Eqs. 9 and 10, mean over images."""
    total = 0.0
    for row, label in zip(logits, labels, strict=True):
        scale = math.log(sum(map(math.exp, row)))
        for place, logit in enumerate(row):
            target = smoothing / len(row) + (1 - smoothing) * (place == label)
            total -= target * (logit - scale)
    return total / len(labels)


def batch_hard(features: Rows, labels: Sequence[int], margin: float) -> float:
    """Eq. 11 with the hardest positive and negative of each anchor, mean over anchors."""
    total = 0.0
    for anchor, label in zip(features, labels, strict=True):
        distances = [math.dist(anchor, other) for other in features]
        pairs = list(zip(distances, labels, strict=True))
        positive = max(distance for distance, other in pairs if other == label)
        negative = min(distance for distance, other in pairs if other != label)
        total += max(margin + positive - negative, 0.0)
    return total / len(labels)


def expected_recognition(seen: Recognition, labels: Sequence[int]) -> dict[str, float]:
    return {
        "identity": smooth_cross_entropy(seen.logits.tolist(), labels, 0.1),
        "triplet": batch_hard(seen.features.tolist(), labels, 0.3),
    }


# Algorithm 1


@pytest.mark.parametrize("variant", WITH_GAN)
@pytest.mark.parametrize("guided", [False, True])
def test_a_step_updates_generators_then_student_then_discriminators(
    variant: str, guided: bool, make: Make, batch: Batch
) -> None:
    """Each update changes its own networks, and no gradient is left in any other."""
    method = make(variant, f"maps_guide_generator={str(guided).lower()}")
    _, calls = watch(method, "joint", batch)
    assert changed_by(calls) == [
        (("generators",), GENERATORS),
        (("student",), {"student"}),
        (("discriminators",), DISCRIMINATORS),
    ]


@pytest.mark.parametrize("variant", WITH_GAN)
def test_the_losses_are_weighted_as_in_equations_7_8_and_16(
    variant: str, make: Make, batch: Batch
) -> None:
    losses, (generators, student, discriminators) = watch(make(variant), "joint", batch)
    value = {name: loss.item() for name, loss in losses.items()}
    assert ("gan" in value) == (variant == "full")
    alpha_s = 0 if variant == "od-single-ts" else 0.003
    expected = 3 * value["identity"] + value["triplet"] + 0.1 * value.get("gan", 0)
    expected += 0.006 * value["cross-domain"]
    expected += alpha_s * (value["real-infrared"] + value["fake-infrared"])
    assert student.total == pytest.approx(expected, rel=1e-5)
    assert generators.total == pytest.approx(value["generator"] + 10 * value["cycle"], rel=1e-5)
    assert discriminators.total == value["discriminator"]


WEIGHTS = {
    "identity_weight": ("identity",),
    "triplet_weight": ("triplet",),
    "gan_weight": ("gan",),
    "cross_domain_weight": ("cross-domain",),
    "same_domain_weight": ("real-infrared", "fake-infrared"),
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_each_weight_of_the_student_can_be_set(name: str, make: Make, batch: Batch) -> None:
    method = make()
    losses, calls = watch(method, "joint", batch)
    heavier = make("full", f"{name}=7")
    _, heavier_calls = watch(heavier, "joint", batch)
    more = 7 - getattr(config_of(method), name)
    expected = calls[1].total + more * sum(losses[loss].item() for loss in WEIGHTS[name])
    assert heavier_calls[1].total == pytest.approx(expected, rel=1e-4)


def test_the_student_learns_from_all_96_images_together(make: Make, batch: Batch) -> None:
    """X_R, X_I and X'_I with the labels of X_R; triplets are drawn from all of them."""
    method = make()
    seen, shown = outputs_of(method.networks["student"]), inputs_of(method.networks["student"])
    fakes = outputs_of(method.networks["generator_to_infrared"])
    losses, _ = watch(method, "joint", batch)
    assert len(seen) == 1
    expected = torch.cat([batch.visible, batch.infrared, from_signed(fakes[0])])
    torch.testing.assert_close(shown[0], expected)
    labels = batch.labels.tolist() * 3
    for name, value in expected_recognition(seen[0], labels).items():
        assert losses[name].item() == pytest.approx(value, rel=1e-4)


@pytest.mark.parametrize("variant", WITH_GAN)
def test_the_teacher_student_losses_are_equations_13_to_15(
    variant: str, make: Make, batch: Batch
) -> None:
    method = make(variant, "map_reduction=sum")
    seen = outputs_of(method.networks["student"])
    fakes = outputs_of(method.networks["generator_to_infrared"])
    losses, _ = watch(method, "joint", batch)
    teacher, fake = method.networks["teacher"].eval(), from_signed(fakes[0])
    with torch.no_grad():
        taught_real, taught_fake = teacher(batch.infrared).middle, teacher(fake).middle
    of_visible, of_infrared, of_fake = seen[0].middle.chunk(3)
    for name, first, second in (
        ("real-infrared", taught_real, of_infrared),
        ("fake-infrared", taught_fake, of_fake),
        ("cross-domain", taught_fake, of_visible),
    ):
        expected = (first - second).square().sum().item() / 6
        assert losses[name].item() == pytest.approx(expected, rel=1e-4), name


@pytest.mark.parametrize(
    ("stage", "phases"),
    [("joint", ["generators", "student", "discriminators"]),
     ("generation", ["generators", "discriminators"])],
)  # fmt: skip
def test_infrared_images_are_judged_with_their_own_maps(
    stage: str, phases: list[str], make: Make, batch: Batch
) -> None:
    """Eqs. 1 to 5: maps are told apart by the images that the student was shown for them."""
    method = make("full", "generation_epochs=1")
    student, judge = method.networks["student"], method.networks["discriminator_infrared"]
    shown, maps = inputs_of(student.backbone.body[0]), outputs_of(student.backbone.body[-1])
    judged = list[tuple[torch.Tensor, torch.Tensor]]()
    judge.register_forward_pre_hook(
        lambda _module, inputs: judged.append((inputs[0].detach(), inputs[1].detach()))
    )
    fakes = outputs_of(method.networks["generator_to_infrared"])
    watch(method, stage, batch)
    fake, infrared = fakes[0].detach(), to_signed(batch.infrared)

    def maps_of(images: torch.Tensor) -> torch.Tensor:
        expected = student.normalization(from_signed(images))
        (place,) = [
            index
            for index, part in enumerate(shown[0].split(6))
            if torch.allclose(part, expected, atol=1e-5)
        ]
        part: torch.Tensor = maps[0].detach().split(6)[place]
        return part

    pairs = {
        "X_I": [(infrared, maps_of(infrared))],
        "X'": [(fake, maps_of(fake))],
        "mixed": [(fake, maps_of(infrared)), (infrared, maps_of(fake))],
    }
    expected = {
        "generators": pairs["X'"],
        "student": pairs["X'"] + pairs["mixed"],
        "discriminators": pairs["X_I"] + pairs["X'"] + pairs["mixed"],
    }
    assert len(judged) == len(phases)
    for (images, their_maps), phase in zip(judged, phases, strict=True):
        torch.testing.assert_close(images, torch.cat([image for image, _ in expected[phase]]))
        torch.testing.assert_close(their_maps, torch.cat([own for _, own in expected[phase]]))


def test_each_network_runs_as_often_as_the_algorithm_needs(make: Make, batch: Batch) -> None:
    """Images of each pass: translations once, the student once, D_I in each of three phases."""
    method, passes = make(), dict[str, list[int]]()
    heads = {
        "student": method.networks["student"].backbone.body[0],
        "teacher": method.networks["teacher"].backbone.body[0],
        "behind the teacher's third block": method.networks["teacher"].backbone.body[-1],
        **{name: network for name, network in method.networks.items() if "or_" in name},
    }
    for name, module in heads.items():
        passes[name] = []
        module.register_forward_pre_hook(
            lambda _module, inputs, name=name: passes[name].append(len(inputs[0]))
        )
    watch(method, "joint", batch)
    assert passes == {
        "student": [18],
        "teacher": [12],
        "behind the teacher's third block": [],
        "generator_to_infrared": [6, 6],
        "generator_to_visible": [12],
        "discriminator_infrared": [6, 18, 24],
        "discriminator_visible": [6, 12],
    }


def test_a_fixed_teacher_stays_as_it_is(make: Make, batch: Batch) -> None:
    """Its parameters and its batch statistics, bit by bit."""
    method = make()
    before = state_of(method.networks["teacher"])
    updates = enter_stage(method, "joint")
    for _ in range(3):
        method.joint_step(batch, updates)
    assert same_state(method.networks["teacher"], before)


def test_a_joint_step_changes_every_parameter_that_learns(make: Make, batch: Batch) -> None:
    method = make()
    before = {name: value.clone() for name, value in method.networks.named_parameters()}
    method.joint_step(batch, enter_stage(method, "joint"))
    same = {
        name
        for name, value in method.networks.named_parameters()
        if torch.equal(value, before[name])
    }
    assert {name for name in same if not name.startswith("teacher.")} == {
        "student.head.normalization.bias"
    }


def test_maps_guide_the_generator_only_where_asked_to(make: Make, batch: Batch) -> None:
    """The student's own gradient is the same either way."""
    gradients = []
    for guided in ("false", "true"):
        method = make("full", f"maps_guide_generator={guided}", "cycle_weight=0")
        method.joint_step(batch, enter_stage(method, "joint"))
        gradients.append({name: value.grad for name, value in method.networks.named_parameters()})
    plain, guided_too = gradients
    for name, gradient in plain.items():
        if name.startswith("student.") and gradient is not None:
            torch.testing.assert_close(guided_too[name], gradient, msg=name)
    first = "generator_to_infrared.layers.0.weight"
    assert not torch.allclose(plain[first], guided_too[first], rtol=1e-3)


def test_a_step_waits_for_no_value(
    make: Make, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No tensor becomes a Python number: on a GPU the host would wait for it."""
    method = make()
    enter_stage(method, "joint")

    def refuse(*_: object) -> None:
        raise AssertionError("a step reads a tensor")

    for reader in ("item", "__bool__", "__float__", "__int__", "tolist", "cpu", "numpy"):
        monkeypatch.setattr(torch.Tensor, reader, refuse)
    losses = method.joint_step(batch, RecordedUpdates())
    monkeypatch.undo()
    assert len(losses) == 9


def test_losses_are_single_precision_under_autocast(make: Make, batch: Batch) -> None:
    method = make()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses, updates = watch(method, "joint", batch)
    assert {loss.dtype for loss in losses.values()} == {torch.float32}
    assert all(math.isfinite(loss.item()) for loss in losses.values())
    assert [update.changed for update in updates] == [GENERATORS, {"student"}, DISCRIMINATORS]


# Erasing


def test_erasing_spares_the_generators_and_the_teachers_targets(make: Make, batch: Batch) -> None:
    method = make("full", "erasing=1")
    networks = method.networks
    shown, taught = inputs_of(networks["student"]), inputs_of(networks["teacher"].normalization)
    translated = inputs_of(networks["generator_to_infrared"])
    fakes = outputs_of(networks["generator_to_infrared"])
    watch(method, "joint", batch)
    whole = torch.cat([batch.visible, batch.infrared, from_signed(fakes[0])])
    assert torch.equal(translated[0], to_signed(batch.visible))
    torch.testing.assert_close(taught[0], whole[6:])
    differs = (shown[0] != whole).any(1).flatten(1).float().mean(1)
    assert bool((differs > 0).all())  # every image has lost a part, and none of them all
    assert bool((differs < 0.8).all())


@pytest.mark.parametrize(
    ("variant", "stage", "network"),
    [("full", "teacher", "teacher"), ("backbone", "joint", "student")],
)
def test_erasing_is_for_teacher_and_backbone_as_well(
    variant: str, stage: str, network: str, make: Make, batch: Batch
) -> None:
    method = make(variant, "erasing=1")
    shown = inputs_of(method.networks[network])
    watch(method, stage, batch)
    whole = torch.cat([batch.visible, batch.infrared])[-len(shown[0]) :]
    assert bool((shown[0] != whole).flatten(1).any(1).all())


def test_erasing_depends_on_the_place_in_the_training_alone(make: Make, batch: Batch) -> None:
    shown = []
    for seed in (1, 1, 2):
        method = make("backbone", "erasing=1")
        seen = inputs_of(method.networks["student"])
        watch(method, "joint", batch, seed)
        shown += seen
    assert torch.equal(shown[0], shown[1])
    assert not torch.equal(shown[0], shown[2])


# Stages


@pytest.mark.parametrize(
    ("variant", "assignments", "names"),
    [
        ("full", (), ["teacher", "joint"]),
        ("od-single-ts", (), ["teacher", "joint"]),
        ("od-all-ts", (), ["teacher", "joint"]),
        ("backbone", (), ["joint"]),
        ("full", ("generation_epochs=2",), ["teacher", "generation", "joint"]),
        ("backbone", ("generation_epochs=2",), ["joint"]),
        (
            "full",
            ("generation_epochs=2", "cross_domain_weight=0", "same_domain_weight=0"),
            ["generation", "joint"],
        ),
    ],
)
def test_the_stages_of_a_variant(
    variant: str, assignments: tuple[str, ...], names: list[str], make: Make
) -> None:
    assert [stage.name for stage in make(variant, *assignments).stages()] == names


def test_the_stages_are_as_configured(make: Make) -> None:
    method = make("full", "generation_epochs=3", "teacher_epochs=5")
    config = config_of(method)
    teacher, generation, joint = method.stages()
    assert (teacher.epochs, generation.epochs, joint.epochs) == (5, 3, 120)
    assert teacher.sampling == config.teacher_sampling
    assert generation.sampling == joint.sampling == config.sampling
    for stage in (teacher, generation, joint):
        assert stage.augmentation == config.augmentation
    assert teacher.optimizers["teacher"].schedule == config.teacher_schedule
    assert joint.optimizers["student"].schedule == config.schedule
    for name in ("generators", "discriminators"):
        assert generation.optimizers.keys() == {"generators", "discriminators"}
        assert joint.optimizers[name].config == config.gan_optimizer
        assert joint.optimizers[name].schedule == config.gan_schedule
    for name, stage in (("teacher", teacher), ("student", joint)):
        assert stage.optimizers[name].config == config.optimizer


@pytest.mark.parametrize("variant", ["full", "backbone"])
def test_every_network_is_learned_by_one_optimiser_a_stage(variant: str, make: Make) -> None:
    method = make(variant)
    for stage in method.stages():
        optimized = [
            id(value)
            for plan in stage.optimizers.values()
            for group in plan.groups
            for value in group.parameters
        ]
        learning = {"teacher"} if stage.name == "teacher" else set(method.networks) - {"teacher"}
        expected = {id(value) for name in learning for value in method.networks[name].parameters()}
        assert len(optimized) == len(set(optimized))
        assert set(optimized) == expected


@pytest.mark.parametrize(
    ("stage", "evaluating"),
    [("teacher", set()), ("generation", {"teacher", "student"}), ("joint", {"teacher"})],
)
def test_which_networks_evaluate_in_a_stage(stage: str, evaluating: set[str], make: Make) -> None:
    """Batch normalisation of the others uses, and updates with, the statistics of the batch."""
    method = make("full", "generation_epochs=1")
    enter_stage(method, stage)
    for name, network in method.networks.items():
        for module in network.modules():
            assert module.training == (name not in evaluating), name


def test_the_teacher_learns_from_infrared_images_alone(make: Make, batch: Batch) -> None:
    method = make()
    seen, shown = outputs_of(method.networks["teacher"]), inputs_of(method.networks["teacher"])
    losses, calls = watch(method, "teacher", batch)
    assert len(shown) == 1
    assert torch.equal(shown[0], batch.infrared)
    expected = expected_recognition(seen[0], batch.labels.tolist())
    for name, value in expected.items():
        assert losses[name].item() == pytest.approx(value, rel=1e-4)
    ((optimizers, loss, changed, _),) = calls
    assert loss == pytest.approx(3 * expected["identity"] + expected["triplet"], rel=1e-4)
    assert (optimizers, changed) == (("teacher",), {"teacher"})


@pytest.mark.parametrize("variant", ["infrared", "visible"])
def test_a_network_of_table_3_learns_from_one_modality_as_the_teacher_does(
    variant: str, make: Make, batch: Batch
) -> None:
    method = make(variant, "teacher_epochs=5")
    (stage,) = method.stages()
    (of_the_teacher, _) = make("full", "teacher_epochs=5").stages()
    assert (stage.name, stage.epochs, stage.sampling) == ("teacher", 5, of_the_teacher.sampling)
    shown, seen = inputs_of(method.networks["teacher"]), outputs_of(method.networks["teacher"])
    losses, calls = watch(method, "teacher", batch)
    assert torch.equal(shown[0], getattr(batch, variant))
    for name, value in expected_recognition(seen[0], batch.labels.tolist()).items():
        assert losses[name].item() == pytest.approx(value, rel=1e-4)
    assert changed_by(calls) == [(("teacher",), {"teacher"})]


def test_the_backbone_learns_from_real_images_alone(make: Make, batch: Batch) -> None:
    method = make("backbone")
    seen, shown = outputs_of(method.networks["student"]), inputs_of(method.networks["student"])
    losses, calls = watch(method, "joint", batch)
    assert torch.equal(shown[0], torch.cat([batch.visible, batch.infrared]))
    expected = expected_recognition(seen[0], batch.labels.tolist() * 2)
    for name, value in expected.items():
        assert losses[name].item() == pytest.approx(value, rel=1e-4)
    ((optimizers, loss, changed, _),) = calls
    assert loss == pytest.approx(3 * expected["identity"] + expected["triplet"], rel=1e-4)
    assert (optimizers, changed) == (("student",), {"student"})


@pytest.mark.parametrize("assignments", [("generation_epochs=1",), GUIDED])
def test_generators_and_discriminators_may_learn_alone_first(
    assignments: tuple[str, ...], make: Make, batch: Batch
) -> None:
    """The student lends its feature maps, and neither it nor its batch statistics change."""
    method = make("full", *assignments)
    before = state_of(method.networks["student"])
    losses, calls = watch(method, "generation", batch)
    assert losses.keys() == {"generator", "cycle", "discriminator"}
    assert changed_by(calls) == [
        (("generators",), GENERATORS),
        (("discriminators",), DISCRIMINATORS),
    ]
    assert same_state(method.networks["student"], before)


def smooth(batch: Batch) -> Batch:
    """Eight large fields of one colour an image: what a generator can learn in a few steps."""

    def fields(images: torch.Tensor) -> torch.Tensor:
        return images[:, :, ::16, ::16].repeat_interleave(16, 2).repeat_interleave(16, 3)

    return Batch(fields(batch.visible), fields(batch.infrared), batch.labels)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variant", "stage", "names"),
    [
        ("full", "teacher", ["identity", "triplet"]),
        ("full", "joint", ["identity", "cycle", "cross-domain"]),
        ("full", "generation", ["cycle"]),
        *(
            pytest.param(*case, marks=pytest.mark.exhaustive)
            for case in (
                ("backbone", "joint", ["identity", "triplet"]),
                ("od-all-ts", "joint", ["identity", "cycle", "cross-domain"]),
            )
        ),
    ],
)
def test_a_few_steps_lower_the_losses_of_a_stage(
    variant: str, stage: str, names: list[str], make: Make, batch: Batch
) -> None:
    method = make(
        variant,
        "optimizer.learning_rate=1e-3",
        "gan_optimizer.learning_rate=3e-3",
        "generator_width=8",
        "generation_epochs=1",
    )
    updates, batch = enter_stage(method, stage), smooth(batch)
    step = stage_of(method, stage).step
    logs = [{name: loss.item() for name, loss in step(batch, updates).items()} for _ in range(14)]
    for name in names:
        assert logs[-1][name] < 0.85 * logs[0][name], name


@pytest.mark.slow
def test_discriminators_learn_to_tell_real_from_fake(make: Make, batch: Batch) -> None:
    """Against generators and a student that stay as they are."""
    method = make("full", "gan_optimizer.learning_rate=5e-3")
    updates = enter_stage(method, "joint")

    class OfDiscriminators(Updates):
        def minimize(self, losses: Losses, *names: str, **options: Any) -> Losses:
            if names == ("discriminators",):
                return updates.minimize(losses, *names, **options)
            return losses

    only = OfDiscriminators({})
    values = [method.joint_step(batch, only)["discriminator"].item() for _ in range(12)]
    assert values[0] == pytest.approx(4 * math.log(2), rel=0.05)  # at first it cannot tell
    assert values[-1] < 0.8 * values[0]
