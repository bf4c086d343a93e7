"""How long a training on a processor will take, told before it starts."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from bench_core.configuration import MethodChoice
from bench_core.contracts.images import VISIBLE
from bench_core.features.fast import in_format
from bench_core.modeling.sharing import WHOLE_BATCH, Sharing
from bench_core.pipeline.costs import count_cost
from bench_core.system.process_group import num_processes, num_processes_here
from bench_core.system.processes import num_processors
from bench_core.training.data import TrainingData
from bench_core.training.method import Method, StagedMethod
from bench_core.training.stage_images import StageImages

if TYPE_CHECKING:
    from bench_core.profiling.training_steps import StageCost

TOLD_FROM_SECONDS = 600.0
"""Shorter trainings start without a word."""
NUM_IMAGES = 2
NUM_TIMINGS = 8
"""The fastest counts: on a busy machine others take far longer."""
TIMED_SECONDS = 2.0
"""After so long there is no further one."""

RECOMPUTED = 4 / 3
"""Work of a step that computes activations again: forwards twice and backwards, which is two."""


def warn_of_length(
    choice: MethodChoice, method: Method, data: TrainingData, sharing: Sharing = WHOLE_BATCH
) -> None:
    """Say on standard error how long a training on this processor takes, where that is long.

    Args:
        choice: The method.
        method: It, built; only its features are asked for.
        data: What it is trained on.
        sharing: How each batch is shared, among the processes that have joined too.
    """
    seconds = estimate_seconds(choice, method, data, sharing)
    if seconds is None or seconds < TOLD_FROM_SECONDS:
        return
    busy = num_processes_here() * torch.get_num_threads()
    cores = "more of its cores (--threads N), " if busy < num_processors() else ""
    sys.stderr.write(
        f"Warning: the preset '{choice.preset.name}' of {choice.name} on this processor takes "
        f"about {show_duration(seconds)}{_by_processes()}; use a GPU (--device cuda), {cores}or "
        "--preset quick for a first look\n"
    )


def estimate_seconds(
    choice: MethodChoice, method: Method, data: TrainingData, sharing: Sharing = WHOLE_BATCH
) -> float | None:
    """Estimate the length of a training from a measured extraction.

    The multiply-adds of all its steps are counted without computing them; what one takes is
    measured on the features of two images, by one process with its threads.

    Args:
        choice: The method.
        method: It, built.
        data: What it is trained on.
        sharing: How each batch is shared.

    Returns:
        Seconds; None for a method with a loop of its own or steps that cannot be counted.
    """
    if not isinstance(method, StagedMethod):
        return None
    device = torch.device("cpu")
    cost = count_cost(choice, device, num_identities=data.num_identities)
    if cost.stages is None:
        return None
    macs = _training_macs(method, cost.stages, data)
    method.networks.eval()
    extract = in_format(method, "float32")
    images = torch.rand(NUM_IMAGES, 3, *choice.config.image_size)
    extract(images, VISIBLE)  # the first call also prepares
    elapsed = _fastest(lambda: extract(images, VISIBLE))
    alone = macs * elapsed / (NUM_IMAGES * max(cost.inference.macs[VISIBLE], 1))
    return alone * (RECOMPUTED if sharing.parts > 1 else 1) / speedup(torch.get_num_threads())


def _fastest(act: Callable[[], object]) -> float:
    """Return the seconds of the fastest of some timings."""
    fastest, timed = math.inf, 0.0
    for _ in range(NUM_TIMINGS):
        started = time.perf_counter()
        act()
        elapsed = time.perf_counter() - started
        fastest, timed = min(fastest, elapsed), timed + elapsed
        if timed > TIMED_SECONDS:
            break
    return fastest


def speedup(threads: int) -> float:
    """Return how much faster the processes that have joined are than one of them.

    Those of one machine share its cores: more threads than cores make nothing faster.

    Args:
        threads: Of each process.

    Examples:
        >>> speedup(threads=2)
        1.0
    """
    here = num_processes_here()
    return num_processes() / here * min(here, max(1.0, num_processors() / threads))


def _by_processes() -> str:
    return f" by {num_processes()} processes" if num_processes() > 1 else ""


def show_duration(seconds: float) -> str:
    """Return a duration in its largest unit that it holds two of, such as "3 hours".

    Examples:
        >>> show_duration(1500), show_duration(4 * 3600), show_duration(9 * 86400)
        ('25 minutes', '4 hours', '9 days')
    """
    for unit, length in (("days", 86400), ("hours", 3600)):
        if seconds >= 2 * length:
            return f"{round(seconds / length)} {unit}"
    return f"{round(seconds / 60)} minutes"


def _training_macs(
    method: StagedMethod[Any], costs: tuple[StageCost, ...], data: TrainingData
) -> float:
    total = 0.0
    for stage, cost in zip(method.stages(), costs, strict=True):
        num_steps = StageImages(data, stage).steps_per_epoch * stage.epochs
        total += cost.step_macs * num_steps
    return total
