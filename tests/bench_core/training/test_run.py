"""The loop: what it logs, when it stops, and that a resumed training is the same training."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pytest
import torch

from bench_core import CheckpointError, PluginError, TrainingError
from bench_core.methods import TrainingData, TrainingRun
from bench_core.training import checkpoint
from bench_core.training.batches import BatchLoader
from bench_core.training.checkpoint import Position
from bench_core.training.log import FinishedEpoch
from bench_core.training.run import CHECKPOINT_FILE, LOG_FILE
from bench_core.training.seeding import SAMPLING, numpy_generator
from bench_core.training.updates import Updates

Make = Callable[..., Any]


def state_of(method: Any) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in method.networks.state_dict().items()}


def assert_same_bits(first: Mapping[str, torch.Tensor], second: Mapping[str, torch.Tensor]) -> None:
    assert first.keys() == second.keys()
    for name in first:
        assert torch.equal(first[name], second[name]), name


def test_the_same_seed_gives_the_same_bits(
    data: TrainingData, make_method: Make, make_run: Make
) -> None:
    states = []
    for name in ("one", "two"):
        method = make_method()
        method.train(data, make_run(name))
        states.append(state_of(method))
    assert_same_bits(*states)


def test_another_seed_gives_another_model(
    data: TrainingData, make_method: Make, make_run: Make, description: Any
) -> None:
    method, other = make_method(), make_method()
    method.train(data, make_run("one"))
    other.train(data, make_run("two", description=replace(description, seed=8)))
    assert not torch.equal(state_of(method)["layer.weight"], state_of(other)["layer.weight"])


class Interrupt(Exception):
    pass


def interrupt_after(method: Any, num_steps: int) -> None:
    original = method.step

    def step(batch: Any, updates: Updates) -> Mapping[str, torch.Tensor]:
        if method.num_steps == num_steps:
            raise Interrupt
        return original(batch, updates)

    method.step = step


@pytest.mark.parametrize("step", range(1, 12))
def test_a_training_interrupted_at_any_step_resumes_to_the_same_bits_and_log(
    step: int, data: TrainingData, make_method: Make, make_run: Make
) -> None:
    whole = make_method()
    whole.train(data, make_run("whole"))

    broken = make_method()
    interrupt_after(broken, step)
    run: TrainingRun = make_run("broken", checkpoint_seconds=0.0)
    with pytest.raises(Interrupt):
        broken.train(data, run)
    resumed = make_method(seed=99)  # its random start must not matter
    resumed.train(data, run)

    assert resumed.num_steps == 12 - step
    assert_same_bits(state_of(whole), state_of(resumed))
    logs = [(make_run(name).folder / LOG_FILE).read_text() for name in ("whole", "broken")]
    losses = [[json.loads(line)["losses"] for line in log.splitlines()] for log in logs]
    assert losses[0] == losses[1]
    assert len(losses[0]) == 4


def test_a_checkpoint_within_an_epoch_is_optional(
    data: TrainingData, make_method: Make, make_run: Make
) -> None:
    """Without one, the training goes back to the last epoch's end and gives the same model."""
    whole, method = make_method(), make_method()
    whole.train(data, make_run("whole"))
    interrupt_after(method, 5)
    with pytest.raises(Interrupt):
        method.train(data, make_run("broken"))
    resumed = make_method()
    resumed.train(data, make_run("broken"))
    assert resumed.num_steps == 9
    assert_same_bits(state_of(whole), state_of(resumed))


def test_each_epoch_is_logged_with_losses_rates_and_the_wait_for_data(
    data: TrainingData, make_method: Make, make_run: Make
) -> None:
    seen: list[FinishedEpoch] = []
    run = make_run(on_epoch=seen.append)
    make_method().train(data, run)

    identity = run.description.identity
    expected = [(stage, epoch) for stage in ("first", "second") for epoch in (1, 2)]
    assert [(epoch.training, epoch.stage, epoch.epoch, epoch.num_epochs) for epoch in seen] == [
        (identity, stage, epoch, 2) for stage, epoch in expected
    ]
    lines = [json.loads(line) for line in (run.folder / LOG_FILE).read_text().splitlines()]
    assert [dict(epoch.line) for epoch in seen] == lines
    assert {epoch.folder for epoch in seen} == {run.folder}
    assert all(epoch.losses.keys() == {"total", "identity"} for epoch in seen)
    assert [(line["stage"], line["epoch"]) for line in lines] == expected
    assert [line["learning_rates"]["all"] for line in lines] == pytest.approx([1e-2, 1e-3] * 2)
    assert all(0 <= line["waiting_for_data"] <= 1 for line in lines)


