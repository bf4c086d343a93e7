"""Stages: what a trainable method tells the loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Self, TypeAlias, TypedDict

import torch
from torch import nn

from bench_core.data.augmentation import AugmentationConfig
from bench_core.training.batches import Batch
from bench_core.training.epochs import Epoch
from bench_core.training.recipes import (
    CONSTANT_RATE,
    NO_CLIPPING,
    ClippingConfig,
    ClosureUse,
    OptimizerConfig,
    OptimizerFactory,
    ParameterGroup,
    build_optimizer,
    needs_closure,
)
from bench_core.training.samplers import SamplerFactory, SamplingConfig
from bench_core.training.schedules import Schedule
from bench_core.training.updates import Losses, Updates
from bench_core.training.views import View


@dataclass(frozen=True, kw_only=True)
class OptimizerPlan:
    """An optimiser, its parameters and its schedule.

    Attributes:
        config: The optimiser and its constants.
        groups: Its parameters.
        schedule: Of its learning rate, by epoch or step of the stage.
        continued: Whether it is the optimiser of this name of an earlier stage, whose momentum and
            moments it keeps for the parameters that both have; otherwise it starts anew.
        clipping: Of the gradients, before each of its steps.
        factory: Builds another optimiser than those that `config` knows, of which it then says
            rate and weight decay alone.
        closure: How the optimiser steps by a closure; None for one that takes none, or whose
            `step` says that it needs one, as that of `torch.optim.LBFGS` does.
    """

    config: OptimizerConfig
    groups: Sequence[ParameterGroup]
    schedule: Schedule = CONSTANT_RATE
    continued: bool = False
    clipping: ClippingConfig = NO_CLIPPING
    factory: OptimizerFactory | None = None
    closure: ClosureUse | None = None

    @classmethod
    def of(
        cls,
        config: OptimizerConfig,
        *networks: nn.Module,
        schedule: Schedule = CONSTANT_RATE,
        continued: bool = False,
        clipping: ClippingConfig = NO_CLIPPING,
        factory: OptimizerFactory | None = None,
        closure: ClosureUse | None = None,
    ) -> Self:
        """Plan an optimiser that treats all parameters of some networks alike."""
        return cls(
            config=config,
            groups=[ParameterGroup.of(*networks)],
            schedule=schedule,
            continued=continued,
            clipping=clipping,
            factory=factory,
            closure=closure,
        )

    def build(self) -> torch.optim.Optimizer:
        """Build the optimiser anew.

        Raises:
            PluginError: The factory returns no optimiser of the groups.
        """
        return build_optimizer(self.config, self.groups, self.factory)


Step: TypeAlias = Callable[[Batch, Updates], Losses]
"""Learns from a batch and returns its losses for the log."""

EpochHook: TypeAlias = Callable[[Epoch], None]
"""Called before or after the steps of an epoch."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage of a training.

    Attributes:
        name: Such as "warm-up" or "joint"; appears in logs, progress and errors.
        epochs: Number of epochs.
        step: Called for each batch, under autocast where the precision asks for it. It updates
            parameters through the second argument and returns its losses by name, for the log.
        optimizers: Named optimisers of this stage.
        sampling: How batches are drawn.
        augmentation: Applied to each batch.
        frozen: Networks that stay in evaluation mode.
        check: Called with the first batch of each epoch; raises TrainingError when the training
            cannot succeed any more.
        begin: Called before the first step of each epoch, with the networks in evaluation mode and
            without gradients, such as to cluster features. What it leaves must lie in networks, in
            `memory` or in the labels that it assigns: an epoch that is resumed in its middle does
            not call it again.
        end: Called likewise after the last step of each epoch.
        memory: Tensors by name, of any shape, that steps and hooks keep from one to the next, such
            as a bank of features. Checkpoints hold them; the model does not. They are moved to the
            device of the training when the stage begins or is resumed.
        labelled: Whether the stage sees who is who. Otherwise its batches have no labels but the
            pseudo-labels that `begin` assigns, by which they are drawn.
        sampler: Draws the batches instead, P x K images of each modality as `sampling` says.
        views: Ways to augment images by the names that they have in `Batch.views`; "visible" and
            "infrared" take the place of `augmentation`.
    """

    name: str
    epochs: int
    step: Step
    optimizers: Mapping[str, OptimizerPlan]
    sampling: SamplingConfig
    augmentation: AugmentationConfig
    frozen: Sequence[nn.Module] = field(default_factory=tuple)
    check: Callable[[Batch], None] | None = None
    begin: EpochHook | None = None
    end: EpochHook | None = None
    memory: MutableMapping[str, torch.Tensor] = field(default_factory=dict)
    labelled: bool = True
    sampler: SamplerFactory | None = None
    views: Mapping[str, View] = field(default_factory=dict)


def updates_of(
    stage: Stage, optimizers: Mapping[str, torch.optim.Optimizer], networks: nn.Module
) -> Updates:
    """Return what the steps of a stage update parameters with.

    Args:
        stage: The stage.
        optimizers: Its optimisers, built.
        networks: All that its steps run.
    """
    plans = stage.optimizers
    closures = {
        name: plan.closure or ("alone" if needs_closure(optimizers[name]) else None)
        for name, plan in plans.items()
    }
    return Updates(
        {name: optimizers[name] for name in plans},
        {name: plan.clipping for name, plan in plans.items()},
        closures={name: use for name, use in closures.items() if use is not None},
        networks=networks,
    )


class StageParts(TypedDict, total=False):
    """What a stage may have besides; each is the attribute of `Stage` of its name."""

    begin: EpochHook | None
    end: EpochHook | None
    memory: MutableMapping[str, torch.Tensor]
    labelled: bool
    sampler: SamplerFactory | None
    views: Mapping[str, View]
