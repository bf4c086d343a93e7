"""The loop of a training, with all that decides its bits around it: weights, threads, formats."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from bench_core.contracts.errors import UsageError
from bench_core.pipeline.methods import load_pretrained
from bench_core.system.devices import arithmetic, deterministic, fixed_threads
from bench_core.system.process_group import num_processes
from bench_core.training.data import TrainingData
from bench_core.training.method import Method, StagedMethod
from bench_core.training.run import TrainingRun

if TYPE_CHECKING:
    from bench_core.pipeline.trainings import TrainingSettings


def run_loop(
    method: Method, data: TrainingData, run: TrainingRun, settings: TrainingSettings
) -> str:
    """Start a method from its weights, and train it.

    Args:
        method: The method, built.
        data: What it is trained on.
        run: Where and how its loop runs.
        settings: How to train.

    Returns:
        The digest of the networks before the training.

    Raises:
        UsageError: A batch was to be shared by a method with a loop of its own.
    """
    what = run.description
    if settings.sharing.num_shares > 1 and not isinstance(method, StagedMethod):
        option = "--processes" if num_processes() > 1 else "--accumulate"
        raise UsageError(
            f"{option}: {what.method} has a training loop of its own, whose batches cannot "
            "be shared; train it in one process at once, or give the method stages"
        )
    with fixed_threads(settings.threads), deterministic(settings.device):
        before = load_pretrained(method, settings.weights.of_split(what.split), what)
        with _loop_arithmetic(method, settings):
            method.train(data, run)
    return before


def _loop_arithmetic(method: Method, settings: TrainingSettings) -> AbstractContextManager[None]:
    """Compute in the format of the training.

    The loop of stages does so step by step itself. What such a method does between, as features
    that it learns a metric of, is computed as at test time.
    """
    staged = isinstance(method, StagedMethod)
    return arithmetic(settings.device, "float32" if staged else settings.precision)
