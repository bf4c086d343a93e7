"""Whether the steps of a training fit the memory of a device, said before it starts."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import torch

from bench_core.configuration import MethodChoice
from bench_core.contracts.errors import BenchError, UsageError
from bench_core.contracts.method import BatchStatistics
from bench_core.modeling.sharing import Sharing
from bench_core.pipeline.inputs import RunInputs
from bench_core.pipeline.methods import build_method
from bench_core.pipeline.trainings import TrainingSettings
from bench_core.profiling.counting import simulated
from bench_core.profiling.step_memory import StepMemory, step_memories
from bench_core.system.escaping import in_one_line
from bench_core.system.process_group import agreed, imagined, is_first, num_processes
from bench_core.training.method import StagedMethod

PARTS = (2, 4, 8)
"""What is tried of `--accumulate`; more parts save little more."""
MEBI, GIBI = 2**20, 2**30
NOT_COUNTED = "not counted are the allocator's spare memory and the workspaces of cuDNN"
Counted = TypeVar("Counted")


def check_memory(
    choice: MethodChoice, inputs: RunInputs, settings: TrainingSettings, budget: int
) -> None:
    """Say on standard error what a step of each stage takes, if that is within a budget.

    Args:
        choice: The method.
        inputs: Protocol and dataset.
        settings: How it is to be trained.
        budget: Bytes.

    Raises:
        UsageError: A step takes more; the message says what to set, or that nothing helps.
        BenchError: Its steps cannot be counted.
    """
    images = inputs.dataset.images
    num_identities = max(
        images["identity"].iloc[inputs.protocol.training_rows(images, split)].nunique()
        for split in inputs.training_splits(settings.selection)
    )
    judged = (True, "")
    if is_first():
        judged = _Counter(choice, settings, num_identities).judge(budget)
    fits, line = agreed(judged)
    if not fits:
        raise UsageError(line)
    if is_first():
        sys.stderr.write(f"{line}\n")


class _Counter:
    """Counts what the steps of a training take, shared as it is to be or otherwise."""

    def __init__(
        self, choice: MethodChoice, settings: TrainingSettings, num_identities: int
    ) -> None:
        self._choice, self._settings = choice, settings
        self._num_identities = num_identities
        self._batches = self._simulated(_batch_sizes)

    def judge(self, budget: int) -> tuple[bool, str]:
        """Return whether the training fits a budget of bytes, and what to say of it."""
        present = self._count(self._settings.sharing)
        most = max(present, key=lambda memory: memory.peak)
        stages = ", ".join(f"{memory.stage} {_size(memory.peak)}" for memory in present)
        taken = f"a step of training takes: {stages}, of which {_shares(most)}; {NOT_COUNTED}"
        if most.peak <= budget:
            return True, f"Within --memory-budget {_size(budget)}, {taken}."
        return False, f"--memory-budget {_size(budget)}: {taken}; {self._way_out(budget)}"

    def _way_out(self, budget: int) -> str:
        """Say what to set, of what keeps the result before what changes it."""
        statistics: BatchStatistics
        for statistics in ("whole", "share"):
            found = self._least(statistics, budget)
            if found is not None:
                parts, peak = found
                options = f"--accumulate {parts}"
                if statistics == "share":
                    options += " --batch-statistics share (another result)"
                return f"use {options}, with which it takes {_size(peak)} at most"
        return (
            f"no --accumulate up to {PARTS[-1]} makes it fit, with or without --batch-statistics "
            "share; use more --processes, --precision bfloat16, smaller images or smaller batches"
        )

    def _least(self, statistics: BatchStatistics, budget: int) -> tuple[int, int] | None:
        """Return the least number of parts that makes it fit, and its peak; None if none does."""
        ways = [
            Sharing(parts=parts, statistics=statistics)
            for parts in PARTS
            if parts >= self._settings.sharing.parts and self._has_shares(parts)
        ]
        ways = [way for way in ways if way != self._settings.sharing]
        # More parts take no more: where the most do not fit, nothing does.
        if not ways or self._peak(ways[-1], budget) > budget:
            return None
        peaks = ((way.parts, self._peak(way, budget)) for way in ways)
        return next((parts, peak) for parts, peak in peaks if peak <= budget)

    def _has_shares(self, parts: int) -> bool:
        number = parts * num_processes()
        return all(size % number == 0 and size > number for size in self._batches)

    def _peak(self, sharing: Sharing, at_most: int) -> int:
        return max(memory.peak for memory in self._count(sharing, at_most))

    def _count(self, sharing: Sharing, at_most: int | None = None) -> tuple[StepMemory, ...]:
        size, precision = self._choice.config.image_size, self._settings.precision
        return self._simulated(
            lambda method: step_memories(method, size, precision, sharing, at_most=at_most)
        )

    def _simulated(self, count: Callable[[StagedMethod[Any]], Counted]) -> Counted:
        """Count something of the method, without data and without the other processes.

        Raises:
            UsageError: The method has no stages, or its batches no even shares.
            BenchError: It reads a value of a tensor, or fails.
        """
        name = self._choice.name
        try:
            with torch.random.fork_rng(devices=[]), simulated(), imagined(num_processes()):
                method = build_method(self._choice, self._num_identities)
                if isinstance(method, StagedMethod):
                    return count(method)
        except BenchError:
            raise
        except Exception as error:  # a stranger's step may raise anything
            raise BenchError(
                f"--memory-budget: a training step of {name} cannot be counted on tensors without "
                f"data ({in_one_line(error)}); leave the option out"
            ) from error
        raise UsageError(
            f"--memory-budget: {name} has a training loop of its own, whose steps nobody can "
            "count; leave the option out"
        )


def _batch_sizes(method: StagedMethod[Any]) -> list[int]:
    return [stage.sampling.identities * stage.sampling.images for stage in method.stages()]


def _shares(memory: StepMemory) -> str:
    """Say what the peak of the stage that takes most consists of."""
    parts = {
        "weights": memory.weights,
        "gradients": memory.gradients,
        "states of optimisers": memory.optimizers,
        "activations": memory.activations,
    }
    return ", ".join(f"{name} {_size(number)}" for name, number in parts.items())


def _size(number: int) -> str:
    """Return bytes as text, such as "7.50 GiB" or "12 MiB"."""
    if number < GIBI:
        return f"{number / MEBI:.0f} MiB"
    return f"{number / GIBI:.2f} GiB"
