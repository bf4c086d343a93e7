from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from bench_core.configuration import MethodChoice
from bench_core.pipeline.methods import build_method
from bench_core.profiling.training_speed import measure_training
from bench_core.training.method import StagedMethod

CPU = torch.device("cpu")
SIZE = (64, 32)
SMALL = ("image_height=64", "image_width=32", "sampling.identities=2", "sampling.images=2")


@pytest.fixture
def method(choose: Callable[..., MethodChoice]) -> StagedMethod:
    built = build_method(choose("ts-gan", "quick", *SMALL), 4)
    assert isinstance(built, StagedMethod)
    return built


def test_every_stage_is_measured(method: StagedMethod) -> None:
    names = [stage.name for stage in method.stages()]
    measured = measure_training(method, SIZE, CPU, "float32", 0.01)
    assert [stage.name for stage in measured] == names
    joint = measured[-1]
    assert joint.num_images == 8
    assert len(joint.timing.seconds) >= 3


def test_memory_holds_more_than_networks_gradients_and_optimisers(method: StagedMethod) -> None:
    weights = sum(parameter.nbytes for parameter in method.networks.parameters())
    joint = measure_training(method, SIZE, CPU, "float32", 0.01)[-1]
    assert joint.peak_memory_bytes > 3 * weights  # Adam keeps two numbers a weight


def test_networks_share_the_time_of_a_step(method: StagedMethod) -> None:
    teacher, *_, joint = measure_training(method, SIZE, CPU, "float32", 0.01)
    assert set(joint.shares) == set(method.networks)
    assert all(joint.shares[name] > 0 for name in ("student", "teacher"))
    assert teacher.shares["student"] == 0
    document = joint.as_document()
    rest = document["share_of_losses_backward_and_updates"]
    assert 0 < rest < 1
    assert sum(document["shares"].values()) + rest == pytest.approx(1, abs=1e-3)
    assert document["dtype"] == "float32"


def test_steps_run_under_autocast_where_that_is_asked_for(
    method: StagedMethod, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = set()
    stages = method.stages()
    step = stages[0].step

    def watched(batch: object, updates: object) -> object:
        seen.add(torch.is_autocast_enabled("cpu"))
        return step(batch, updates)  # type: ignore[arg-type]

    object.__setattr__(stages[0], "step", watched)
    monkeypatch.setattr(method, "stages", lambda: stages[:1])
    measure_training(method, SIZE, CPU, "bfloat16", 0.01)
    assert seen == {True}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_stages_are_measured_on_cuda(method: StagedMethod) -> None:
    device = torch.device("cuda")
    method.networks.to(device)
    measured = measure_training(method, SIZE, device, "bfloat16", 1.0)
    assert all(stage.peak_memory_bytes > 0 for stage in measured)
