"""What each loss teaches: the networks that the paper names, and no others."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from bench_core.methods import Batch
from bench_core.testing import record_step, take_step, watch_step
from bench_jsia.method import JSIA

Make = Callable[..., JSIA]
Parts = Callable[[JSIA], dict[str, nn.Module]]

STYLES = {"style_encoder_visible", "style_encoder_infrared"}
DECODERS = {"decoder_visible", "decoder_infrared"}
DISCRIMINATORS = {"discriminator_visible", "discriminator_infrared"}
LEARNER = {"set_level", "instance_level"}
GENERATOR = STYLES | DECODERS
REAL = {
    "identity": LEARNER | {"neck"},
    "triplet": LEARNER,
    "region-identity": LEARNER | {"region_necks"},
}
GENERATION = {
    "reconstruction": {"set_level"} | GENERATOR,
    "cycle": {"set_level"} | GENERATOR,
    # The generators' side of Eq. 7; discriminators are never updated for it.
    "adversarial": {"set_level"} | GENERATOR | DISCRIMINATORS,
}
PAPER = {
    **REAL,
    **GENERATION,
    "variation": {"variation"},
    "instance": LEARNER | {"neck"} | GENERATOR,
    "region": LEARNER | {"region_necks"} | GENERATOR,
    "unseen": LEARNER | {"neck", "variation"} | GENERATOR,
    "discriminator": DISCRIMINATORS,
}


def separate(reached: set[str]) -> set[str]:
    """Where E^i is a network of its own, what reaches it is not E^sl."""
    return reached - {"set_level"} | {"content_encoder"}


DEGRADED = {
    **REAL,
    **{name: separate(reached) for name, reached in GENERATION.items()},
    "instance": LEARNER | {"neck", "content_encoder"} | GENERATOR,
    "region": LEARNER | {"region_necks", "content_encoder"} | GENERATOR,
    "unseen": LEARNER | {"neck", "variation"} | GENERATOR,
    "variation": {"variation"},
    "set-adversarial": {"set_level", "modality_discriminator"},
    "modality-discriminator": {"modality_discriminator"},
    "discriminator": DISCRIMINATORS,
}
DETACHED = {
    **PAPER,
    "instance": LEARNER | {"neck"},
    "region": LEARNER | {"region_necks"},
    "unseen": LEARNER | {"neck"},
    "feature-reconstruction": {"set_level"} | GENERATOR,  # but see below
}


def reached_by(loss: torch.Tensor, parts: dict[str, nn.Module]) -> set[str]:
    """Return the networks where a loss has a gradient that is not zero."""
    reached = set()
    for name, network in parts.items():
        learnable = [value for value in network.parameters() if value.requires_grad]
        gradients = (
            torch.autograd.grad(loss, learnable, retain_graph=True, allow_unused=True)
            if learnable
            else ()
        )
        if any(gradient is not None and bool((gradient != 0).any()) for gradient in gradients):
            reached.add(name)
    return reached


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variant", "settings", "expected"),
    [
        ("full", [], PAPER),
        ("baseline", [], {name: REAL[name] for name in ("identity", "triplet")}),
        ("sl", [], {name: PAPER[name] for name in PAPER if name in (
            "identity", "triplet", "reconstruction", "cycle", "adversarial", "discriminator")}),
        ("without-disentanglement", [], DEGRADED),
        ("unpaired-regions", [], {**PAPER, "region": LEARNER | {"region_necks"}}),
        ("full", ["end_to_end=false", "feature_reconstruction_weight=1"], DETACHED),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)  # fmt: skip
def test_in_the_joint_stage(
    variant: str,
    settings: list[str],
    expected: dict[str, set[str]],
    make: Make,
    parts_of: Parts,
    batch: Batch,
) -> None:
    method = make(variant, *settings)
    losses, _ = record_step(method, "joint", batch)
    assert {name: reached_by(loss, parts_of(method)) for name, loss in losses.items()} == expected


@pytest.mark.parametrize("variant", ["full", "without-disentanglement"])
def test_in_the_generation_stage(variant: str, make: Make, parts_of: Parts, batch: Batch) -> None:
    method = make(variant)
    expected = {**GENERATION, "variation": {"variation"}, "discriminator": DISCRIMINATORS}
    if variant != "full":
        names = ("reconstruction", "cycle", "adversarial")
        expected |= {name: separate(GENERATION[name]) for name in names}
    losses, _ = record_step(method, "generation", batch)
    assert {name: reached_by(loss, parts_of(method)) for name, loss in losses.items()} == expected


Changes = Callable[..., list[set[str]]]


@pytest.fixture
def changes(make: Make, parts_of: Parts, batch: Batch) -> Changes:
    """Return a function that takes a step, and says what each of its updates changed."""

    def run(stage: str, variant: str, *settings: str) -> list[set[str]]:
        method = make(variant, *settings)
        _, updates = watch_step(method, stage, batch, networks=parts_of(method))
        return [update.changed for update in updates]

    return run


@pytest.mark.parametrize(
    ("stage", "settings", "generator"),
    [
        ("generation", [], {"set_level", "variation"} | GENERATOR),
        ("generation", ["train_content_encoder=false"], {"variation"} | GENERATOR),
        ("joint", [], LEARNER | {"neck", "region_necks", "variation"} | GENERATOR),
    ],
)
def test_generators_and_discriminators_are_updated_apart(
    stage: str, settings: list[str], generator: set[str], changes: Changes
) -> None:
    assert changes(stage, "full", *settings) == [generator, DISCRIMINATORS]


def test_degraded_set_level_alignment_updates_its_discriminator_with_the_others(
    changes: Changes,
) -> None:
    learner = LEARNER | {"neck", "region_necks", "variation", "content_encoder"} | GENERATOR
    assert changes("joint", "without-disentanglement") == [
        learner,
        DISCRIMINATORS | {"modality_discriminator"},
    ]


@pytest.mark.parametrize("stage", ["generation", "joint"])
def test_a_generators_update_leaves_no_gradient_in_discriminators(
    stage: str, make: Make, parts_of: Parts, batch: Batch
) -> None:
    """What they are left with after a step is their own: a second one gives the same again."""
    gradients = []
    for weight in (1e6, 0.0):
        method = make("full", f"adversarial_weight={weight}")
        take_step(method, stage, batch)
        gradients.append(
            [value.grad for name in DISCRIMINATORS for value in parts_of(method)[name].parameters()]
        )
    for heavy, none in zip(*gradients, strict=True):
        assert heavy is not None
        assert none is not None
        assert torch.equal(heavy, none)


@pytest.mark.parametrize("stage", ["generation", "joint"])
def test_feature_reconstruction_teaches_decoders_and_style_encoders_alone(
    stage: str, make: Make, parts_of: Parts, batch: Batch
) -> None:
    gradients = []
    for weight in (1.0, 1e3):
        method = make("full", f"feature_reconstruction_weight={weight}")
        take_step(method, stage, batch)
        gradients.append(
            {
                name: torch.cat([v.grad.flatten() for v in part.parameters() if v.grad is not None])
                for name, part in parts_of(method).items()
                if any(v.grad is not None for v in part.parameters())
            }
        )
    changed = {
        name for name in gradients[0] if not torch.equal(gradients[0][name], gradients[1][name])
    }
    assert changed == GENERATOR
    assert "set_level" in gradients[0]


@pytest.mark.parametrize(
    ("variant", "frozen"),
    [("full", {"neck.normalization.bias"}), ("baseline", {"neck.normalization.bias"})],
)
def test_every_parameter_that_can_learn_learns_by_one_optimiser_of_the_joint_stage(
    variant: str, frozen: set[str], make: Make
) -> None:
    method = make(variant)
    plans = method.stages()[-1].optimizers.values()
    optimized = [
        id(value)
        for plan in plans
        for group in plan.groups
        for value in group.parameters
        if value.requires_grad
    ]
    assert len(set(optimized)) == len(optimized)
    learnable = {id(value) for value in method.networks.parameters() if value.requires_grad}
    assert set(optimized) == learnable
    names = {name for name, value in method.networks.named_parameters() if not value.requires_grad}
    assert frozen <= names
    assert all(name.endswith("normalization.bias") for name in names)
