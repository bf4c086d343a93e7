"""Steps of a stage: what they draw, when it is checked, and optimisers from stage to stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from bench_core.methods import (
    AugmentationConfig,
    Batch,
    OptimizerConfig,
    OptimizerPlan,
    ParameterGroup,
    SamplingConfig,
    Stage,
    TrainingData,
    Updates,
)
from bench_core.training.recipes import build_optimizer
from bench_core.training.seeding import STEPS, seed_global_generators
from bench_core.training.stage_runner import enter_stages

Make = Callable[..., Any]

NUM_STEPS = 2 + 1 + 2


class Interrupt(Exception):
    pass


class Slope:
    """Two parameters whose gradient is always 1, under SGD with a rate of 1 and momentum 0.9.

    Three stages: `first` learns in the outer two, `second` in the middle one.
    """

    def __init__(self, *, continued: bool) -> None:
        self.networks = nn.ModuleDict({name: nn.Linear(1, 1, bias=False) for name in NAMES})
        for value in self.networks.parameters():
            nn.init.zeros_(value)
        self._continued = continued
        self.num_steps = 0
        self.stop: int | None = None

    def stages(self) -> Sequence[Stage]:
        plan = [("first", 2, False), ("second", 1, False), ("first", 2, self._continued)]
        return [
            Stage(
                name=f"{place}",
                epochs=1,
                step=lambda _batch, updates, name=name: self.step(name, updates),
                optimizers={
                    name: OptimizerPlan.of(
                        OptimizerConfig(kind="sgd", learning_rate=1.0, weight_decay=0.0),
                        self.networks[name],
                        continued=continued,
                    )
                },
                sampling=SamplingConfig(identities=2, images=1, steps_per_epoch=num_steps),
                augmentation=AugmentationConfig(),
            )
            for place, (name, num_steps, continued) in enumerate(plan)
        ]

    def step(self, name: str, updates: Updates) -> Mapping[str, torch.Tensor]:
        if self.num_steps == self.stop:
            raise Interrupt
        self.num_steps += 1
        loss = self.networks[name].weight.sum()
        return updates.minimize({"loss": loss}, name)

    def values(self) -> dict[str, float]:
        return {name: self.networks[name].weight.item() for name in NAMES}


NAMES = ("first", "second")


@pytest.mark.parametrize(
    ("continued", "first"),
    [
        # Velocities 1, 1.9, and then 2.71, 3.439; or once more 1, 1.9.
        (True, -(1 + 1.9 + 2.71 + 3.439)),
        (False, -(1 + 1.9 + 1 + 1.9)),
    ],
)
def test_an_optimiser_goes_on_across_a_stage_without_it_where_its_plan_says_so(
    continued: bool, first: float, data: TrainingData, make_run: Make
) -> None:
    method = Slope(continued=continued)
    make_run().execute(method.networks, method.stages(), data)
    assert method.values() == pytest.approx({"first": first, "second": -1.0})


@pytest.mark.parametrize("stop", range(1, NUM_STEPS))
def test_momentum_outlives_an_interruption_in_any_stage(
    stop: int, data: TrainingData, make_run: Make
) -> None:
    whole, broken, resumed = (Slope(continued=True) for _ in range(3))
    make_run("whole").execute(whole.networks, whole.stages(), data)
    run = make_run("broken", checkpoint_seconds=0.0)
    broken.stop = stop
    with pytest.raises(Interrupt):
        run.execute(broken.networks, broken.stages(), data)
    run.execute(resumed.networks, resumed.stages(), data)
    assert resumed.num_steps == NUM_STEPS - stop
    assert resumed.values() == whole.values()


def test_adam_keeps_its_moments_and_its_count_of_steps(data: TrainingData, make_run: Make) -> None:
    """Of parameters that both stages have; one that is new starts at the first step."""
    networks = nn.ModuleDict({name: nn.Linear(1, 1, bias=False) for name in NAMES})
    seen: dict[str, float] = {}

    def stage(*names: str, continued: bool) -> Stage:
        parameters = [networks[name].weight for name in names]

        def step(_batch: Batch, updates: Updates) -> Mapping[str, torch.Tensor]:
            loss = torch.stack([value.sum() for value in parameters]).sum()
            losses = updates.minimize({"loss": loss}, "all")
            state = updates._optimizers["all"].state
            seen.update({n: state[networks[n].weight]["step"].item() for n in names})
            return losses

        return Stage(
            name="-".join(names),
            epochs=1,
            step=step,
            optimizers={
                "all": OptimizerPlan(
                    config=OptimizerConfig(),
                    groups=[ParameterGroup(parameters=parameters)],
                    continued=continued,
                )
            },
            sampling=SamplingConfig(identities=2, images=1, steps_per_epoch=3),
            augmentation=AugmentationConfig(),
        )

    stages = [stage("first", continued=False), stage("first", "second", continued=True)]
    make_run().execute(networks, stages, data)
    assert seen == {"first": 6, "second": 3}


def test_a_plan_of_networks_has_each_parameter_once_and_a_constant_rate() -> None:
    first, second = nn.Linear(1, 1), nn.Linear(1, 1)
    plan = OptimizerPlan.of(OptimizerConfig(), first, nn.Sequential(first, second))
    (group,) = plan.groups
    assert list(map(id, group.parameters)) == [
        id(value) for network in (first, second) for value in network.parameters()
    ]
    assert (group.learning_rate_scale, group.weight_decay) == (1, None)
    assert {plan.schedule.factor(epoch) for epoch in range(200)} == {1.0}
    assert not plan.continued


def test_a_group_of_networks_has_a_rate_and_a_decay_of_its_own() -> None:
    network = nn.Linear(1, 1)
    group = ParameterGroup.of(network, learning_rate_scale=10.0, weight_decay=0.1)
    plan = OptimizerPlan(config=OptimizerConfig(learning_rate=1e-3), groups=[group])
    (built,) = build_optimizer(plan.config, plan.groups).param_groups
    assert (built["lr"], built["weight_decay"]) == (1e-2, 0.1)


def test_a_stage_is_checked_with_the_first_batch_of_each_epoch(
    data: TrainingData, make_method: Make, make_run: Make
) -> None:
    method, seen = make_method(), list[str]()
    step = method.step

    def watched(batch: Batch, updates: Updates) -> Mapping[str, torch.Tensor]:
        seen.append("step")
        losses: Mapping[str, torch.Tensor] = step(batch, updates)
        return losses

    (stage, _) = method.stages()
    stage = replace(stage, step=watched, check=lambda _batch: seen.append("check"))
    make_run().execute(method.networks, [stage], data)
    assert seen == ["check", "step", "step", "step"] * 2


def test_a_step_draws_by_its_place_alone(make_method: Make) -> None:
    method, drawn = make_method(), list[float]()

    def step(_batch: Batch, _updates: Updates) -> Mapping[str, torch.Tensor]:
        drawn.append(torch.rand(()).item())
        return {}

    stages = [replace(stage, step=step) for stage in method.stages()]
    batch = Batch(torch.rand(1), torch.rand(1), torch.zeros(1, dtype=torch.int64))
    for seed in (7, 7, 8):
        for runner in enter_stages(method.networks, stages, precision="float32", seed=seed):
            for epoch in range(2):
                runner.begin_epoch(epoch)
                for number in range(2):
                    runner.step(batch, epoch, number)
    assert drawn[:8] == drawn[8:16]
    assert len(set(drawn)) == 16


def test_a_step_is_seeded_by_seed_stage_epoch_purpose_and_number(make_method: Make) -> None:
    method, drawn = make_method(), list[float]()

    def step(_batch: Batch, _updates: Updates) -> Mapping[str, torch.Tensor]:
        drawn.append(torch.rand(()).item())
        return {}

    stages = [replace(stage, step=step) for stage in method.stages()]
    batch = Batch(torch.rand(1), torch.rand(1), torch.zeros(1, dtype=torch.int64))
    for runner in enter_stages(method.networks, stages, precision="float32", seed=7):
        runner.step(batch, 1, 3)
        seed_global_generators((7, runner.index, 1, STEPS, 3))
        assert drawn[-1] == torch.rand(()).item()


def entered(*stages: Mapping[str, bool]) -> list[set[str]]:
    """Return the optimisers of each stage, made of names and whether each one goes on."""
    networks = nn.ModuleDict({name: nn.Linear(1, 1) for name in NAMES})
    made = [
        Stage(
            name="stage",
            epochs=1,
            step=lambda _batch, _updates: {},
            optimizers={
                name: OptimizerPlan.of(OptimizerConfig(), networks[name], continued=continued)
                for name, continued in stage.items()
            },
            sampling=SamplingConfig(),
            augmentation=AugmentationConfig(),
        )
        for stage in stages
    ]
    runners = enter_stages(networks, made, precision="float32", seed=0)
    return [set(runner.optimizers) for runner in runners]


def test_optimisers_wait_for_the_last_stage_that_goes_on_with_them() -> None:
    first, second = NAMES
    once, again = {first: False}, {first: True}
    assert entered(once, {second: False}, again) == [{first}, {first, second}, {first}]
    assert entered(once, again, {second: False}) == [{first}, {first}, {second}]
    assert entered({second: False}, again) == [{second}, {first}]  # there is none to go on with
