"""A loop of a method's own: what it logs and tells, and that it resumes to the same bits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from bench_core import CheckpointError, TrainingError
from bench_core.methods import (
    AugmentationConfig,
    LoopPlan,
    OwnEpoch,
    SamplingConfig,
    TrainingData,
    TrainingRun,
)
from bench_core.testing import describe_training, random_data, training_run

SAMPLING = SamplingConfig(identities=3, images=2, steps_per_epoch=3)


class Interrupt(Exception):
    pass


class Loops:
    """Two loops: the first with momentum and memory, the second without."""

    def __init__(self) -> None:
        torch.manual_seed(5)
        self.layer = nn.Conv2d(3, 2, 16)
        self.networks = nn.ModuleDict({"layer": self.layer})
        self.memory = {"seen": torch.zeros(1)}
        self.draws: list[float] = []
        self.stop: int | None = None

    def train(self, data: TrainingData, run: TrainingRun) -> Loops:
        optimizer = torch.optim.SGD(self.layer.parameters(), lr=0.01, momentum=0.9)
        first = LoopPlan(
            name="first", epochs=3, networks=self.networks, optimizers={"all": optimizer},
            memory=self.memory,
        )  # fmt: skip
        for epoch in run.loop(first):
            self.steps(epoch, data, optimizer)
            self.memory["seen"] = self.memory["seen"] + len(self.draws)
            epoch.note(seen=self.memory["seen"].item())
        second = LoopPlan(name="second", epochs=2, networks=self.networks, index=1)
        for epoch in run.loop(second):
            self.steps(epoch, data, torch.optim.SGD(self.layer.parameters(), lr=0.02))
        return self

    def steps(self, epoch: OwnEpoch, data: TrainingData, optimizer: Any) -> None:
        for batch in epoch.batches(data, SAMPLING, AugmentationConfig()):
            if len(self.draws) == self.stop:
                raise Interrupt
            drawn = torch.rand(1)
            self.draws.append(drawn.item())
            loss = (self.layer(batch.visible) * drawn - epoch.generator.random()).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            epoch.add({"loss": loss})


@pytest.fixture
def data() -> TrainingData:
    return random_data((16, 16), 5, 4)


def test_epochs_are_logged_and_told_of_in_order(data: TrainingData, tmp_path: Path) -> None:
    told: list[Any] = []
    run = training_run(tmp_path, on_epoch=told.append)
    Loops().train(data, run)
    expected = [("first", 1), ("first", 2), ("first", 3), ("second", 1), ("second", 2)]
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [(line["stage"], line["epoch"]) for line in lines] == expected
    assert [(epoch.stage, epoch.epoch) for epoch in told] == expected
    for line, epoch in zip(lines, told, strict=True):
        assert (epoch.training, epoch.folder) == (run.description.identity, run.folder)
        assert epoch.num_epochs == (3 if line["stage"] == "first" else 2)
        assert epoch.line == line
        assert epoch.losses == line["losses"] == {"loss": pytest.approx(epoch.losses["loss"])}
        assert line["seconds"] > 0
        assert 0 <= line["waiting_for_data"] <= 1
        assert line["images_per_second"] > 0
    assert [line.get("seen") for line in lines] == [3.0, 9.0, 18.0, None, None]
    assert lines[0]["learning_rates"] == {"all": 0.01}


@pytest.mark.parametrize("stop", [1, 4, 8, 10, 13])
def test_an_interrupted_loop_resumes_to_the_same_bits(
    stop: int, data: TrainingData, tmp_path: Path
) -> None:
    """An epoch that was interrupted is run again from its start."""
    whole = Loops().train(data, training_run(tmp_path / "whole"))
    broken, resumed = Loops(), Loops()
    broken.stop = stop
    resumed.draws = whole.draws[: 3 * (stop // 3)]
    with pytest.raises(Interrupt):
        broken.train(data, training_run(tmp_path / "broken"))
    resumed.train(data, training_run(tmp_path / "broken"))
    assert resumed.draws == whole.draws
    assert len(set(whole.draws)) == 15
    for name, value in whole.networks.state_dict().items():
        assert torch.equal(value, resumed.networks.state_dict()[name]), name
    if stop < 9:  # a loop that is over does not bring back what it alone kept
        assert torch.equal(whole.memory["seen"], resumed.memory["seen"])
    losses = [
        [json.loads(line)["losses"] for line in log.read_text().splitlines()]
        for log in (tmp_path / name / "log.jsonl" for name in ("whole", "broken"))
    ]
    assert losses[0] == losses[1]


def test_a_loss_that_is_not_finite_ends_it(data: TrainingData, tmp_path: Path) -> None:
    loops = Loops()
    nn.init.constant_(loops.layer.weight, torch.nan)
    with pytest.raises(TrainingError, match="not finite in stage 'first', epoch 1, step 1"):
        loops.train(data, training_run(tmp_path))


def test_the_checkpoint_of_another_training_is_refused(data: TrainingData, tmp_path: Path) -> None:
    Loops().train(data, training_run(tmp_path))
    other = training_run(tmp_path, description=describe_training(seed=3))
    with pytest.raises(CheckpointError, match="belongs to another training"):
        Loops().train(data, other)


def test_an_epoch_without_steps_is_logged_without_losses(tmp_path: Path) -> None:
    plan = LoopPlan(name="idle", epochs=1, networks=nn.ModuleDict({"layer": nn.Conv2d(1, 1, 1)}))
    numbers = [epoch.number for epoch in training_run(tmp_path).loop(plan)]
    (line,) = (tmp_path / "log.jsonl").read_text().splitlines()
    assert (numbers, json.loads(line)["losses"]) == ([0], {})
