"""The first steps of a training: they are its own, and they say what the whole takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from bench_core import TrainingError
from bench_core.methods import (
    AugmentationConfig,
    Batch,
    CurveConfig,
    Epoch,
    LoopPlan,
    OptimizerConfig,
    OptimizerPlan,
    SamplingConfig,
    Stage,
    TrainingData,
    TrainingRun,
    Updates,
)
from bench_core.profiling.limited_training import LimitedRun, SeenStage
from bench_core.testing import random_data, training_run

SAMPLING = SamplingConfig(identities=3, images=2, steps_per_epoch=4)


class Staged:
    """A stage with everything that decides the losses of a step: draws, rates, hooks, memory."""

    def __init__(self, epochs: int = 3) -> None:
        torch.manual_seed(5)
        self.layer = nn.Conv2d(3, 2, 16)
        self.networks = nn.ModuleDict({"layer": self.layer})
        self.losses: list[float] = []
        self.looked: list[str] = []
        self.stage = Stage(
            name="joint",
            epochs=epochs,
            step=self.step,
            optimizers={
                "all": OptimizerPlan.of(
                    OptimizerConfig(learning_rate=0.1), self.layer, schedule=CurveConfig()
                )
            },
            sampling=SAMPLING,
            augmentation=AugmentationConfig(),
            begin=lambda epoch: self.look("begin", epoch),
            end=lambda epoch: self.look("end", epoch),
            memory={"seen": torch.zeros(1)},
        )

    def look(self, when: str, epoch: Epoch) -> None:
        self.looked.append(when)
        self.stage.memory["seen"] = torch.rand(1)

    def step(self, batch: Batch, updates: Updates) -> Mapping[str, torch.Tensor]:
        seen = self.stage.memory["seen"]
        loss = (self.layer(batch.visible) * torch.rand(1) - seen).square().mean()
        updates.minimize({"loss": loss}, "all")
        self.losses.append(loss.item())
        return {"loss": loss}

    def train(self, data: TrainingData, run: TrainingRun) -> None:
        run.execute(self.networks, [self.stage], data)


@pytest.fixture
def data() -> TrainingData:
    return random_data((16, 16), 5, 4)


@pytest.fixture
def limited(tmp_path: Path) -> Callable[[int], LimitedRun]:
    """A run of so many steps, in a folder of its own."""
    (tmp_path / "limited").mkdir()
    return lambda limit: LimitedRun(**vars(training_run(tmp_path / "limited")), limit=limit)


def test_the_steps_are_those_that_the_training_takes(
    data: TrainingData, limited: Callable[[int], LimitedRun], tmp_path: Path
) -> None:
    whole, few = Staged(), Staged()
    whole.train(data, training_run(tmp_path / "whole"))
    run = limited(3)
    few.train(data, run)
    assert few.losses == whole.losses[:3]
    (seen,) = run.seen
    assert (seen.first_losses["loss"], seen.last_losses["loss"]) == pytest.approx(
        (few.losses[0], few.losses[-1])
    )
    assert few.looked == ["begin", "end"]


def test_they_leave_nothing_and_tell_nobody(
    data: TrainingData, limited: Callable[[int], LimitedRun]
) -> None:
    run = limited(2)
    Staged().train(data, run)
    assert not list(run.folder.iterdir())


def test_they_say_what_the_whole_takes(
    data: TrainingData, limited: Callable[[int], LimitedRun]
) -> None:
    run, staged = limited(3), Staged(epochs=7)
    staged.train(data, run)
    (seen,) = run.seen
    assert (seen.epochs, seen.epoch_steps, seen.num_steps) == (7, 4, 3)
    assert seen.projected_seconds >= 7 * 4 * seen.seconds_per_step > 0
    assert 0 <= seen.waiting_for_data <= 1
    weights = sum(each.numel() * each.element_size() for each in staged.layer.parameters())
    images = 2 * 6 * 3 * 16 * 16 * 4
    assert seen.peak_memory_bytes is not None
    assert weights * 4 + images <= seen.peak_memory_bytes < 10 * (weights * 4 + images)


def test_more_steps_than_an_epoch_has_are_an_epoch(
    data: TrainingData, limited: Callable[[int], LimitedRun]
) -> None:
    run = limited(99)
    Staged().train(data, run)
    assert [seen.num_steps for seen in run.seen] == [4]


def test_a_loss_that_is_not_finite_is_an_error_here_too(
    data: TrainingData, limited: Callable[[int], LimitedRun]
) -> None:
    staged = Staged()
    nn.init.constant_(staged.layer.bias, float("inf"))  # type: ignore[arg-type]
    with pytest.raises(TrainingError, match="not finite in stage 'joint', epoch 1, step 1"):
        staged.train(data, limited(2))


def test_an_epoch_takes_its_steps_and_what_is_around_them() -> None:
    seen = SeenStage(
        name="joint", epochs=3, epoch_steps=10, num_steps=2, first_losses={}, last_losses={},
        seconds_per_step=0.5, seconds_around=2.0, waiting_for_data=0.0, peak_memory_bytes=None,
    )  # fmt: skip
    assert seen.projected_seconds == 3 * (10 * 0.5 + 2)


def test_a_loop_of_its_own_is_limited_too(
    data: TrainingData, limited: Callable[[int], LimitedRun]
) -> None:
    networks = nn.ModuleDict({"layer": nn.Conv2d(3, 2, 16)})
    drawn: list[float] = []

    def epochs(run: TrainingRun) -> Iterator[Any]:
        for index, name in enumerate(("first", "second")):
            plan = LoopPlan(name=name, epochs=5, networks=networks, index=index)
            yield from run.loop(plan)

    run = limited(2)
    for epoch in epochs(run):
        for _ in epoch.batches(data, SAMPLING, AugmentationConfig()):
            drawn.append(torch.rand(1).item())
            epoch.add({"loss": torch.tensor(float(len(drawn)))})
    assert [seen.name for seen in run.seen] == ["first", "second"]
    assert [(s.first_losses["loss"], s.last_losses["loss"]) for s in run.seen] == [(1, 2), (3, 4)]
    assert [(seen.num_steps, seen.epoch_steps, seen.epochs) for seen in run.seen] == [(2, 4, 5)] * 2
    assert not (run.folder / "checkpoint.safetensors").exists()
