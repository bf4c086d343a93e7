"""Curves: where they start, what they follow, where they end."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
from pydantic import ValidationError
from torch import nn

from bench_core.methods import (
    Batch,
    CurveConfig,
    Moment,
    OptimizerConfig,
    OptimizerPlan,
    ScheduleConfig,
    Stage,
    TrainingData,
    Updates,
)


def rates(curve: Any, *, epochs: int, steps: int) -> list[float]:
    return [
        curve.rate(Moment(epoch=epoch, step=step, steps=steps, epochs=epochs))
        for epoch in range(epochs)
        for step in range(steps)
    ]


def test_a_cosine_goes_down_by_the_step_to_its_last_share() -> None:
    found = rates(CurveConfig(last_factor=0.2), epochs=5, steps=4)
    expected = [0.2 + 0.8 * (1 + math.cos(math.pi * n / 20)) / 2 for n in range(20)]
    assert found == pytest.approx(expected)


def test_by_epoch_all_steps_of_an_epoch_have_one_rate() -> None:
    """PMT's: three epochs of warm-up from a hundredth, then a cosine to a hundredth."""
    curve = CurveConfig(warmup_epochs=3, last_factor=0.01, by="epoch")
    found = rates(curve, epochs=24, steps=2)
    assert found[::2] == found[1::2]
    cosine = [0.01 + 0.99 * (1 + math.cos(math.pi * n / 21)) / 2 for n in range(21)]
    assert found[::2] == pytest.approx([0.01, 0.34, 0.67, *cosine])


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_a_polynomial_follows_a_warm_up_by_step(power: float) -> None:
    """DNS's is the line: from 1e-4 at epoch 0 over 1 at 16 to 0 at 100."""
    curve = CurveConfig(shape="polynomial", power=power, warmup_epochs=16, warmup_factor=1e-4)
    found = rates(curve, epochs=100, steps=3)
    risen = [1e-4 + (1 - 1e-4) * n / 48 for n in range(48)]
    fallen = [((300 - n) / 252) ** power for n in range(48, 300)]
    assert found == pytest.approx([*risen, *fallen])


def test_a_warm_up_as_long_as_the_stage_ends_at_the_last_share() -> None:
    curve = CurveConfig(warmup_epochs=2, last_factor=0.5)
    assert curve.rate(Moment(epoch=2, step=0, steps=1, epochs=2)) == 0.5
    assert rates(curve, epochs=2, steps=1) == pytest.approx([0.01, 0.505])


@pytest.mark.parametrize(
    "values",
    [{"power": 0}, {"warmup_epochs": -1}, {"warmup_factor": 0}, {"last_factor": 1.1}, {"by": "x"}],
)
def test_a_curve_that_cannot_be_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CurveConfig.model_validate(values)


def test_a_schedule_of_epochs_has_one_rate_for_all_their_steps() -> None:
    schedule = ScheduleConfig(milestones=(1,))
    assert rates(schedule, epochs=2, steps=2) == pytest.approx([1, 1, 0.1, 0.1])


def test_a_training_steps_at_the_rates_of_its_curve_and_resumes_to_them(
    data: TrainingData, make_method: Any, make_run: Any
) -> None:
    """A parameter whose gradient is 1 goes down by the sum of its rates."""
    method = make_method()
    method.networks = nn.ModuleDict({"line": nn.Linear(1, 1, bias=False)})
    nn.init.zeros_(method.networks["line"].weight)
    curve = CurveConfig(warmup_epochs=1, warmup_factor=0.1)
    seen: list[float] = []
    (stage, _) = type(method).stages(method)
    plain = OptimizerConfig(kind="sgd", learning_rate=1.0, momentum=0, weight_decay=0)

    def step(batch: Batch, updates: Updates) -> Any:
        if len(seen) == 4 and not method.num_steps:
            method.num_steps = 1
            raise InterruptedError
        seen.append(method.networks["line"].weight.item())
        return updates.minimize({"slope": method.networks["line"].weight.sum()}, "all")

    plan = OptimizerPlan.of(plain, method.networks, schedule=curve)
    made = Stage(
        name="curve", epochs=2, step=step, optimizers={"all": plan}, sampling=stage.sampling,
        augmentation=stage.augmentation,
    )  # fmt: skip
    method.stages = lambda: [made]
    with pytest.raises(InterruptedError):
        method.train(data, make_run(checkpoint_seconds=0.0))
    method.train(data, make_run(checkpoint_seconds=0.0))
    seen.append(method.networks["line"].weight.item())
    steps = [before - after for before, after in pairwise(seen)]
    assert steps == pytest.approx(rates(curve, epochs=2, steps=3), abs=1e-6)
