"""The steps of F, P and D: which networks learn from what, in which order, by which losses."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
import torch

from bench_aligngan.method import AlignGAN
from bench_core.methods import Batch, Stage
from bench_core.testing import Update, stage_of, watch_step
from bench_core.training.recipes import build_optimizer

Make = Callable[..., AlignGAN]

GENERATORS = {"generator_to_infrared", "generator_to_visible"}
WARMING = {"warmup_discriminator_infrared", "warmup_discriminator_visible"}
FEATURE_STEP = (("features",), {"encoder", "classifier", "embedder"})
PIXEL_STEP = (("pixels",), GENERATORS)
VARIANTS = ["full", "baseline", "pixalign", "featalign", "aligngan-minus"]
WITH_PIXELS = ["full", "pixalign", "aligngan-minus"]

FEATURE_WEIGHTS = {"feature-identity": 1.0, "feature-triplet": 1.0, "feature-gan": 0.1}
PIXEL_WEIGHTS = {
    "pixel-gan": 1.0,
    "pixel-gan-visible": 1.0,
    "cycle": 10.0,
    "pixel-identity": 1.0,
    "pixel-triplet": 0.5,
}
DISCRIMINATOR_WEIGHTS = {"discriminator": 1.0, "discriminator-visible": 1.0}
WEIGHTS = (FEATURE_WEIGHTS, PIXEL_WEIGHTS, DISCRIMINATOR_WEIGHTS)
"""Those of the paper: Eqs. 6, 4 and 7."""
OFFICIAL_WEIGHTS = (
    FEATURE_WEIGHTS | {"feature-identity": 2.0},
    {
        "pixel-gan": 0.5,
        "pixel-gan-visible": 0.5,
        "cycle": 5.0,
        "same-modality": 2.5,
        "pixel-identity": 0.1,
        "pixel-triplet": 0.1,
    },
    {"discriminator": 0.5, "discriminator-visible": 0.5},
)


def discriminators(*names: str) -> tuple[tuple[str, ...], set[str]]:
    return ("discriminators",), {f"discriminator_{name}" for name in names}


def changed_by(updates: list[Update]) -> list[tuple[tuple[str, ...], set[str]]]:
    return [(update.optimizers, update.changed) for update in updates]


def minimized(updates: list[Update]) -> list[float]:
    return [update.total for update in updates]


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        ("full", [FEATURE_STEP, PIXEL_STEP, discriminators("joint", "visible")]),
        ("pixalign", [FEATURE_STEP, PIXEL_STEP, discriminators("joint", "visible")]),
        (
            "aligngan-minus",
            [FEATURE_STEP, PIXEL_STEP, discriminators("infrared", "features", "visible")],
        ),
        ("featalign", [FEATURE_STEP, discriminators("features")]),
        ("baseline", [FEATURE_STEP]),
    ],
)
def test_in_a_joint_step_f_p_and_d_learn_in_turn_and_nothing_else(
    variant: str,
    expected: list[tuple[tuple[str, ...], set[str]]],
    make: Make,
    batch: Batch,
) -> None:
    _, updates = watch_step(make(variant), "joint", batch)
    assert changed_by(updates) == expected
    assert [update.reached for update in updates] == [networks for _, networks in expected]


@pytest.mark.parametrize("variant", WITH_PIXELS)
def test_the_pixel_warm_up_trains_p_and_the_discriminators_of_images(
    variant: str, make: Make, batch: Batch
) -> None:
    _, updates = watch_step(make(variant), "pixel-warm-up", batch)
    assert changed_by(updates) == [PIXEL_STEP, (("discriminators",), WARMING)]
    assert [update.reached for update in updates] == [GENERATORS, WARMING]


def test_the_feature_warm_up_trains_f_on_infrared_images_alone(make: Make, batch: Batch) -> None:
    other = Batch(torch.rand_like(batch.visible), batch.infrared, batch.labels)
    states = []
    for shown in (batch, other):
        method = make()
        _, updates = watch_step(method, "feature-warm-up", shown)
        assert changed_by(updates) == [FEATURE_STEP]
        states.append(method.networks.state_dict())
    for name, value in states[0].items():
        assert torch.equal(value, states[1][name]), name


@pytest.mark.parametrize("stage_name", ["feature-warm-up", "pixel-warm-up", "joint"])
def test_every_weight_of_what_learns_gets_a_gradient(
    stage_name: str, make: Make, batch: Batch
) -> None:
    """Only biases before an instance normalisation get none."""
    method = make()
    reached: set[str] = set()

    def look(_optimizer: str) -> None:
        for name, value in method.networks.named_parameters():
            if value.grad is not None:
                assert bool(value.grad.isfinite().all()), name
                reached.update({name} if bool(value.grad.any()) else ())

    watch_step(method, stage_name, batch, after=look)
    learning = {id(value) for value in parameters(stage_of(method, stage_name))}
    weights = {
        name
        for name, value in method.networks.named_parameters()
        if id(value) in learning and value.ndim > 1
    }
    assert weights <= reached


def parameters(stage: Stage) -> list[torch.nn.Parameter]:
    plans = stage.optimizers.values()
    return [value for plan in plans for group in plan.groups for value in group.parameters]


@pytest.mark.parametrize("variant", VARIANTS)
def test_in_the_joint_stage_all_learns_once_but_what_only_warms_up(
    variant: str, make: Make
) -> None:
    method = make(variant)
    learning = [id(value) for value in parameters(stage_of(method, "joint"))]
    assert len(set(learning)) == len(learning)
    named = method.networks.named_parameters()
    idle = {name.split(".")[0] for name, value in named if id(value) not in learning}
    assert idle == (WARMING if variant in WITH_PIXELS else set())


@pytest.mark.parametrize(
    ("variant", "names"),
    [(name, ["feature-warm-up", "pixel-warm-up", "joint"]) for name in WITH_PIXELS]
    + [(name, ["feature-warm-up", "joint"]) for name in ("featalign", "baseline")],
)
def test_the_stages(variant: str, names: list[str], make: Make) -> None:
    stages = make(variant, "encoder_warmup_epochs=3", "pixel_warmup_epochs=4", "epochs=5").stages()
    assert [stage.name for stage in stages] == names
    epochs = {"feature-warm-up": 3, "pixel-warm-up": 4, "joint": 5}
    assert [stage.epochs for stage in stages] == [epochs[name] for name in names]


@pytest.mark.parametrize(("preset", "hundreds"), [("paper", 50 + 100), ("official-code", 50 + 101)])
@pytest.mark.parametrize("variant", VARIANTS)
def test_f_learns_for_as_many_steps_in_every_row_of_table_4(
    variant: str, preset: str, hundreds: int, make: Make
) -> None:
    stages = make(variant, preset=preset).stages()
    assert sum(stage.epochs for stage in stages if "features" in stage.optimizers) == hundreds


def test_the_joint_training_goes_on_with_the_optimisers_of_the_warm_ups(make: Make) -> None:
    """The discriminators of the joint training are new networks, and so is their optimiser."""
    plans = stage_of(make(), "joint").optimizers
    assert {name for name, plan in plans.items() if plan.continued} == {"features", "pixels"}


def test_a_stage_without_epochs_is_left_out(make: Make) -> None:
    stages = make("full", "encoder_warmup_epochs=0", "pixel_warmup_epochs=0").stages()
    assert [stage.name for stage in stages] == ["joint"]


def test_the_pixel_warm_up_draws_no_more_than_p_learns_from(make: Make) -> None:
    method = make("full", "pixel_identities=2", "pixel_images=1")
    warm_up = stage_of(method, "pixel-warm-up").sampling
    assert (warm_up.identities, warm_up.images) == (2, 1)
    joint = stage_of(method, "joint").sampling
    assert (joint.identities, joint.images) == (3, 2)


def test_heads_learn_ten_times_as_fast_as_the_encoder(make: Make) -> None:
    plan = stage_of(make(), "joint").optimizers["features"]
    encoder, heads = build_optimizer(plan.config, plan.groups).param_groups
    assert (encoder["lr"], heads["lr"]) == (pytest.approx(0.02), pytest.approx(0.2))
    assert len(heads["params"]) == 6 + 2


def test_rates_decay_in_the_joint_stage_alone(make: Make) -> None:
    for stage in make().stages():
        for plan in stage.optimizers.values():
            assert plan.schedule.factor(60) == pytest.approx(0.1 if stage.name == "joint" else 1)


def totals(losses: Mapping[str, torch.Tensor], *weights: Mapping[str, float]) -> list[float]:
    """Weigh the losses of each module that has any."""
    return [
        sum(weight * losses[name].item() for name, weight in module.items() if name in losses)
        for module in weights
        if set(module) & set(losses)
    ]


def test_the_papers_totals_are_eqs_6_4_and_7(make: Make, batch: Batch) -> None:
    losses, updates = watch_step(make(), "joint", batch)
    assert losses.keys() == {name for module in WEIGHTS for name in module}
    assert minimized(updates) == pytest.approx(totals(losses, *WEIGHTS), rel=1e-5)


def test_the_authors_totals_have_the_authors_weights(make: Make, batch: Batch) -> None:
    losses, updates = watch_step(make(preset="official-code"), "joint", batch)
    assert losses.keys() == {name for module in OFFICIAL_WEIGHTS for name in module}
    assert minimized(updates) == pytest.approx(totals(losses, *OFFICIAL_WEIGHTS), rel=1e-5)


def test_the_warm_ups_minimise_their_part_of_the_equations(make: Make, batch: Batch) -> None:
    losses, updates = watch_step(make(), "feature-warm-up", batch)
    assert losses.keys() == {"feature-identity", "feature-triplet"}
    assert minimized(updates) == pytest.approx(totals(losses, FEATURE_WEIGHTS), rel=1e-5)
    losses, updates = watch_step(make(), "pixel-warm-up", batch)
    assert losses.keys() == PIXEL_WEIGHTS.keys() | DISCRIMINATOR_WEIGHTS.keys()
    assert minimized(updates) == pytest.approx(totals(losses, *WEIGHTS), rel=1e-5)


@pytest.mark.parametrize(
    ("variant", "missing"),
    [
        ("pixalign", {"feature-gan"}),
        ("featalign", {*PIXEL_WEIGHTS, "discriminator-visible"}),
        ("baseline", {*PIXEL_WEIGHTS, *DISCRIMINATOR_WEIGHTS, "feature-gan"}),
        ("aligngan-minus", set()),
    ],
)
def test_a_variant_lacks_the_losses_that_it_goes_without(
    variant: str, missing: set[str], make: Make, batch: Batch
) -> None:
    losses, updates = watch_step(make(variant), "joint", batch)
    assert losses.keys() == {name for module in WEIGHTS for name in module} - missing
    assert minimized(updates) == pytest.approx(totals(losses, *WEIGHTS), rel=1e-5)


@pytest.mark.parametrize(
    ("assignment", "changed"),
    [
        ("pixel_identity_weight=3.0", {"pixel-identity": 3.0, "pixel-triplet": 1.5}),
        ("feature_gan_weight=0.7", {"feature-gan": 0.7}),
        ("feature_identity_weight=0.7", {"feature-identity": 0.7}),
        ("cycle_weight=2.0", {"cycle": 2.0}),
        ("pixel_gan_weight=4.0", {"pixel-gan": 4.0, "pixel-gan-visible": 4.0}),
        ("pixel_triplet_share=2.0", {"pixel-triplet": 2.0}),
    ],
)
def test_weights_are_those_of_the_configuration(
    assignment: str, changed: dict[str, float], make: Make, batch: Batch
) -> None:
    losses, updates = watch_step(make("full", assignment), "joint", batch)
    weights = [
        {name: changed.get(name, weight) for name, weight in module.items()} for module in WEIGHTS
    ]
    assert minimized(updates) == pytest.approx(totals(losses, *weights), rel=1e-5)