def test_a_loss_that_is_not_finite_stops_with_stage_step_and_losses_named(
    data: TrainingData, make_method: Make, make_run: Make
) -> None:
    method = make_method()
    method.poison_at = 7
    run = make_run()
    with pytest.raises(TrainingError, match=r"'second', epoch 1, step 2: total nan, identity nan"):
        method.train(data, run)

    healthy = make_method()
    healthy.train(data, run)  # the checkpoint before the bad step is whole: training goes on
    assert healthy.num_steps == 6


def test_the_checkpoint_of_another_training_is_refused(
    data: TrainingData, make_method: Make, make_run: Make, description: Any
) -> None:
    make_method().train(data, make_run())
    other = make_run(description=replace(description, seed=8))
    with pytest.raises(CheckpointError, match="belongs to another training"):
        make_method().train(data, other)


def test_a_damaged_checkpoint_is_refused(
    data: TrainingData, make_method: Make, make_run: Make
) -> None:
    run = make_run()
    make_method().train(data, run)
    path = run.folder / CHECKPOINT_FILE
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(CheckpointError, match="no readable checkpoint"):
        make_method().train(data, run)


@pytest.mark.parametrize(
    ("precision", "expected"), [("float32", None), ("bfloat16", torch.bfloat16)]
)
def test_steps_run_under_autocast_where_the_precision_asks_for_it(
    precision: str,
    expected: torch.dtype | None,
    data: TrainingData,
    make_method: Make,
    make_run: Make,
    description: Any,
) -> None:
    method, seen = make_method(), set()

    def step(_batch: Any, _updates: Updates) -> Mapping[str, torch.Tensor]:
        enabled = torch.is_autocast_enabled("cpu")
        seen.add(torch.get_autocast_dtype("cpu") if enabled else None)
        return {"identity": torch.zeros(())}

    method.step = step
    method.train(data, make_run(description=replace(description, precision=precision)))
    assert seen == {expected}


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ({"total": 0.5}, "stage 'first' returned a float as the loss 'total'"),
        ({"total": torch.zeros(2)}, r"a tensor of shape \(2,\) as the loss 'total'"),
        (torch.zeros(()), r"stage 'first' returned a tensor of shape \(\); it must"),
        (None, "stage 'first' returned a NoneType; it must return scalar tensors by name"),
    ],
)
def test_a_step_that_returns_no_losses_is_named(
    returned: object, message: str, data: TrainingData, make_method: Make, make_run: Make
) -> None:
    method = make_method()
    method.step = lambda _batch, _updates: returned
    with pytest.raises(PluginError, match=message):
        method.train(data, make_run())


@pytest.mark.parametrize("damage", ["", "half a li", "{}\n" * 50])
def test_a_log_that_a_power_loss_damaged_is_restored(
    damage: str, data: TrainingData, make_method: Make, make_run: Make
) -> None:
    whole = make_method()
    whole.train(data, make_run("whole"))
    broken = make_method()
    broken.poison_at = 7
    run = make_run("broken")
    with pytest.raises(TrainingError):
        broken.train(data, run)
    (run.folder / LOG_FILE).write_text(damage)
    resumed = make_method()
    resumed.train(data, run)
    assert_same_bits(state_of(whole), state_of(resumed))
    logs = [(make_run(name).folder / LOG_FILE).read_text() for name in ("whole", "broken")]
    losses = [[json.loads(line)["losses"] for line in log.splitlines()] for log in logs]
    assert losses[0] == losses[1]


@pytest.mark.parametrize(("precision", "allowed"), [("float32", False), ("tf32", True)])
def test_convolutions_round_factors_only_where_the_precision_says_so(
    precision: str,
    allowed: bool,
    data: TrainingData,
    make_method: Make,
    make_run: Make,
    description: Any,
) -> None:
    method, seen = make_method(), set()
    before = torch.backends.cudnn.allow_tf32

    def step(_batch: Any, _updates: Updates) -> Mapping[str, torch.Tensor]:
        seen.add((torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32))
        return {"identity": torch.zeros(())}

    method.step = step
    method.train(data, make_run(description=replace(description, precision=precision)))
    assert seen == {(allowed, allowed)}
    assert torch.backends.cudnn.allow_tf32 == before


