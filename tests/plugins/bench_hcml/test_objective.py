"""HCML's objective against loops over people and images, its gradients against autograd."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_hcml.objective import Features, Objective, Transforms

Rows = list[list[float]]


def features(seed: int, dimensions: int, persons: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Features (N, D) with their labels, a person of number p having p + 1 images."""
    random = torch.Generator().manual_seed(seed)
    labels = torch.arange(persons).repeat_interleave(torch.arange(persons) + 1)
    return torch.randn(len(labels), dimensions, generator=random, dtype=torch.float64), labels


def somewhere(seed: int, dimensions: int) -> Transforms:
    random = torch.Generator().manual_seed(100 + seed)
    visible, infrared, root = torch.randn(3, dimensions, dimensions, generator=random).double()
    return Transforms(visible, infrared, root @ root.T)


def mean(rows: Rows) -> list[float]:
    return [sum(column) / len(rows) for column in zip(*rows, strict=True)]


def through(row: list[float], matrix: Rows) -> list[float]:
    """Return the transpose of a matrix times a column."""
    return [sum(a * b[j] for a, b in zip(row, matrix, strict=True)) for j in range(len(matrix[0]))]


def grouped(rows: torch.Tensor, labels: torch.Tensor) -> dict[int, Rows]:
    return {int(p): rows[labels == p].tolist() for p in labels.unique()}


def brute_force(
    visible: dict[int, Rows], infrared: dict[int, Rows], at: Transforms, weight: float
) -> float:
    """The objective of the fact sheet, one person and one image after another."""
    matrices = {"x": at.visible.tolist(), "z": at.infrared.tolist()}
    metric = at.metric.tolist()

    def distance(x: list[float], z: list[float]) -> float:
        apart = [a - b for a, b in zip(x, z, strict=True)]
        return sum(a * metric[i][j] * b for (i, a), (j, b) in product(*[[*enumerate(apart)]] * 2))

    pairs = list(product(visible, infrared))
    plain = [math.dist(mean(visible[i]), mean(infrared[j])) ** 2 for i, j in pairs]
    threshold = sum(plain) / len(plain)
    cross = {True: 0.0, False: 0.0}
    for i, j in pairs:
        x, z = through(mean(visible[i]), matrices["x"]), through(mean(infrared[j]), matrices["z"])
        sign = 1 if i == j else -1
        cross[i == j] += math.log1p(math.exp(sign * (distance(x, z) - threshold)))
    numbers = {same: sum((i == j) == same for i, j in pairs) for same in (True, False)}
    total = sum(cross[same] / numbers[same] for same in cross)
    for people, matrix in ((visible, matrices["x"]), (infrared, matrices["z"])):
        terms = []
        for rows in people.values():
            center = mean(rows)
            for row in rows:
                moved = through([a - b for a, b in zip(row, center, strict=True)], matrix)
                terms.append(math.log1p(math.exp(sum(a * a for a in moved))))
        total += weight * sum(terms) / len(terms)
    return total


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 50), st.integers(1, 4), st.integers(2, 4), st.integers(1, 4))
def test_the_value_is_that_of_loops_over_people_and_images(
    seed: int, dimensions: int, persons: int, others: int
) -> None:
    first, second = features(seed, dimensions, persons), features(seed + 1, dimensions, others)
    at = somewhere(seed, dimensions)
    found = Objective(Features.of(*first), Features.of(*second), within_weight=0.7).value(at)
    assert found.item() == pytest.approx(
        brute_force(grouped(*first), grouped(*second), at, 0.7), rel=1e-9
    )


def differentiated(objective: Objective, at: Transforms, name: str) -> torch.Tensor:
    variable = getattr(at, name).clone().requires_grad_()
    (gradient,) = torch.autograd.grad(objective.value(replace(at, **{name: variable})), variable)
    # A metric stays symmetric, and so does the gradient that moves it.
    return (gradient + gradient.T) / 2 if name == "metric" else gradient


@pytest.mark.parametrize("seed", range(3))
def test_gradients_are_those_of_autograd(seed: int) -> None:
    objective = Objective(
        Features.of(*features(seed, 4, 4)), Features.of(*features(9, 4, 3)), within_weight=0.2
    )
    at = somewhere(seed, 4)
    found = dict(
        zip(("visible", "infrared"), objective.transform_gradients(at), strict=True),
        metric=objective.metric_gradient(at),
    )
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, differentiated(objective, at, name))


def test_a_gradient_is_the_slope_of_small_steps(objective: Objective) -> None:
    at, width = somewhere(1, 3), 1e-6
    by_visible, _ = objective.transform_gradients(at)
    step = torch.zeros(3, 3, dtype=torch.float64)
    step[0, 2] = width
    ahead = objective.value(replace(at, visible=at.visible + step))
    behind = objective.value(replace(at, visible=at.visible - step))
    assert (ahead - behind).item() / (2 * width) == pytest.approx(by_visible[0, 2].item(), rel=1e-6)


def test_the_gradient_of_the_authors_has_their_slip_within_infrared_alone() -> None:
    """Where V and T are the same it is no slip, nor is there one across modalities."""
    parts = [Features.of(*features(seed, 3, 3)) for seed in (1, 2)]
    own, slipped = (
        Objective(parts[0], parts[1], within_weight=0.2, infrared_gradient=kind)  # type: ignore[arg-type]
        for kind in ("own", "by-visible")
    )
    at = somewhere(3, 3)
    assert torch.equal(own.transform_gradients(at)[0], slipped.transform_gradients(at)[0])
    assert not torch.allclose(own.transform_gradients(at)[1], slipped.transform_gradients(at)[1])
    across, slipped_across = (
        Objective(parts[0], parts[1], within_weight=0.0, infrared_gradient=kind)  # type: ignore[arg-type]
        for kind in ("own", "by-visible")
    )
    assert torch.equal(across.transform_gradients(at)[1], slipped_across.transform_gradients(at)[1])
    same = replace(at, infrared=at.visible)
    torch.testing.assert_close(own.transform_gradients(same), slipped.transform_gradients(same))


def test_the_threshold_is_the_mean_distance_before_anything_is_learned(
    objective: Objective,
) -> None:
    start = Transforms.identity(3, torch.empty(0, dtype=torch.float64))
    assert objective.threshold.item() == pytest.approx(objective.distances(start).mean().item())


def test_distances_are_those_behind_the_transforms_and_the_root_of_the_metric(
    objective: Objective,
) -> None:
    """(x V P - z T P)^2 with M = P P^T: what images are compared by."""
    visible, infrared, root = torch.randn(3, 3, 3).double()
    found = objective.distances(Transforms(visible, infrared, root @ root.T))
    first, second = objective._visible.means, objective._infrared.means
    apart = torch.cdist(first @ visible @ root, second @ infrared @ root)
    torch.testing.assert_close(found, apart.square())


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4, 5], [5, 3, 1, 0, 2, 4]])
def test_means_and_deviations_of_people(order: list[int]) -> None:
    rows = torch.tensor([[1.0, 0], [3, 2], [5, 5], [0, 0], [0, 3], [0, 6]])[order]
    labels = torch.tensor([7, 7, 2, 4, 4, 4])[order]
    found = Features.of(rows, labels)
    assert found.labels.tolist() == [2, 4, 7]
    assert found.means.tolist() == [[5, 5], [0, 3], [2, 1]]
    centers = {2: [5, 5], 4: [0, 3], 7: [2, 1]}
    expected = rows - torch.tensor([centers[int(label)] for label in labels])
    assert torch.equal(found.deviations, expected)
