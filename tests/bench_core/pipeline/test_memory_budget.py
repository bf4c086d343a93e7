"""A budget of memory: what steps take is said, and what to set, before anything is trained."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from bench_core import BenchError, UsageError
from bench_core.configuration import MethodChoice, choose_method
from bench_core.loading import load_object
from bench_core.modeling.sharing import Sharing
from bench_core.pipeline import memory_budget
from bench_core.pipeline.inputs import RunInputs
from bench_core.pipeline.memory_budget import check_memory
from bench_core.pipeline.trainings import TrainingSettings
from bench_core.plugins import Registry
from bench_core.profiling.step_memory import StepMemory
from bench_core.system import process_group

MEBI = 2**20
BATCH = ("sampling.identities=8", "sampling.images=8")
LARGE = 10_000
Check = Callable[..., str]


@pytest.fixture
def choice(registry: Registry) -> MethodChoice:
    return choose_method(*registry.method("xiv"), "quick", BATCH)


@pytest.fixture
def check(
    choice: MethodChoice,
    inputs: RunInputs,
    settings: TrainingSettings,
    capsys: pytest.CaptureFixture[str],
) -> Check:
    """Check a budget in MiB; returns what is said of one that is kept."""

    def run(mebibytes: float, sharing: Sharing | None = None) -> str:
        changed = replace(settings, sharing=sharing or Sharing())
        check_memory(choice, inputs, changed, int(mebibytes * MEBI))
        return capsys.readouterr().err

    return run


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[Sharing]:
    """Steps of 10 MiB and 160 MiB a part, half of it with statistics of shares; what is tried."""
    tried: list[Sharing] = []

    def count(*given: object, at_most: int | None = None) -> tuple[StepMemory, ...]:
        sharing = given[-1]
        assert isinstance(sharing, Sharing)
        tried.append(sharing)
        activations = 160 // sharing.parts // (2 if sharing.statistics == "share" else 1)
        peaks = (10 * MEBI, (activations + 5) * MEBI)
        return tuple(
            StepMemory(
                stage=stage, weights=2 * MEBI, gradients=MEBI, optimizers=2 * MEBI, peak=peak
            )
            for stage, peak in zip(("warm-up", "joint"), peaks, strict=True)
        )

    monkeypatch.setattr(memory_budget, "step_memories", count)
    return tried


def size(said: str) -> int:
    found = re.search(r"takes: joint (\d+) MiB", said)
    assert found is not None
    return int(found[1])


@pytest.mark.usefixtures("counted")
def test_what_fits_is_said_in_one_line_with_what_it_consists_of(check: Check) -> None:
    assert check(LARGE) == (
        "Within --memory-budget 9.77 GiB, a step of training takes: warm-up 10 MiB, joint 165 MiB, "
        "of which weights 2 MiB, gradients 1 MiB, states of optimisers 2 MiB, activations 160 MiB; "
        "not counted are the allocator's spare memory and the workspaces of cuDNN.\n"
    )


@pytest.mark.parametrize(
    ("budget", "present", "way_out"),
    [
        (164, Sharing(), "use --accumulate 2, with which it takes 85 MiB at most"),
        (50, Sharing(), "use --accumulate 4, with which it takes 45 MiB at most"),
        (50, Sharing(parts=2), "use --accumulate 4, with which it takes 45 MiB at most"),
        (
            24,
            Sharing(),
            r"use --accumulate 8 --batch-statistics share \(another result\), .* it takes 15 MiB",
        ),
        (14, Sharing(), r"no --accumulate up to 8 makes it fit, .*smaller batches$"),
        (9, Sharing(parts=8, statistics="share"), "no --accumulate up to 8 makes it fit"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_to_set(
    check: Check, counted: list[Sharing], budget: int, present: Sharing, way_out: str
) -> None:
    with pytest.raises(UsageError, match=f"^--memory-budget {budget} MiB: .*{way_out}") as found:
        check(budget, present)
    assert "\n" not in str(found.value)
    assert counted.count(present) == 1


def test_only_parts_that_are_even_are_tried(
    check: Check, counted: list[Sharing], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_group._Group, "number", 16)
    monkeypatch.setattr(memory_budget, "agreed", lambda value: value)
    with pytest.raises(UsageError, match="no --accumulate up to 8"):
        check(1)
    assert {sharing.parts for sharing in counted} == {1, 2}  # of 64 images, 4 in each process


def test_shares_that_are_asked_for_are_counted(check: Check) -> None:
    assert size(check(LARGE, Sharing(parts=4, statistics="share"))) < 0.6 * size(check(LARGE))


def test_a_process_of_several_takes_less(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = size(check(LARGE))
    monkeypatch.setattr(process_group._Group, "number", 4)
    monkeypatch.setattr(memory_budget, "agreed", lambda value: value)
    assert size(check(LARGE)) < 0.7 * alone


def test_steps_that_read_values_are_not_guessed(
    check: Check, choice: MethodChoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = load_object(choice.spec.method)
    monkeypatch.setattr(method, "losses", lambda _, batch: {"a": float(batch.visible.sum())})
    with pytest.raises(BenchError, match=r"cannot be counted on tensors without data .*leave the"):
        check(LARGE)


def test_a_loop_of_its_own_is_not_guessed(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_budget, "StagedMethod", int)
    with pytest.raises(UsageError, match="training loop of its own"):
        check(LARGE)


def test_the_count_leaves_random_states_as_they_were(check: Check) -> None:
    before = torch.get_rng_state()
    check(LARGE, Sharing(parts=2))
    assert torch.equal(before, torch.get_rng_state())
