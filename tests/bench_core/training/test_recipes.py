"""Optimisers and schedules: what reaches torch, epoch by epoch and parameter by parameter."""

from __future__ import annotations

from bisect import bisect_right
from typing import Literal

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from torch import nn

from bench_core.training.recipes import (
    OptimizerConfig,
    ParameterGroup,
    ScheduleConfig,
    build_optimizer,
    set_learning_rate,
)


def parameter(value: float = 1.0, *, requires_grad: bool = True) -> nn.Parameter:
    return nn.Parameter(torch.tensor([value]), requires_grad=requires_grad)


def group(*values: nn.Parameter, **settings: float) -> ParameterGroup:
    return ParameterGroup(parameters=values, **settings)


WARM_UP = [0.01, 0.109, 0.208, 0.307, 0.406, 0.505, 0.604, 0.703, 0.802, 0.901, 1.0]


def test_the_schedule_of_the_strong_baseline_epoch_by_epoch() -> None:
    """Its trainer steps the schedule when an epoch starts: the first is one step warm already.

    Epoch 10 is the first at the whole rate, epoch 40 the first at a tenth, epoch 70 at a hundredth.
    """
    schedule = ScheduleConfig(warmup_epochs=10, milestones=(40, 70), told="start")
    expected = [*WARM_UP[1:], *[1.0] * 29, *[0.1] * 30, *[0.01] * 51]
    assert [schedule.factor(epoch) for epoch in range(120)] == pytest.approx(expected)


def test_a_schedule_told_when_an_epoch_ends_is_one_epoch_behind() -> None:
    schedule = ScheduleConfig(warmup_epochs=10, milestones=(40, 70))
    expected = [*WARM_UP, *[1.0] * 29, *[0.1] * 30, *[0.01] * 50]
    assert [schedule.factor(epoch) for epoch in range(120)] == pytest.approx(expected)


def test_a_warm_up_from_nothing_rises_in_equal_steps() -> None:
    """R / 10 in the first epoch, R in the tenth: TS-GAN, Sec. IV-B."""
    schedule = ScheduleConfig(warmup_epochs=10, warmup_factor=0, told="start")
    assert [schedule.factor(epoch) for epoch in range(11)] == pytest.approx(
        [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.0]
    )


def test_a_first_epoch_that_would_learn_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"would waste the first epoch.*told=start"):
        ScheduleConfig(warmup_epochs=2, warmup_factor=0)
    assert ScheduleConfig(warmup_factor=0).factor(0) == 1  # there is no warm-up


@given(
    warmup=st.integers(0, 12),
    first=st.floats(0.01, 1),
    milestones=st.lists(st.integers(1, 50), unique=True, max_size=4).map(sorted),
    decay=st.floats(0.05, 1),
    epoch=st.integers(0, 60),
    told=st.sampled_from(["start", "end"]),
)
def test_a_factor_is_warmup_times_steps(
    warmup: int,
    first: float,
    milestones: list[int],
    decay: float,
    epoch: int,
    told: Literal["start", "end"],
) -> None:
    schedule = ScheduleConfig(
        warmup_epochs=warmup,
        warmup_factor=first,
        milestones=tuple(milestones),
        decay=decay,
        told=told,
    )
    count = epoch if told == "end" else epoch + 1
    share = min(1.0, count / warmup) if warmup else 1.0
    expected = (first + (1 - first) * share) * decay ** bisect_right(milestones, count)
    assert schedule.factor(epoch) == pytest.approx(expected)


def test_by_default_the_rate_stays_as_it_is() -> None:
    assert {ScheduleConfig().factor(epoch) for epoch in (0, 1, 1000)} == {1.0}


@pytest.mark.parametrize("milestones", [(70, 40), (40, 40)])
def test_milestones_must_rise(milestones: tuple[int, ...]) -> None:
    with pytest.raises(ValidationError, match="milestones must rise"):
        ScheduleConfig(milestones=milestones)


def test_adam_is_built_with_its_constants() -> None:
    config = OptimizerConfig(learning_rate=3.5e-4, weight_decay=5e-4, betas=(0.5, 0.9))
    optimizer = build_optimizer(config, [group(parameter())])
    assert type(optimizer) is torch.optim.Adam
    (settings,) = optimizer.param_groups
    assert (settings["lr"], settings["base_lr"]) == (3.5e-4, 3.5e-4)
    assert (settings["weight_decay"], settings["betas"]) == (5e-4, (0.5, 0.9))


def test_adams_weight_decay_is_added_to_the_gradient() -> None:
    """A decoupled one would move a parameter of 2 by 0.1 x 0.5 x 2; in the gradient, by the rate.

    Adam's first step is the rate long, whatever the length of the gradient.
    """
    value = parameter(2.0)
    config = OptimizerConfig(learning_rate=0.1, weight_decay=0.5)
    optimizer = build_optimizer(config, [group(value)])
    value.grad = torch.zeros(1)
    optimizer.step()
    assert value.item() == pytest.approx(1.9)