def watch_batches(method: Any) -> list[Any]:
    """Return a list to which a training will add its batches, in the place of learning."""
    seen: list[Any] = []

    def step(batch: Any, _updates: Updates) -> Mapping[str, torch.Tensor]:
        seen.append(batch)
        return {"identity": torch.zeros(())}

    method.step = step
    return seen


def test_every_epoch_has_batches_of_its_own(
    data: TrainingData, make_method: Make, make_run: Make
) -> None:
    """Two stages of two epochs of three batches; the order is drawn by seed, stage and epoch."""
    method = make_method()
    seen = watch_batches(method)
    method.train(data, make_run())
    orders = [
        tuple(label for batch in seen[start : start + 3] for label in batch.labels.tolist())
        for start in range(0, 12, 3)
    ]
    assert len(set(orders)) == 4
    sampler = data.sampler(method.stages()[0].sampling)
    places = [(7, stage, epoch, SAMPLING) for stage in (0, 1) for epoch in (0, 1)]
    drawn = [
        np.concatenate([batch.labels for batch in sampler.epoch(numpy_generator(place))])
        for place in places
    ]
    assert orders == [tuple(labels.tolist()) for labels in drawn]


def test_every_epoch_has_an_augmentation_of_its_own(
    data: TrainingData, make_method: Make, make_run: Make
) -> None:
    """All people look alike here, so that batches of two epochs differ by their draws alone."""
    alike = replace(data, pixels=data.pixels[:1].repeat(len(data.pixels), axis=0))
    method = make_method()
    seen = watch_batches(method)
    method.train(alike, make_run())
    plain = torch.from_numpy(alike.pixels[0]).permute(2, 0, 1) / 255
    for name in ("visible", "infrared"):
        for step in range(3):
            epochs = [getattr(seen[start + step], name) for start in range(0, 12, 3)]
            assert len({tuple(images.flatten().tolist()) for images in epochs}) == 4
        images = torch.cat([getattr(batch, name) for batch in seen])
        augmented = (images != plain).flatten(1).any(1)
        assert augmented.float().mean() > 0.8  # of 50 ways to flip and crop one leaves it whole


def test_frozen_networks_evaluate_and_the_others_train_in_every_epoch(
    data: TrainingData, make_method: Make, make_run: Make
) -> None:
    """Whatever was done to them between two epochs, such as a validation."""
    method, modes = make_method(), list[dict[str, bool]]()

    def step(_batch: Any, _updates: Updates) -> Mapping[str, torch.Tensor]:
        modes.append({name: network.training for name, network in method.networks.items()})
        return {"identity": torch.zeros(())}

    method.step = step
    first, second = method.stages()
    frozen = replace(first, frozen=[method.networks["layer"]])
    run = make_run(on_epoch=lambda *_: method.networks.eval())
    run.execute(method.networks, [frozen, second], data)
    everything = {"layer": True, "dropout": True, "classifier": True}
    assert modes == [{**everything, "layer": False}] * 6 + [everything] * 6


class Clock:
    """Time that passes where a test says so, and by TICK whenever a duration is measured."""

    TICK = 1.23456

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self._ticks = count(1000.0, self.TICK)
        monkeypatch.setattr("bench_core.training.run.time", self)

    def monotonic(self) -> float:
        return self.now

    def perf_counter(self) -> float:
        return next(self._ticks)


