"""A training step of every paper's size fits a graphics card of 24 GiB, counted without data."""

from __future__ import annotations

import pytest

from bench_core.configuration import choose_method
from bench_core.contracts.method import Precision
from bench_core.modeling.sharing import Sharing
from bench_core.pipeline.methods import build_method
from bench_core.plugins import load_registry
from bench_core.profiling.counting import simulated
from bench_core.profiling.step_memory import step_memories
from bench_core.training.method import StagedMethod

REGISTRY = load_registry()
GIB = 2**30
IDENTITIES = 395
"""Of SYSU-MM01's training split."""
OFTEN = ("deen", "mpanet", "pmt")
"""The ones that take most of those which are counted in seconds."""
TOO_LARGE = ("aligngan",)
"""In float32, with everything kept: they have a way out, which is tested below."""
WITHOUT_STAGES = ("hog", "lomo")


def gibibytes_of_a_step(
    name: str, preset: str = "paper", *changes: str, precision: Precision = "float32"
) -> float:
    """Count what the stage that takes most needs."""
    choice = choose_method(*REGISTRY.method(name), preset, ("weights=none", *changes))
    with simulated():
        method = build_method(choice, IDENTITIES)
        assert isinstance(method, StagedMethod)
        steps = step_memories(method, choice.config.image_size, precision, Sharing())
    return max(each.peak for each in steps) / GIB


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in OFTEN else pytest.mark.exhaustive)
        for name in REGISTRY.methods
        if name not in (*TOO_LARGE, *WITHOUT_STAGES)
    ],
)
def test_a_step_with_the_whole_batch_fits(name: str) -> None:
    assert 0.5 < gibibytes_of_a_step(name) < 24


@pytest.mark.slow
@pytest.mark.parametrize(
    ("preset", "changes", "precision", "at_most"),
    [
        ("paper", (), "bfloat16", 15),
        *(
            pytest.param(*case, marks=pytest.mark.exhaustive)
            for case in (
                ("paper", ("recompute_activations=true",), "float32", 14),
                ("official-code", (), "float32", 24),
            )
        ),
    ],
)
def test_a_step_of_aligngan_fits_in_bfloat16_or_with_activations_computed_again(
    preset: str, changes: tuple[str, ...], precision: Precision, at_most: float
) -> None:
    assert 1 < gibibytes_of_a_step("aligngan", preset, *changes, precision=precision) < at_most
