"""The second stage: what becomes of the embedding layer, what stays, and how it resumes."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from bench_core import UsageError
from bench_core.methods import Batch, TrainingData
from bench_core.testing import (
    StopTrainingError,
    enter_stage,
    note_steps,
    random_data,
    take_step,
    training_run,
)
from bench_dhsme.method import DHSME
from bench_dhsme.networks import HypersphereNetwork

Make = Callable[..., DHSME]

SMALLEST = (
    "epochs=1",
    "decorrelated_epochs=2",
    "sampling.identities=2",
    "sampling.images=2",
    "sampling.steps_per_epoch=2",
)
STEPS = ["hypersphere"] * 2 + ["decorrelated"] * 4


def columns(network: HypersphereNetwork) -> list[list[float]]:
    """The columns of W, one for each output of the embedding layer."""
    columns: list[list[float]] = network.embedding.weight.tolist()
    return columns


def largest_correlation(network: HypersphereNetwork) -> float:
    found = columns(network)
    return max(
        abs(sum(a * b for a, b in zip(first, second, strict=True)))
        / (math.hypot(*first) * math.hypot(*second))
        for place, first in enumerate(found)
        for second in found[:place]
    )


def network_of(make: Make) -> HypersphereNetwork:
    """A network whose outputs are correlated and whose neck has learned; in evaluation mode."""
    network: HypersphereNetwork = make().networks["network"]
    with torch.no_grad():
        network.embedding.weight[1] += 2 * network.embedding.weight[0]
        network.neck.normalization.weight.uniform_(0.5, 2)
        network.neck.normalization.running_mean.uniform_(-1, 1)  # type: ignore[union-attr]
    return network.eval()


def test_the_outputs_are_decorrelated(make: Make) -> None:
    network = network_of(make)
    assert largest_correlation(network) > 0.8
    network.decorrelate()
    assert largest_correlation(network) < 1e-5


def test_lengths_of_the_columns_are_the_singular_values_in_order(make: Make) -> None:
    network = network_of(make)
    expected = torch.linalg.svdvals(network.embedding.weight.double()).tolist()
    network.decorrelate()
    lengths = [math.hypot(*column) for column in columns(network)]
    assert lengths == pytest.approx(expected, rel=1e-5)
    assert lengths == sorted(lengths, reverse=True)


@pytest.mark.parametrize("embedding", ["pooled", "pooled-normalized"])
def test_distances_of_the_outputs_stay(embedding: str, make: Make, batch: Batch) -> None:
    """|(US)^T x| = |(USV^T)^T x|: turned by V, which is on the side of the outputs."""
    network = network_of(make)

    def products() -> torch.Tensor:
        embedded = network.embed(batch.visible, "visible", embedding)  # type: ignore[arg-type]
        return embedded @ embedded.T

    with torch.no_grad():
        before, outputs = products(), network.embed(batch.visible, "visible", "pooled")
        network.decorrelate()
        torch.testing.assert_close(products(), before, rtol=1e-4, atol=1e-5)
        assert not torch.allclose(network.embed(batch.visible, "visible", "pooled"), outputs)


def test_the_classifier_turns_along(make: Make, batch: Batch) -> None:
    """With nothing between layer and classifier, which the neck is at its start, logits stay."""
    network = network_of(make)
    network.neck.normalization.reset_parameters()

    def logits() -> torch.Tensor:
        with torch.no_grad():
            return network.recognize(batch.visible, batch.infrared).logits

    before = logits()
    network.decorrelate()
    torch.testing.assert_close(logits(), before, rtol=1e-4, atol=1e-4)


def test_the_neck_starts_anew(make: Make) -> None:
    neck = network_of(make).neck
    network = network_of(make)
    network.decorrelate()
    for name, value in network.neck.normalization.state_dict().items():
        start = {"weight": 1, "running_var": 1}.get(name, 0)
        assert torch.equal(value, torch.full_like(value, start)), name
    assert not torch.equal(neck.normalization.weight, network.neck.normalization.weight)


def test_the_same_layer_is_replaced_by_the_same_bits(make: Make) -> None:
    first, second = network_of(make), network_of(make)
    second.load_state_dict(first.state_dict())
    for network in (first, second):
        network.decorrelate()
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name


def test_a_layer_that_is_decorrelated_stays_as_it_is(make: Make) -> None:
    network = network_of(make)
    network.decorrelate()
    before = network.embedding.weight.clone()
    network.decorrelate()
    torch.testing.assert_close(network.embedding.weight.abs(), before.abs())


def test_the_layer_is_fixed_and_all_else_learns(make: Make, batch: Batch) -> None:
    method = make()
    updates = enter_stage(method, "decorrelated")
    before = {name: value.clone() for name, value in method.networks.named_parameters()}
    take_step(method, "decorrelated", batch, updates)
    same = {
        name
        for name, value in method.networks.named_parameters()
        if torch.equal(value, before[name])
    }
    assert same == {"network.embedding.weight", "network.neck.normalization.bias"}


def test_more_outputs_than_features_are_refused_with_the_way_out(make: Make) -> None:
    with pytest.raises(UsageError, match=r"embedding_size=300 .* 256 features .*variant"):
        make("full", "embedding_size=300")
    assert make("hsme", "embedding_size=300").networks["network"].embedding.out_features == 300


@pytest.fixture(scope="module")
def data() -> TrainingData:
    """Random pixels of five identities, two images of each in each modality."""
    return random_data((32, 16))


@pytest.fixture(scope="module")
def whole(make: Make, data: TrainingData, tmp_path_factory: pytest.TempPathFactory) -> DHSME:
    """Train without an interruption."""
    method = make("full", *SMALLEST)
    taken = note_steps(method)
    method.train(data, training_run(tmp_path_factory.mktemp("whole")))
    assert taken == STEPS
    return method


def test_after_the_training_the_layer_is_decorrelated_still(whole: DHSME) -> None:
    assert largest_correlation(whole.networks["network"]) < 1e-5


@pytest.mark.parametrize("done", [2, 3])
def test_an_interrupted_training_resumes_to_the_same_bits(
    done: int, whole: DHSME, make: Make, data: TrainingData, tmp_path: Path
) -> None:
    """At the replacement and behind it, as it happens once."""
    run = training_run(tmp_path)
    broken = make("full", *SMALLEST)
    note_steps(broken, stop=done)
    with pytest.raises(StopTrainingError):
        broken.train(data, run)
    resumed = make("full", *SMALLEST)
    with torch.no_grad():
        for value in resumed.networks.parameters():
            value.add_(1)  # its start must not matter
    taken = note_steps(resumed)
    resumed.train(data, run)
    assert taken == STEPS[done:]
    expected = whole.networks.state_dict()
    for name, value in resumed.networks.state_dict().items():
        assert torch.equal(value, expected[name]), name
