"""The cost and the speed of a training step, and which networks its time goes to."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from bench_core.configuration import MethodChoice
from bench_core.methods import (
    AugmentationConfig,
    Batch,
    Epoch,
    Losses,
    MethodConfig,
    OptimizerConfig,
    OptimizerPlan,
    ParameterGroup,
    SamplingConfig,
    Stage,
    StagedMethod,
    Updates,
)
from bench_core.pipeline.methods import build_method
from bench_core.profiling.counting import simulated
from bench_core.profiling.training_steps import (
    HookError,
    StageCost,
    forward_shares,
    measure_training,
    stage_costs,
)

Choose = Callable[..., MethodChoice]

CPU = torch.device("cpu")
SIZE = (4, 2)
INPUTS, OUTPUTS = 3 * 4 * 2, 5
SMALL_SIZE = (64, 32)


class Linear(StagedMethod):
    """A layer that learns from visible images, and one that only looks on, in two stages."""

    metric = "cosine"

    def __init__(self, config: MethodConfig, *, num_identities: int) -> None:
        super().__init__(config, num_identities=num_identities)
        self.networks = nn.ModuleDict(
            {"learner": nn.Linear(INPUTS, OUTPUTS), "fixed": nn.Linear(INPUTS, OUTPUTS)}
        )
        self.labels: list[list[int]] = []
        self.modes: list[bool] = []
        self.num_checks = 0

    def stages(self) -> list[Stage]:
        plan = OptimizerPlan(
            config=OptimizerConfig(),
            groups=[ParameterGroup(parameters=list(self.networks["learner"].parameters()))],
        )
        sizes = {"small": SamplingConfig(identities=2, images=1), "large": SamplingConfig()}
        return [
            Stage(
                name=name,
                epochs=1,
                step=self.step,
                optimizers={"learner": plan},
                sampling=sampling,
                augmentation=AugmentationConfig(),
                frozen=[self.networks["fixed"]],
                check=self.check,
            )
            for name, sampling in sizes.items()
        ]

    def check(self, _batch: Batch) -> None:
        self.num_checks += 1

    def step(self, batch: Batch, updates: Updates) -> Mapping[str, torch.Tensor]:
        self.labels.append(batch.labels.tolist())
        self.modes.append(self.networks["fixed"].training)
        images = batch.visible.flatten(1)
        loss = (self.networks["learner"](images) - self.networks["fixed"](images)).sum()
        return updates.minimize({"loss": loss}, "learner")

    def extract(self, images: torch.Tensor, modality: object) -> torch.Tensor:
        return self.networks["learner"](images.flatten(1))[:, None]


@pytest.fixture
def method() -> Linear:
    return Linear(MethodConfig(), num_identities=3)


def test_forward_and_backward_of_each_stage_are_counted(method: Linear) -> None:
    layer = INPUTS * OUTPUTS
    # For each visible image both layers forward, and the learner's gradient of its weight.
    assert stage_costs(method, SIZE, CPU) == (
        StageCost(name="small", num_images=4, step_macs=2 * 3 * layer),
        StageCost(name="large", num_images=64, step_macs=32 * 3 * layer),
    )


def test_the_cost_of_an_image_is_that_of_the_batch_shared_out() -> None:
    assert StageCost(name="joint", num_images=4, step_macs=42).macs == 10


def test_a_batch_is_that_of_the_stage_and_its_labels_exist(method: Linear) -> None:
    stage_costs(method, SIZE, CPU)
    small, large = method.labels
    assert small == [0, 1]
    assert len(large) == 32
    assert set(large) == {0, 1, 2}


def test_frozen_networks_are_in_evaluation_mode(method: Linear) -> None:
    stage_costs(method, SIZE, CPU)
    assert method.modes == [False, False]


def test_noise_is_not_checked_as_a_training_is(method: Linear) -> None:
    stage_costs(method, SIZE, CPU)
    assert method.num_checks == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["xiv", "ts-gan"])
def test_steps_without_data_cost_what_real_ones_do(choose: Choose, name: str) -> None:
    small = ("image_height=64", "image_width=32", "sampling.identities=3", "sampling.images=2")
    choice = choose(name, "quick", *small)
    size = choice.config.image_size
    real = stage_costs(build_method(choice, 5), size, CPU)  # type: ignore[arg-type]
    with simulated():
        assert stage_costs(build_method(choice, 5), size, CPU) == real  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_step_of_xiv_is_forward_and_backward_on_three_modalities(choose: Choose) -> None:
    choice = choose("xiv", "paper")
    with simulated():
        method = build_method(choice, 395)
        (stage,) = stage_costs(method, choice.config.image_size, CPU)  # type: ignore[arg-type]
    assert (stage.name, stage.num_images) == ("joint", 96)
    # V, X and I pass f for two images of a batch; the backward pass costs about twice as much.
    assert stage.macs / (1.5 * 4_053_270_528) == pytest.approx(3, rel=2e-3)


SMALL = ("image_height=64", "image_width=32", "sampling.identities=2", "sampling.images=2")


@pytest.fixture
def ts_gan(choose: Callable[..., MethodChoice]) -> StagedMethod:
    built = build_method(choose("ts-gan", "quick", *SMALL), 4)
    assert isinstance(built, StagedMethod)
    return built


@pytest.mark.slow
def test_every_stage_is_measured(ts_gan: StagedMethod) -> None:
    names = [stage.name for stage in ts_gan.stages()]
    measured = measure_training(ts_gan, SMALL_SIZE, CPU, "float32", 0.01)
    assert [stage.name for stage in measured] == names
    joint = measured[-1]
    assert joint.num_images == 8
    assert len(joint.timing.seconds) >= 3


@pytest.mark.slow
def test_memory_holds_more_than_networks_gradients_and_optimisers(ts_gan: StagedMethod) -> None:
    weights = sum(parameter.nbytes for parameter in ts_gan.networks.parameters())
    joint = measure_training(ts_gan, SMALL_SIZE, CPU, "float32", 0.01)[-1]
    assert joint.peak_memory_bytes > 3 * weights  # Adam keeps two numbers a weight


@pytest.mark.slow
def test_networks_share_the_time_of_a_step(ts_gan: StagedMethod) -> None:
    teacher, *_, joint = measure_training(ts_gan, SMALL_SIZE, CPU, "float32", 0.01)
    assert set(joint.shares) == set(ts_gan.networks)
    assert all(joint.shares[name] > 0 for name in ("student", "teacher"))
    assert teacher.shares["student"] == 0
    document = joint.as_document()
    rest = document["share_of_losses_backward_and_updates"]
    assert 0 < rest < 1
    assert sum(document["shares"].values()) + rest == pytest.approx(1, abs=1e-3)
    assert document["dtype"] == "float32"


def test_steps_run_under_autocast_where_that_is_asked_for(
    ts_gan: StagedMethod, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = set()
    stages = ts_gan.stages()
    step = stages[0].step

    def watched(batch: object, updates: object) -> object:
        seen.add(torch.is_autocast_enabled("cpu"))
        return step(batch, updates)  # type: ignore[arg-type]

    object.__setattr__(stages[0], "step", watched)
    monkeypatch.setattr(ts_gan, "stages", lambda: stages[:1])
    measure_training(ts_gan, SMALL_SIZE, CPU, "bfloat16", 0.01)
    assert seen == {True}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_stages_are_measured_on_cuda(ts_gan: StagedMethod) -> None:
    device = torch.device("cuda")
    ts_gan.networks.to(device)
    measured = measure_training(ts_gan, SMALL_SIZE, device, "bfloat16", 1.0)
    assert all(stage.peak_memory_bytes > 0 for stage in measured)


class Slow(nn.Module):
    def __init__(self, seconds: float, *inner: nn.Module) -> None:
        super().__init__()
        self.seconds = seconds
        self.inner = nn.ModuleList(inner)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        time.sleep(self.seconds)
        for module in self.inner:
            values = module(values)
        return values


VALUES = torch.zeros(1)


def test_shares_are_those_of_the_time() -> None:
    networks = nn.ModuleDict({"short": Slow(0.02), "long": Slow(0.06), "idle": Slow(1.0)})

    def call() -> None:
        networks["short"](VALUES)
        networks["long"](VALUES)
        time.sleep(0.02)

    shares = forward_shares(call, networks, CPU)
    assert shares["short"] == pytest.approx(0.2, abs=0.1)
    assert shares["long"] == pytest.approx(0.6, abs=0.2)
    assert shares["idle"] == 0
    assert sum(shares.values()) < 1


def test_a_part_that_is_called_alone_counts_for_its_network() -> None:
    part = Slow(0.03)
    networks = nn.ModuleDict({"whole": Slow(1.0, part)})
    assert forward_shares(lambda: part(VALUES), networks, CPU)["whole"] > 0.8


def test_a_network_within_another_counts_once() -> None:
    inner = Slow(0.03)
    networks = nn.ModuleDict({"outer": Slow(0.0, inner), "inner": inner})
    shares = forward_shares(lambda: networks["outer"](VALUES), networks, CPU)
    assert shares["outer"] > 0.8
    assert shares["inner"] == 0


def test_hooks_are_removed_also_after_an_error() -> None:
    networks = nn.ModuleDict({"layer": nn.Linear(2, 2)})
    with pytest.raises(RuntimeError):
        forward_shares(lambda: networks["layer"](torch.rand(3, 5)), networks, CPU)
    assert not networks["layer"]._forward_hooks
    assert not networks["layer"]._forward_pre_hooks


class Banked(Linear):
    """Learns from what its hook has seen: a feature and a pseudo-label of each image."""

    fails = False

    def __init__(self) -> None:
        super().__init__(MethodConfig(), num_identities=3)
        self.memory: dict[str, torch.Tensor] = {}

    def stages(self) -> list[Stage]:
        (stage, *_) = super().stages()
        return [
            replace(stage, step=self.compare, begin=self.look, labelled=False, memory=self.memory)
        ]

    def look(self, epoch: Epoch) -> None:
        if self.fails:
            raise ValueError("no cluster was found")
        features = [self.extract(some.images, some.modality)[:, 0] for some in epoch.images()]
        self.memory["bank"] = torch.cat(features)
        epoch.assign({modality: np.arange(number) - 1 for modality, number in epoch.counts.items()})

    def compare(self, batch: Batch, updates: Updates) -> Losses:
        features = self.extract(batch.visible, "visible")[:, 0]
        assert len(batch.labels) == 0
        number = len(features)
        assert batch.labels_of["visible"].tolist() == [0, *range(number - 1)]
        assert len(self.memory["bank"]) == 2 * number
        logits = features @ self.memory["bank"][batch.rows["visible"]].T
        loss = nn.functional.cross_entropy(logits, batch.labels_of["visible"])
        return updates.minimize({"bank": loss}, *self.stages()[0].optimizers)


def test_a_stage_with_a_hook_looks_at_noise_before_its_step() -> None:
    (cost,) = stage_costs(Banked(), SIZE, CPU)
    images, number = cost.num_images // 2, OUTPUTS * INPUTS
    # The features and their gradients, and twice the products with as many of the bank.
    assert cost.step_macs == 2 * images * number + 2 * images**2 * OUTPUTS


def test_a_hook_that_fails_on_noise_is_named() -> None:
    method = Banked()
    method.fails = True
    says = "hook before an epoch of its stage '.*' fails on .* no cluster was found"
    with pytest.raises(HookError, match=says):
        stage_costs(method, SIZE, CPU)
