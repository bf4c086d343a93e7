"""HCML's optimisation: the cone, the step that is safe, and that it goes downhill and ends."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_core import TrainingError
from bench_core.configuration import validate_config
from bench_hcml.config import HCMLConfig
from bench_hcml.objective import Features, Objective, Transforms
from bench_hcml.optimization import Progress, advance, project, square_root

CPU = torch.device("cpu")


def config(**values: float) -> HCMLConfig:
    return validate_config(HCMLConfig, values)


def walk(objective: Objective, steps: int, **values: float) -> list[Progress]:
    found = [Progress.start(3, CPU)]
    while len(found) <= steps and not found[-1].converged:
        found.append(advance(found[-1], objective, config(**values)))
    return found


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 5))
def test_a_projection_is_the_nearest_matrix_of_the_cone(seed: int, size: int) -> None:
    """Its difference to the matrix is orthogonal to it and negative semidefinite."""
    matrix = torch.randn(size, size, generator=torch.Generator().manual_seed(seed)).double()
    matrix = matrix + matrix.T
    found = project(matrix)
    rest = matrix - found
    assert torch.linalg.eigvalsh(found).min() > -1e-9
    assert torch.linalg.eigvalsh(rest).max() < 1e-9
    assert (found * rest).sum().abs() < 1e-8
    torch.testing.assert_close(project(found), found)


def test_a_root_of_a_metric_gives_it_back() -> None:
    half = torch.tensor([[1.0, 2], [0, 1], [3, 1]]).double()
    root = square_root(half @ half.T)
    torch.testing.assert_close(root @ root.T, half @ half.T)


def test_the_first_step_is_halved_until_it_is_safe(objective: Objective) -> None:
    """Majorised by the value, the slope and half the curvature of the step that is taken."""
    start = Progress.start(3, CPU)
    found = advance(start, objective, config(transform_rate=0))
    doublings = math.log2(found.lipschitz * 2**8)
    assert doublings == int(doublings) >= 0
    gradient = objective.metric_gradient(start.at)

    def is_safe(lipschitz: float) -> bool:
        metric = project(start.at.metric - gradient / lipschitz)
        moved = metric - start.at.metric
        bound = objective.cross(start.at) + (moved * gradient).sum()
        bound = bound + lipschitz / 2 * moved.square().sum()
        return bool(objective.cross(replace(start.at, metric=metric)) <= bound + 1e-12)

    assert is_safe(found.lipschitz)
    if doublings:
        assert not is_safe(found.lipschitz / 2)
    expected = project(start.at.metric - gradient / found.lipschitz)
    torch.testing.assert_close(found.at.metric, expected)
    assert found.cross == pytest.approx(objective.cross(found.at).item())


def test_metric_steps_are_accelerated(objective: Objective) -> None:
    """The third is the first from ahead of where it is, by (t - 1) / t' of the last step."""
    _, first, second = walk(objective, 2, transform_rate=0)
    momentum = (1 + math.sqrt(1 + 4 * second.momentum**2)) / 2
    assert first.momentum == 1
    assert second.momentum == pytest.approx((1 + math.sqrt(5)) / 2)
    assert (second.momentum - 1) / momentum == pytest.approx(0.28175, abs=1e-5)
    ahead = (second.momentum - 1) / momentum * (second.at.metric - first.at.metric)
    searched = replace(second.at, metric=second.at.metric + ahead)
    third = advance(second, objective, config(transform_rate=0))
    gradient = objective.metric_gradient(searched)
    expected = project(searched.metric - gradient / third.lipschitz)
    torch.testing.assert_close(third.at.metric, expected)
    assert third.lipschitz >= second.lipschitz
    assert torch.equal(third.previous, second.at.metric)


def test_transforms_take_a_gradient_step_behind_that_of_the_metric(objective: Objective) -> None:
    """At a rate of 0.1 x 0.95^k, k from 1."""
    found = walk(objective, 3)
    for place, (before, after) in enumerate(pairwise(found)):
        at = replace(before.at, metric=after.at.metric)
        rate = 0.1 * 0.95 ** (place + 1)
        gradients = objective.transform_gradients(at)
        torch.testing.assert_close(after.at.visible, at.visible - rate * gradients[0])
        torch.testing.assert_close(after.at.infrared, at.infrared - rate * gradients[1])


def test_the_objective_falls_and_the_learning_ends(objective: Objective) -> None:
    found = walk(objective, 300, metric_tolerance=0.02)
    values = [objective.value(progress.at).item() for progress in found]
    assert values[-1] < 0.8 * values[0]
    assert found[-1].converged
    crosses = [progress.cross for progress in found]
    changes = [abs(b - a) / a for a, b in pairwise(crosses[1:])]
    assert all(change >= 0.02 for change in changes[:-1])
    assert changes[-1] < 0.02
    assert all(torch.linalg.eigvalsh(progress.at.metric).min() > -1e-9 for progress in found)


def test_without_transforms_and_acceleration_no_step_goes_uphill(objective: Objective) -> None:
    progress, settings_ = Progress.start(3, CPU), config(transform_rate=0)
    values = [objective.cross(progress.at).item()]
    for _ in range(30):
        progress = replace(advance(progress, objective, settings_), momentum=1.0)
        values.append(progress.cross)
    assert all(after <= before + 1e-12 for before, after in pairwise(values))


def test_people_are_told_apart_better_than_by_the_plain_distance() -> None:
    """One direction shows who it is, and two stronger ones do not."""
    random = torch.Generator().manual_seed(0)
    labels = torch.arange(12)
    known = 0.3 * torch.randn(12, 1, generator=random).double()
    visible, infrared = (
        Features.of(torch.cat([known, 0.6 * torch.randn(12, 2, generator=random)], 1), labels)
        for _ in range(2)
    )
    objective = Objective(visible, infrared, within_weight=0.2)

    def found(at: Transforms) -> float:
        return (objective.distances(at).argmin(1) == labels).double().mean().item()

    start, *_, last = walk(objective, 60)
    assert found(last.at) > 2 * found(start.at)


def test_features_that_are_not_finite_end_it() -> None:
    parts = Features.of(torch.full((4, 3), torch.nan).double(), torch.tensor([0, 0, 1, 1]))
    objective = Objective(parts, parts, within_weight=0.2)
    with pytest.raises((TrainingError, RuntimeError)):
        advance(Progress.start(3, CPU), objective, config())


def test_what_is_kept_is_taken_up_again_to_the_same_bits(objective: Objective) -> None:
    memory: dict[str, torch.Tensor] = {}
    for progress in walk(objective, 3):
        progress.keep(memory)
        again = Progress.kept(memory)
        for name, value in vars(progress).items():
            if name == "at":
                assert all(
                    torch.equal(*pair)
                    for pair in zip(vars(value).values(), vars(again.at).values(), strict=True)
                )
            elif isinstance(value, torch.Tensor):
                assert torch.equal(getattr(again, name), value)
            else:
                assert (getattr(again, name), type(getattr(again, name))) == (value, type(value))
