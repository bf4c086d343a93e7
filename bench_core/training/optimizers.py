"""The optimisers of a training, from stage to stage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

import torch

from bench_core.training.recipes import build_optimizer
from bench_core.training.stages import Stage

Optimizers: TypeAlias = dict[str, torch.optim.Optimizer]


class EnteredStage(NamedTuple):
    """A stage whose turn it is.

    Attributes:
        place: Its number, from 0.
        stage: What it is.
        optimizers: Its own by name, and those of earlier stages that a later one goes on with.
    """

    place: int
    stage: Stage
    optimizers: Optimizers


def enter_stages(stages: Sequence[Stage]) -> Iterator[EnteredStage]:
    """Enter the stages one after another.

    An optimiser takes over the state of the earlier one of its name where its plan says so. Ask
    for a stage after the one before it has run.
    """
    optimizers: Optimizers = {}
    for index, stage in enumerate(stages):
        present = {
            name: build_optimizer(plan.config, plan.groups)
            for name, plan in stage.optimizers.items()
        }
        for name in _continued(stage) & optimizers.keys():
            _take_over(optimizers[name], present[name])
        later = {name for each in stages[index + 1 :] for name in _continued(each)}
        waiting = (later & optimizers.keys()) - present.keys()
        optimizers = {name: optimizers[name] for name in sorted(waiting)} | present
        yield EnteredStage(index, stage, optimizers)


def _continued(stage: Stage) -> set[str]:
    return {name for name, plan in stage.optimizers.items() if plan.continued}


def _take_over(earlier: torch.optim.Optimizer, present: torch.optim.Optimizer) -> None:
    for group in present.param_groups:
        for parameter in group["params"]:
            if parameter in earlier.state:
                present.state[parameter] = earlier.state[parameter]
