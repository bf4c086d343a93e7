"""Methods by strangers, through the public doors alone: they conform, and resume to the bit."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from bench_core.profiling.training_steps import stage_costs
from bench_core.testing import (
    Check,
    MethodBuilder,
    StopTrainingError,
    describe_training,
    method_checks,
    note_steps,
    random_batch,
    random_data,
    training_run,
    watch_step,
)

FOLDER = Path(__file__).with_name("stranger_methods")
SIZE = (32, 16)
SMALL = (
    "backbone=small",
    "weights=none",
    "epochs=2",
    "image_height=32",
    "image_width=16",
    "sampling.identities=3",
    "sampling.images=2",
    "sampling.steps_per_epoch=2",
)
NAMES = ("agw", "caj", "clusters", "sam", "own_loop")


@pytest.fixture(scope="module", autouse=True)
def strangers() -> Iterator[None]:
    """Make the package importable, as an installed one is."""
    sys.path.insert(0, str(FOLDER))
    yield
    sys.path.remove(str(FOLDER))
    for name in [name for name in sys.modules if name.partition(".")[0] == "strangers"]:
        del sys.modules[name]


def spec_of(name: str) -> Any:
    from strangers import SPECS

    (spec,) = [spec for spec in SPECS if spec.id == f"{name}-like"]
    return spec


@pytest.mark.parametrize("name", NAMES)
def test_it_conforms(name: str) -> None:
    spec = spec_of(name)
    found: list[Check] = method_checks(spec, spec.variants[0], SMALL)
    assert len(found) >= 9
    for check in found:
        check.run()


@pytest.mark.parametrize("name", NAMES)
def test_it_is_short_and_uses_the_doors_alone(name: str) -> None:
    source = (FOLDER / "strangers" / f"{name}.py").read_text()
    assert sum(bool(line.strip()) for line in source.splitlines()) < 120
    imported = {
        node.module
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("bench_core")
    }
    assert imported <= {"bench_core", "bench_core.methods"}


def trained(name: str, folder: Path, stop: int | None = None) -> dict[str, torch.Tensor]:
    method = MethodBuilder(spec_of(name), SMALL).build()
    note_steps(method, stop)
    method.train(random_data(SIZE, 5, 4), training_run(folder))
    return {key: value.clone() for key, value in method.networks.state_dict().items()}


@pytest.mark.parametrize(("name", "step"), [("agw", 3), ("caj", 1), ("clusters", 3)])
def test_interrupted_at_a_step_it_resumes_to_the_same_bits(
    name: str, step: int, tmp_path: Path
) -> None:
    whole = trained(name, tmp_path / "whole")
    with pytest.raises(StopTrainingError):
        trained(name, tmp_path / "broken", stop=step)
    resumed = trained(name, tmp_path / "broken")
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)


@pytest.mark.parametrize("name", NAMES)
def test_another_feature_is_no_other_training(name: str) -> None:
    def identity(*assignments: str) -> str:
        config = MethodBuilder(spec_of(name), SMALL).choose(
            "quick", "full", *SMALL[4:], *assignments
        )
        document = config.model_dump(mode="json")
        marked = tuple(sorted(config.after_training))
        return describe_training(config=document, after_training=marked).identity

    assert identity() == identity("embedding=neck") != identity("epochs=3")


def test_steps_are_counted_with_all_views() -> None:
    """A third view of as many images costs half as much again."""
    (two, three) = (
        stage_costs(MethodBuilder(spec_of(name), SMALL).build(), SIZE, torch.device("cpu"))[0]
        for name in ("agw", "caj")
    )
    assert (two.num_images, three.num_images) == (12, 12)
    assert three.step_macs / two.step_macs == pytest.approx(1.5, rel=0.02)


def test_a_step_with_views_is_tested_as_any_other() -> None:
    """Clipping, too, is what the stage says."""
    method = MethodBuilder(spec_of("caj"), SMALL).build()
    batch = random_batch(SIZE, views=["exchanged"])
    losses, updates = watch_step(method, "joint", batch)
    assert losses.keys() == {"identity", "triplet"}
    assert {"streams", "attention", "neck"} <= updates[0].changed
