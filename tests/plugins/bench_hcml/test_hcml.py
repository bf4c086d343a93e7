"""HCML: two stages in a row, resumed in either, and what is compared at test time."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional

from bench_core import INFRARED, VISIBLE, Modality, UsageError
from bench_core.methods import TrainingData
from bench_core.system.process_group import imagined
from bench_core.testing import StopTrainingError, random_data, training_run
from bench_hcml import hcml as module
from bench_hcml.hcml import HCML, LearnedMetric
from bench_hcml.optimization import Progress

Make = Callable[..., HCML]
SHORT = (
    *("epochs=1", "sampling.identities=4", "sampling.steps_per_epoch=2"),
    *("metric_steps=5", "metric_tolerance=0"),
)


@pytest.fixture(scope="module")
def data() -> TrainingData:
    return random_data((32, 16), 5, 3)


@pytest.fixture
def _steps_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STEPS_PER_EPOCH", 2)


def log_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def state_of(method: HCML) -> dict[str, torch.Tensor]:
    return dict(method.networks.state_dict())


@pytest.mark.usefixtures("_steps_of_two")
def test_the_metric_is_learned_behind_the_network_and_resumes_to_the_same_bits(
    make_hcml: Make, data: TrainingData, tmp_path: Path
) -> None:
    """Interrupted after the network is trained, and within the metric learning."""
    whole = make_hcml("full", *SHORT)
    whole.train(data, training_run(tmp_path / "whole"))
    lines = log_of(tmp_path / "whole")
    stages = [(line["stage"], line["epoch"]) for line in lines]
    assert stages == [("joint", 1), ("metric", 1), ("metric", 2), ("metric", 3)]
    assert [line.get("metric_steps") for line in lines] == [None, 2, 4, 5]
    names = {"total", "cross-modality", "within-modality"}
    assert all(line["losses"].keys() == names for line in lines[1:])
    assert lines[3]["losses"]["total"] < lines[1]["losses"]["total"]
    for stop in (1, 3):
        told: list[Any] = []

        def interrupt(epoch: Any, told: list[Any] = told, stop: int = stop) -> None:
            told.append(epoch)
            if len(told) == stop:
                raise StopTrainingError

        folder = tmp_path / str(stop)
        with pytest.raises(StopTrainingError):
            make_hcml("full", *SHORT).train(data, training_run(folder, on_epoch=interrupt))
        resumed = make_hcml("full", *SHORT, preset="paper")
        with torch.no_grad():
            resumed.networks["top"].fc7.weight.zero_()  # what it starts from does not matter
        resumed.train(data, training_run(folder))
        for name, value in state_of(whole).items():
            assert torch.equal(value, state_of(resumed)[name]), (stop, name)
        assert [line["losses"] for line in log_of(folder)] == [line["losses"] for line in lines]


def test_it_ends_when_the_term_across_modalities_stays(
    make_hcml: Make, data: TrainingData, tmp_path: Path
) -> None:
    method = make_hcml("full", *SHORT[:3], "metric_tolerance=0.5")
    method.train(data, training_run(tmp_path))
    *_, last = log_of(tmp_path)
    assert (last["stage"], last["epoch"], last["metric_steps"]) == ("metric", 1, 2)


@pytest.mark.usefixtures("_steps_of_two")
def test_the_network_stays_while_the_metric_is_learned(
    make_hcml: Make, data: TrainingData, tmp_path: Path
) -> None:
    method, states = make_hcml("full", *SHORT), []
    run = training_run(
        tmp_path,
        on_epoch=lambda _: states.append({k: v.clone() for k, v in state_of(method).items()}),
    )
    method.train(data, run)
    before, first, *_, last = states
    learned = {name for name in before if name.startswith("metric.")}
    assert all(torch.equal(before[name], last[name]) for name in before.keys() - learned)
    fixed = {"metric.mean", "metric.components"}
    assert all(torch.equal(first[name], last[name]) for name in fixed)
    assert not any(torch.equal(before[name], first[name]) for name in learned)
    assert not any(torch.equal(first[name], last[name]) for name in learned - fixed)


@pytest.mark.parametrize("modality", [VISIBLE, INFRARED])
def test_a_feature_is_reduced_transformed_and_rooted(modality: Modality, make_hcml: Make) -> None:
    method, images = make_hcml(), torch.rand(4, 3, 32, 16)
    learned = method.networks["metric"]
    torch.manual_seed(1)
    with torch.no_grad():
        for value in learned.buffers():
            value.normal_()
    method.networks.eval()
    transform = learned.visible if modality == VISIBLE else learned.infrared
    tone = method.embed(images, modality)
    expected = (tone - learned.mean) @ learned.components @ transform @ learned.root
    torch.testing.assert_close(method.extract(images, modality)[:, 0], expected)
    torch.testing.assert_close(tone.norm(dim=1), torch.ones(4))


def test_components_are_the_directions_of_largest_variance() -> None:
    torch.manual_seed(0)
    rows = torch.randn(50, 6) * torch.tensor([0.1, 3, 1, 0.2, 5, 0.1]) + 7
    learned = LearnedMetric(6, 3)
    learned.fit_components(rows)
    torch.testing.assert_close(learned.mean, rows.mean(0))
    _, _, directions = torch.linalg.svd(rows - rows.mean(0), full_matrices=False)
    agreement = (learned.components.T @ directions[:3].T).abs()
    torch.testing.assert_close(agreement, torch.eye(3), atol=1e-4, rtol=0)
    reduced = learned.reduce(rows)
    torch.testing.assert_close(reduced.mean(0), torch.zeros(3), atol=1e-5, rtol=0)


def test_before_it_is_learned_the_first_dimensions_are_compared(make_hcml: Make) -> None:
    method, images = make_hcml(), torch.rand(2, 3, 32, 16)
    method.networks.eval()
    found = method.extract(images, VISIBLE)[:, 0]
    torch.testing.assert_close(found, method.embed(images, VISIBLE)[:, :5])
    assert functional.normalize(found).shape == (2, 5)


def test_a_metric_takes_v_t_and_the_root_of_m() -> None:
    progress, learned = Progress.start(3, torch.device("cpu")), LearnedMetric(4, 3)
    metric = torch.tensor([[2.0, 1, 0], [1, 2, 0], [0, 0, 0]]).double()
    progress.at.visible.mul_(2)
    progress.at.infrared.mul_(3)
    progress.at.metric.copy_(metric)
    learned.take(progress)
    assert torch.equal(learned.visible, 2 * torch.eye(3))
    assert torch.equal(learned.infrared, 3 * torch.eye(3))
    torch.testing.assert_close(learned.root @ learned.root.T, metric.float())


def test_a_selection_by_validation_is_refused(
    make_hcml: Make, data: TrainingData, tmp_path: Path
) -> None:
    run = training_run(tmp_path, validate=lambda: 0.0)
    with pytest.raises(UsageError, match="--select validation: hcml ends with a metric learning"):
        make_hcml("full", *SHORT).train(data, run)


def test_several_processes_are_refused(make_hcml: Make, data: TrainingData, tmp_path: Path) -> None:
    with imagined(2), pytest.raises(UsageError, match="--processes: hcml ends with a metric"):
        make_hcml("full", *SHORT).train(data, training_run(tmp_path))
