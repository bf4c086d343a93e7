"""`bench preview`: the first batch of each stage as a picture."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import Result
from PIL import Image

from bench_core.configuration import choose_method
from bench_core.methods import Batch, PretrainedWeights
from bench_core.pipeline.inputs import open_inputs
from bench_core.pipeline.previews import StagePreview, preview
from bench_core.pipeline.trainings import TrainingSettings, train
from bench_core.plugins import Registry
from bench_xiv.method import XIV

Bench = Callable[..., Result]
SMALL = (
    *("epochs=1", "sampling.steps_per_epoch=1", "sampling.identities=4", "sampling.images=2"),
    *("image_height=32", "image_width=16", "augmentation.erasing=1"),
)


@pytest.fixture
def seen(registry: Registry, sysu_root: Path, cache: Path, tmp_path: Path) -> StagePreview:
    inputs = open_inputs(registry, registry.protocol("sysu-all-single"), sysu_root, cache)
    choice = choose_method(*registry.method("xiv"), "quick", SMALL)
    (stage,) = preview(registry, choice, inputs, "train+val", settings(tmp_path), 5)
    return stage


def settings(runs: Path) -> TrainingSettings:
    return TrainingSettings(
        seed=3,
        weights=PretrainedWeights("none"),
        device=torch.device("cpu"),
        precision="float32",
        runs=runs,
    )


def test_it_is_the_batch_that_the_training_begins_with(
    seen: StagePreview,
    registry: Registry,
    sysu_root: Path,
    cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    batches: list[Batch] = []
    take = XIV.step

    def step(self: XIV, batch: Batch, updates: Any) -> Any:
        batches.append(batch)
        return take(self, batch, updates)

    monkeypatch.setattr(XIV, "step", step)
    inputs = open_inputs(registry, registry.protocol("sysu-all-single"), sysu_root, cache)
    choice = choose_method(*registry.method("xiv"), "quick", SMALL)
    train(choice, inputs, "train+val", settings(tmp_path))
    for name in ("visible", "infrared"):
        wanted = (batches[0].views[name][:5] * 255).round().permute(0, 2, 3, 1).numpy()
        assert np.array_equal(seen.rows[name], wanted)


def test_of_stages_with_a_loop_behind_them_the_stages_are_drawn(
    registry: Registry, sysu_root: Path, cache: Path, tmp_path: Path
) -> None:
    inputs = open_inputs(registry, registry.protocol("sysu-all-single"), sysu_root, cache)
    changes = (*SMALL, "fc6_width=16", "fc7_width=16", "pca_dimensions=4")
    choice = choose_method(*registry.method("hcml"), "quick", changes)
    (stage,) = preview(registry, choice, inputs, "train+val", settings(tmp_path), 5)
    assert stage.stage == "joint"
    assert list(tmp_path.iterdir()) == []


def test_decoded_images_stand_above_what_becomes_of_them(seen: StagePreview) -> None:
    assert list(seen.rows) == ["visible, decoded", "visible", "infrared, decoded", "infrared"]
    assert all(row.shape == (5, 32, 16, 3) for row in seen.rows.values())
    assert not np.array_equal(seen.rows["visible, decoded"], seen.rows["visible"])
    assert np.array_equal(seen.identities["visible"], seen.identities["infrared"])
    assert seen.outside == {"visible": 0.0, "infrared": 0.0}


def test_the_picture_is_written_and_nothing_else(
    bench: Bench, sysu_root: Path, tmp_path: Path
) -> None:
    result = bench(
        *("preview", "--method", "xiv", "--protocol", "sysu-all-single", "--data", sysu_root),
        *(part for text in SMALL for part in ("--set", text)),
        *("--images", 3, "--output", "batch.png", "--json"),
    )
    assert result.exit_code == 0, result.stderr
    (stage,) = json.loads(result.stdout)["stages"]
    assert stage["stage"] == "joint"
    assert [path.name for path in tmp_path.iterdir()] == ["batch.png"]
    with Image.open("batch.png") as picture:
        assert picture.format == "PNG"


def test_another_kind_of_picture_is_refused(bench: Bench) -> None:
    arguments = ("--method", "xiv", "--protocol", "sysu-all-single", "--output", "batch.gif")
    result = bench("preview", *arguments)
    assert result.exit_code == 2
    assert "--output batch.gif: the name of a picture ends in .png or .svg" in result.stderr
