"""What a stage says where a method says nothing, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from torch import nn

from bench_core.methods import OptimizerConfig, OptimizerPlan, SamplingConfig, ScheduleConfig


def test_batches_are_of_eight_people_and_four_images_of_each() -> None:
    expected = {"identities": 8, "images": 4, "steps_per_epoch": None}
    assert SamplingConfig().model_dump() == expected


def test_two_people_and_one_image_of_each_are_a_batch() -> None:
    least = {"identities": 2, "images": 1, "steps_per_epoch": 1}
    assert SamplingConfig.model_validate(least).model_dump() == least
    for name, value in least.items():
        with pytest.raises(ValidationError, match=f"{name}\n.*greater than or equal to {value}"):
            SamplingConfig.model_validate({**least, name: value - 1})


@pytest.mark.parametrize(
    "given", [{}, {"schedule": ScheduleConfig(milestones=(3,))}, {"continued": True}]
)
def test_a_plan_of_networks_is_one_of_all_their_parameters(given: dict[str, Any]) -> None:
    networks = nn.Linear(2, 3), nn.Linear(3, 2)
    config = OptimizerConfig(learning_rate=0.5)
    plan = OptimizerPlan.of(config, *networks, **given)
    (group,) = plan.groups
    assert list(map(id, group.parameters)) == [
        id(each) for network in networks for each in network.parameters()
    ]
    expected = {"config": config, "schedule": ScheduleConfig(), "continued": False, **given}
    for made in (plan, OptimizerPlan(config=config, groups=plan.groups, **given)):
        assert {name: getattr(made, name) for name in expected} == expected
