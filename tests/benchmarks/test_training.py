"""A joint training step of every method beside a plain one of its backbone alone.

The plain step classifies as many images by the same backbone and takes one step of Adam. The ratio
says what a method's other networks and losses cost.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional

from bench_core.configuration import choose_method
from bench_core.methods import build_backbone
from bench_core.pipeline.methods import build_method
from bench_core.plugins import Registry
from bench_core.profiling.training_steps import training_steps
from bench_core.training.method import StagedMethod

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
NUM_IDENTITIES = 16


def plain_step(num_images: int, image_size: tuple[int, int]) -> Callable[[], None]:
    backbone = build_backbone("small")
    model = nn.Sequential(backbone, nn.Linear(backbone.num_features, NUM_IDENTITIES))
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.Adam(model.parameters())
    images = torch.rand(num_images, 3, *image_size).to(memory_format=torch.channels_last)
    labels = torch.arange(num_images) % NUM_IDENTITIES

    def step() -> None:
        optimizer.zero_grad()
        functional.cross_entropy(model(images), labels).backward()
        optimizer.step()

    return step


@pytest.mark.parametrize("name", ["aligngan", "jsia", "ts-gan", "xiv"])
def test_a_joint_step_is_no_slower_than_it_was(
    compare: Callable[..., None], registry: Registry, name: str
) -> None:
    choice = choose_method(*registry.method(name), "quick")
    size = choice.config.image_size
    method = build_method(choice, NUM_IDENTITIES)
    assert isinstance(method, StagedMethod)
    method.networks.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    *_, joint = training_steps(method, method.stages(), size, CPU)
    compare(joint, plain_step(joint.num_images, size))