@pytest.mark.parametrize(
    ("nesterov", "second"), [(False, 0.1 * 1.9), (True, 0.1 * (1 + 0.9 * 1.9))]
)
def test_sgd_is_built_with_its_constants(nesterov: bool, second: float) -> None:
    value = parameter()
    config = OptimizerConfig(
        kind="sgd", learning_rate=0.1, weight_decay=0, momentum=0.9, nesterov=nesterov
    )
    optimizer = build_optimizer(config, [group(value)])
    for _ in range(2):
        before = value.item()
        value.grad = torch.ones(1)
        optimizer.step()
    assert before - value.item() == pytest.approx(second)


def test_a_group_may_have_its_own_rate_and_decay() -> None:
    config = OptimizerConfig(learning_rate=0.2, weight_decay=0.5)
    optimizer = build_optimizer(
        config,
        [
            group(parameter()),
            group(parameter(), learning_rate_scale=0.1),
            group(parameter(), weight_decay=0.0),
        ],
    )
    settings = [(part["lr"], part["weight_decay"]) for part in optimizer.param_groups]
    assert settings == [(0.2, 0.5), (pytest.approx(0.02), 0.5), (0.2, 0.0)]


def test_what_requires_no_gradient_is_left_out() -> None:
    free, frozen = parameter(), parameter(requires_grad=False)
    (settings,) = build_optimizer(OptimizerConfig(), [group(frozen, free)]).param_groups
    assert [id(value) for value in settings["params"]] == [id(free)]


def test_a_rate_is_set_from_its_base_and_not_from_the_last() -> None:
    config = OptimizerConfig(learning_rate=0.2)
    optimizer = build_optimizer(
        config, [group(parameter()), group(parameter(), learning_rate_scale=0.5)]
    )
    for factor in (0.1, 0.1, 0.5):
        set_learning_rate(optimizer, factor)
    assert [part["lr"] for part in optimizer.param_groups] == pytest.approx([0.1, 0.05])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "lion"}, "'adam', 'adamw' or 'sgd'"),
        ({"learning_rate": 0}, "greater than 0"),
        ({"weight_decay": -1e-4}, "greater than or equal to 0"),
        ({"momentum": 1}, "less than 1"),
        ({"momentum": -0.1}, "greater than or equal to 0"),
        ({"betas": [0.9]}, "betas"),
        ({"betas": [0.9, 1]}, "less than 1"),
        ({"betas": [-0.1, 0.9]}, "greater than or equal to 0"),
        ({"kind": "sgd", "momentum": 0, "nesterov": True}, "nesterov needs a momentum"),
        ({"lr": 0.1}, "Extra inputs"),
    ],
)
def test_an_optimizer_that_cannot_be_built_is_refused(
    values: dict[str, object], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        OptimizerConfig.model_validate(values)


def test_the_constants_are_those_that_most_papers_of_the_field_share() -> None:
    assert OptimizerConfig() == OptimizerConfig(
        kind="adam",
        learning_rate=3.5e-4,
        weight_decay=5e-4,
        betas=(0.9, 0.999),
        momentum=0.9,
        nesterov=False,
    )
    assert ScheduleConfig() == ScheduleConfig(
        warmup_epochs=0, warmup_factor=0.01, milestones=(), decay=0.1, told="end"
    )


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (OptimizerConfig, {"weight_decay": 0, "momentum": 0, "betas": [0, 0]}),
        (ScheduleConfig, {"warmup_factor": 0, "decay": 1}),
        (ScheduleConfig, {"warmup_factor": 1}),
    ],
)
def test_what_has_no_effect_is_allowed(kind: type[BaseModel], values: dict[str, object]) -> None:
    kind.model_validate(values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"warmup_epochs": -1}, "greater than or equal to 0"),
        ({"warmup_factor": -0.1}, "greater than or equal to 0"),
        ({"warmup_factor": 1.1}, "less than or equal to 1"),
        ({"decay": 0}, "greater than 0"),
        ({"decay": 1.1}, "less than or equal to 1"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ScheduleConfig.model_validate(values)


def test_a_milestone_within_the_warm_up_lowers_it() -> None:
    schedule = ScheduleConfig(warmup_epochs=4, warmup_factor=0.2, milestones=(2,), decay=0.5)
    assert [schedule.factor(epoch) for epoch in range(5)] == pytest.approx(
        [0.2, 0.4, 0.3, 0.4, 0.5]
    )


def test_a_group_of_networks_has_all_their_parameters_at_the_usual_rate() -> None:
    first, second = nn.Linear(2, 3), nn.Linear(3, 1)
    made = ParameterGroup.of(first, second)
    expected = [*first.parameters(), *second.parameters()]
    for _ in range(2):
        assert [id(value) for value in made.parameters] == [id(value) for value in expected]
    assert (made.learning_rate_scale, made.weight_decay) == (1.0, None)
