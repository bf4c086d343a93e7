"""Selection by validation: which epoch is kept, and that nothing else changes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench_core.methods import TrainingData, TrainingRun
from bench_core.training import checkpoint
from bench_core.training.run import CHECKPOINT_FILE, LOG_FILE, VALIDATION_SCORE
from bench_core.training.selection import MOST_VALIDATIONS, Selector, is_validated

Make = Callable[..., Any]
State = dict[str, torch.Tensor]
NUM_EPOCHS = 4


class Interrupt(Exception):
    pass


def state_of(method: Any) -> State:
    return {name: tensor.clone() for name, tensor in method.networks.state_dict().items()}


def same(first: Mapping[str, torch.Tensor], second: Mapping[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(
        torch.equal(first[name], second[name]) for name in first
    )


def log_of(run: TrainingRun) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run.folder / LOG_FILE).read_text().splitlines()]


def scores_of(run: TrainingRun) -> list[tuple[str, int, float | None]]:
    return [(line["stage"], line["epoch"], line.get(VALIDATION_SCORE)) for line in log_of(run)]


@pytest.fixture
def make_method(make_method: Make) -> Make:
    """Make the method with four epochs in each of its two stages."""

    def make(**options: Any) -> Any:
        method = make_method(**options)
        method.num_epochs = NUM_EPOCHS
        return method

    return make


def scripted(method: Any, scores: list[float], seen: list[State]) -> Callable[[], float]:
    """Validate with the given scores; note the networks of each validation."""
    remaining: Iterator[float] = iter(scores)

    def validate() -> float:
        seen.append(state_of(method))
        return next(remaining)

    return validate


def by_weights(method: Any) -> Callable[[], float]:
    """Validate with a score that any change of a weight changes, as real ones are."""
    return lambda: float(method.networks["layer"].weight.detach().double().sum() * 1e3 % 1)


@given(num_epochs=st.integers(1, 500))
def test_a_training_is_validated_at_the_end_and_at_most_twenty_times(num_epochs: int) -> None:
    validated = [epoch for epoch in range(1, num_epochs + 1) if is_validated(epoch, num_epochs)]
    assert validated[-1] == num_epochs
    assert len(validated) <= MOST_VALIDATIONS
    assert len(validated) == num_epochs or num_epochs > MOST_VALIDATIONS


@pytest.mark.parametrize(
    ("scores", "best"),
    [
        ([0.1, 0.4, 0.3, 0.2], 1),
        ([0.1, 0.2, 0.3, 0.4], 3),
        ([0.0, 0.0, 0.0, 0.0], 0),
        ([0.1, 0.4, 0.4, 0.4], 1),
    ],
    ids=["a-middle-one", "the-last", "nothing-learned", "the-earliest-of-equals"],
)
def test_the_networks_of_the_best_epoch_of_the_last_stage_are_kept(
    scores: list[float], best: int, data: TrainingData, make_method: Make, make_run: Make
) -> None:
    method, seen = make_method(), list[State]()
    run = make_run(validate=scripted(method, scores, seen))
    method.train(data, run)
    assert len(seen) == NUM_EPOCHS
    assert [same(state, state_of(method)) for state in seen].index(True) == best
    first = [("first", epoch, None) for epoch in range(1, NUM_EPOCHS + 1)]
    second = [("second", epoch, score) for epoch, score in enumerate(scores, start=1)]
    assert scores_of(run) == first + second


def test_validation_changes_nothing_of_the_training(
    data: TrainingData, make_method: Make, make_run: Make
) -> None:
    plain = make_method()
    plain.train(data, make_run("plain"))

    method, seen = make_method(), list[State]()

    def validate() -> float:
        method.networks.eval()
        torch.rand(3)
        np.random.default_rng().random()
        seen.append(state_of(method))
        return -len(seen)

    method.train(data, make_run("validated", validate=validate))
    assert same(seen[-1], state_of(plain))
    assert not same(state_of(method), state_of(plain))
    losses = [
        [line["losses"] for line in log_of(make_run(name))] for name in ("plain", "validated")
    ]
    assert losses[0] == losses[1]


def interrupted(function: Callable[..., Any], number: int) -> Callable[..., Any]:
    """End the program at a call of a function (from 0), when it has done all that it does."""
    calls = []

    def call(*arguments: Any) -> Any:
        result = function(*arguments)
        calls.append(result)
        if len(calls) > number:
            raise Interrupt
        return result

    return call


def in_step(method: Any, number: int, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(method, "step", interrupted(method.step, number))


def in_validation(_method: Any, number: int, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Selector, "validate", interrupted(Selector.validate, number))


def in_saving(_method: Any, number: int, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(checkpoint, "save_progress", interrupted(checkpoint.save_progress, number))


MOMENTS = [
    *((in_step, number, 0.0) for number in range(12, 24, 2)),
    *((in_validation, number, seconds) for number in range(NUM_EPOCHS) for seconds in (0.0, 300.0)),
    *((in_saving, number, 300.0) for number in range(NUM_EPOCHS, 2 * NUM_EPOCHS)),
]
"""What is interrupted, in which of its calls, and how often a checkpoint is written."""


@pytest.mark.parametrize(("interrupt", "number", "seconds"), MOMENTS)
def test_a_training_interrupted_at_any_moment_selects_the_same_networks(
    interrupt: Callable[..., None],
    number: int,
    seconds: float,
    data: TrainingData,
    make_method: Make,
    make_run: Make,
) -> None:
    whole = make_method()
    whole_run = make_run("whole", validate=by_weights(whole))
    whole.train(data, whole_run)

    broken = make_method()
    settings = {"checkpoint_seconds": seconds}
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Interrupt):
        interrupt(broken, number, patch)
        broken.train(data, make_run("broken", validate=by_weights(broken), **settings))
    resumed = make_method(seed=99)  # its random start must not matter
    run = make_run("broken", validate=by_weights(resumed), **settings)
    resumed.train(data, run)

    assert same(state_of(whole), state_of(resumed))
    assert scores_of(run) == scores_of(whole_run)


def test_a_training_killed_after_its_last_epoch_gives_the_best_networks_without_training(
    data: TrainingData, make_method: Make, make_run: Make
) -> None:
    method, seen = make_method(), list[State]()
    run = make_run(validate=scripted(method, [0.1, 0.4, 0.3, 0.2], seen))
    method.train(data, run)
    assert (run.folder / CHECKPOINT_FILE).exists()
    again = make_method(seed=99)
    again.train(data, make_run(validate=scripted(again, [], [])))
    assert again.num_steps == 0
    assert same(state_of(again), seen[1])
