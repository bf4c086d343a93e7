"""A batch in parts, one after another, is the whole: in every loss, gradient and statistic."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from bench_core.modeling.sharing import Sharing

divided_steps = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("divided_steps.py"))))
"""What torchrun runs too."""
ROUNDING = 1e-10
"""In double precision; measured are 2e-13 and less."""
SINGLE = 1e-5
"""In single precision, where no adversarial loss makes differences larger."""


@pytest.fixture
def double_precision(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.slow
@pytest.mark.usefixtures("double_precision")
@pytest.mark.parametrize(
    "case",
    [
        # What stands behind a comma is another configuration of the same method.
        pytest.param(case, marks=pytest.mark.exhaustive if "," in case else [])
        for case in divided_steps.CASES
    ],
)
def test_steps_of_every_stage_are_those_of_the_whole_batch(case: str) -> None:
    name, assignments = divided_steps.CASES[case]
    whole = divided_steps.take_steps(name, assignments)
    parts = divided_steps.take_steps(name, assignments, Sharing(parts=2))
    for stage, distances in divided_steps.compare(whole, parts).items():
        assert distances.keys() == {"losses", "gradients", "state"}
        assert max(distances.values()) < ROUNDING, (stage, distances)


def test_in_single_precision_too() -> None:
    whole, parts = (
        divided_steps.take_steps(*divided_steps.CASES["xiv"], sharing)
        for sharing in (None, Sharing(parts=4))
    )
    for distances in divided_steps.compare(whole, parts).values():
        assert max(distances.values()) < SINGLE, distances


@pytest.mark.usefixtures("double_precision")
def test_statistics_of_each_part_make_other_steps() -> None:
    whole, parts = (
        divided_steps.take_steps(*divided_steps.CASES["xiv"], sharing)
        for sharing in (None, Sharing(parts=2, statistics="share"))
    )
    for distances in divided_steps.compare(whole, parts).values():
        assert min(distances.values()) > 1e-4, distances


@pytest.mark.usefixtures("double_precision")
@pytest.mark.parametrize("name", ["caj", "clusters"])
def test_hooks_memory_samplers_and_views_are_those_of_the_whole_batch(
    name: str, tmp_path: Path
) -> None:
    whole, parts = (
        divided_steps.train_stranger(name, tmp_path / str(sharing.parts), sharing=sharing)
        for sharing in (Sharing(), Sharing(parts=2))
    )
    assert whole.keys() == parts.keys()
    for key, value in whole.items():
        assert divided_steps.distance(value.double(), parts[key].double()) < ROUNDING, key