def test_the_log_says_how_long_an_epoch_took_whether_interrupted_or_not(
    data: TrainingData, make_method: Make, make_run: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An epoch of three steps of twelve images is read from the clock after each and at its end."""
    Clock(monkeypatch)
    waited = count(step=0.5)
    monkeypatch.setattr(BatchLoader, "waited_seconds", property(lambda _: next(waited)))
    settings = {"checkpoint_seconds": -1.0, "validate": lambda: 0.25}
    make_method().train(data, make_run("whole", **settings))
    broken, run = make_method(), make_run("broken", **settings)
    interrupt_after(broken, 5)
    with pytest.raises(Interrupt):
        broken.train(data, run)
    make_method().train(data, run)
    epoch = {"seconds": 4.938, "images_per_second": 7.3, "waiting_for_data": 0.1013}
    validation = {"validation_mAP": 0.25, "validation_seconds": 1.235}
    for name in ("whole", "broken"):
        lines = [
            json.loads(line) for line in (make_run(name).folder / LOG_FILE).read_text().splitlines()
        ]
        for line in lines:
            del line["stage"], line["epoch"], line["losses"], line["learning_rates"]
        assert lines == [epoch] * 2 + [{**epoch, **validation}] * 2


@pytest.mark.parametrize(
    ("step_seconds", "settings", "steps"),
    [
        (1.0, {"checkpoint_seconds": 2.0}, [3, 0]),
        (1.0, {"checkpoint_seconds": 1.5}, [2, 0]),
        (1.0, {"checkpoint_seconds": 0.5}, [1, 2, 3, 0]),
        (100.0, {}, [0]),
        (100.25, {}, [3, 0]),
    ],
)
def test_a_checkpoint_is_written_when_the_last_is_too_old_and_after_each_epoch(
    step_seconds: float,
    settings: dict[str, float],
    steps: list[int],
    data: TrainingData,
    make_method: Make,
    make_run: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each case: the steps after which it is, of the three of an epoch; 0 is the epoch's end."""
    clock, method = Clock(monkeypatch), make_method()
    saved = list[Position]()
    monkeypatch.setattr(checkpoint, "save_progress", lambda *given: saved.append(given[3]))

    def step(_batch: Any, _updates: Updates) -> Mapping[str, torch.Tensor]:
        clock.now += step_seconds
        return {"identity": torch.zeros(())}

    method.step = step
    method.train(data, make_run(**settings))
    assert [(place.stage, place.epoch, place.step) for place in saved] == [
        (stage, epoch + (step == 0), step) for stage in (0, 1) for epoch in (0, 1) for step in steps
    ]


class Bar:
    """A progress bar that a test can read."""

    def __init__(self, **settings: object) -> None:
        self.settings, self.shown, self.num_updates = settings, list[Any](), 0

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, description: str, values: Mapping[str, float]) -> None:
        self.shown.append((description, values))

    def update(self) -> None:
        self.num_updates += 1


def test_progress_counts_the_steps_of_a_stage_and_shows_losses_and_the_best_epoch(
    data: TrainingData, make_method: Make, make_run: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    bars = list[Bar]()

    def progress(**settings: object) -> Bar:
        bars.append(Bar(**settings))
        return bars[-1]

    monkeypatch.setattr("bench_core.training.run.progress", progress)
    epochs = list[Mapping[str, float]]()
    settings = {
        "checkpoint_seconds": 0.0, "validate": lambda: 0.25,
        "on_epoch": lambda told: epochs.append(told.losses),
    }  # fmt: skip
    broken, run = make_method(), make_run(**settings)
    interrupt_after(broken, 5)
    with pytest.raises(Interrupt):
        broken.train(data, run)
    make_method().train(data, run)
    assert [bar.settings for bar in bars] == [
        {"total": 6, "initial": initial, "description": stage, "unit": "step"}
        for stage, initial in (("first", 0), ("first", 5), ("second", 0))
    ]
    assert [bar.num_updates for bar in bars] == [5, 1, 6]
    assert [[description for description, _ in bar.shown] for bar in bars] == [
        ["first epoch 1/2"] * 4 + ["first epoch 2/2"] * 2,
        ["first epoch 2/2"] * 2,
        ["second epoch 1/2"] * 4 + ["second epoch 2/2"] * 4,
    ]
    best = {"mAP of epoch 1": 0.25}
    shown = [values for _, values in bars[2].shown]
    assert [values.keys() & best for values in shown] == [set()] * 3 + [best.keys()] * 5
    ends = [bars[0].shown[3][1], bars[1].shown[-1][1], shown[3], shown[7]]
    assert ends == [epochs[0], epochs[1], {**best, **epochs[2]}, {**best, **epochs[3]}]
    log = (run.folder / LOG_FILE).read_text().splitlines()
    assert [json.loads(line)["losses"] for line in log] == epochs


def test_the_last_stage_alone_is_validated_and_a_long_one_not_after_every_epoch(
    data: TrainingData, make_method: Make, make_run: Make
) -> None:
    method, run = make_method(), make_run(validate=lambda: 0.25)
    method.num_epochs = 22
    watch_batches(method)
    method.train(data, run)
    lines = [json.loads(line) for line in (run.folder / LOG_FILE).read_text().splitlines()]
    validated = [(line["stage"], line["epoch"]) for line in lines if "validation_mAP" in line]
    assert validated == [("second", epoch) for epoch in range(2, 23, 2)]


def test_networks_are_trained_with_their_channels_last(
    data: TrainingData, make_method: Make, make_run: Make
) -> None:
    method = make_method()
    method.train(data, make_run())
    weight = method.networks["layer"].weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert not weight.is_contiguous()
