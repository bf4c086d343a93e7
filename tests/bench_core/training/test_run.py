"""The loop: what it logs, when it stops, and that a resumed training is the same training."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch

from bench_core import CheckpointError, PluginError, TrainingError
from bench_core.methods import TrainingData, TrainingRun
from bench_core.training.run import CHECKPOINT_FILE, LOG_FILE
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


@pytest.mark.parametrize("step", range(1, 12))
def test_a_training_interrupted_at_any_step_resumes_to_the_same_bits_and_log(
    step: int, data: TrainingData, make_method: Make, make_run: Make
) -> None:
    whole = make_method()
    whole.train(data, make_run("whole"))

    broken = make_method()
    original = broken.step

    def interrupted(batch: Any, updates: Updates) -> Mapping[str, torch.Tensor]:
        if broken.num_steps == step:
            raise Interrupt
        return original(batch, updates)

    broken.step = interrupted
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
    original = method.step

    def interrupted(batch: Any, updates: Updates) -> Mapping[str, torch.Tensor]:
        if method.num_steps == 5:
            raise Interrupt
        return original(batch, updates)

    method.step = interrupted
    with pytest.raises(Interrupt):
        method.train(data, make_run("broken"))
    resumed = make_method()
    resumed.train(data, make_run("broken"))
    assert resumed.num_steps == 9
    assert_same_bits(state_of(whole), state_of(resumed))


def test_each_epoch_is_logged_with_losses_rates_and_the_wait_for_data(
    data: TrainingData, make_method: Make, make_run: Make
) -> None:
    seen: list[tuple[str, str, int, int]] = []

    def observe(
        training: str, stage: str, epoch: int, num_epochs: int, losses: Mapping[str, float]
    ) -> None:
        assert losses.keys() == {"total", "identity"}
        seen.append((training, stage, epoch, num_epochs))

    run = make_run(on_epoch=observe)
    make_method().train(data, run)

    identity = run.description.identity
    expected = [(stage, epoch) for stage in ("first", "second") for epoch in (1, 2)]
    assert seen == [(identity, stage, epoch, 2) for stage, epoch in expected]
    lines = [json.loads(line) for line in (run.folder / LOG_FILE).read_text().splitlines()]
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
    """Two stages of two epochs of three batches; no two epochs see people in the same order."""
    method = make_method()
    seen = watch_batches(method)
    method.train(data, make_run())
    orders = [
        tuple(label for batch in seen[start : start + 3] for label in batch.labels.tolist())
        for start in range(0, 12, 3)
    ]
    assert len(set(orders)) == 4


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
