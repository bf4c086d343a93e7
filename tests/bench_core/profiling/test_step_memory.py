"""What a step takes: counted without data as on real tensors, and less in parts."""

from __future__ import annotations

import pytest

from bench_core.configuration import choose_method
from bench_core.modeling.sharing import Sharing
from bench_core.pipeline.methods import build_method
from bench_core.plugins import Registry
from bench_core.profiling.counting import simulated
from bench_core.profiling.step_memory import StepMemory, step_memories
from bench_core.training.method import StagedMethod

NUM_PEOPLE = 20
SMALL = ("image_height=64", "image_width=32", "sampling.identities=4", "sampling.images=2")
GAN = (
    "generator_width=4",
    "generator_blocks=1",
    "discriminator_width=4",
    "teacher_sampling.identities=4",
    "teacher_sampling.images=2",
)


def memories(
    registry: Registry, method: str, preset: str, changes: tuple[str, ...], sharing: Sharing
) -> tuple[StepMemory, ...]:
    choice = choose_method(*registry.method(method), preset, changes)
    built = build_method(choice, NUM_PEOPLE)
    assert isinstance(built, StagedMethod)
    return step_memories(built, choice.config.image_size, "float32", sharing)


def test_without_data_as_much_is_counted_as_on_real_tensors(registry: Registry) -> None:
    sharing = Sharing(parts=2)
    real = memories(registry, "ts-gan", "quick", (*SMALL, *GAN), sharing)
    with simulated():
        counted = memories(registry, "ts-gan", "quick", (*SMALL, *GAN), sharing)
    assert [each.stage for each in counted] == ["teacher", "joint"]
    for one, other in zip(real, counted, strict=True):
        assert (one.weights, one.gradients, one.optimizers) == (
            other.weights, other.gradients, other.optimizers,
        )  # fmt: skip
        assert one.peak == pytest.approx(other.peak, rel=0.02)


def test_what_the_peak_consists_of(registry: Registry) -> None:
    (joint,) = memories(registry, "xiv:baseline", "quick", SMALL, Sharing())
    method = build_method(choose_method(*registry.method("xiv:baseline"), "quick", SMALL), 20)
    learned = sum(each.nbytes for each in method.networks.parameters() if each.requires_grad)
    fixed = [each for each in method.networks.parameters() if not each.requires_grad]
    others = [*fixed, *method.networks.buffers()]
    assert joint.weights == learned + sum(each.nbytes for each in others)
    assert joint.gradients == learned
    assert joint.optimizers == pytest.approx(2 * learned, rel=0.001)  # Adam's moments, and a count
    assert joint.activations > 0
    assert joint.peak == joint.weights + joint.gradients + joint.optimizers + joint.activations


def test_stages_behind_one_that_takes_too_much_are_not_counted(registry: Registry) -> None:
    choice = choose_method(*registry.method("ts-gan"), "quick", (*SMALL, *GAN))
    with simulated():
        method = build_method(choice, NUM_PEOPLE)
        assert isinstance(method, StagedMethod)
        counted = step_memories(method, (64, 32), "float32", Sharing(), at_most=1)
    assert [each.stage for each in counted] == ["teacher"]


@pytest.mark.slow
def test_a_step_of_a_paper_takes_less_than_half_in_parts(registry: Registry) -> None:
    with simulated():
        (whole,), (parts,) = (
            memories(registry, "xiv", "paper", ("weights=none",), sharing)
            for sharing in (Sharing(), Sharing(parts=2))
        )
    assert 9 * 2**30 < whole.peak < 10 * 2**30
    assert parts.peak < 0.5 * whole.peak
