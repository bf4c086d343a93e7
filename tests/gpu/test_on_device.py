"""What a CUDA device computes is what a processor does: batches, steps, trainings, whole runs.

Every test here runs on a processor as well, so that none fails on a card for a mistake of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import fields
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch import distributed, nn
from torch.utils._pytree import tree_map

from bench_core.cli.main import build_cli
from bench_core.configuration import choose_method
from bench_core.contracts.method import Precision
from bench_core.features.fast import relative_difference
from bench_core.loading import load_object
from bench_core.modeling.batch_statistics import normalize
from bench_core.modeling.exchange import joined_shares
from bench_core.modeling.sharing import Call, within
from bench_core.pipeline.methods import build_method
from bench_core.plugins import Registry, load_registry
from bench_core.system.devices import FORMATS, number_formats
from bench_core.system.process_group import add_up
from bench_core.testing.building import random_data, training_run
from bench_core.testing.stepping import batch_of
from bench_core.training.batches import Batch, BatchLoader
from bench_core.training.method import StagedMethod
from bench_core.training.run import LOG_FILE
from bench_core.training.stage_runner import enter_stages

OFTEN = ("aligngan", "jsia", "ts-gan", "xiv")
METHODS = [
    pytest.param(name, marks=[] if name in OFTEN else pytest.mark.exhaustive)
    for name, spec in load_registry().methods.items()
    if issubclass(load_object(spec.method), StagedMethod)
]
SMALL = (
    *("image_height=64", "image_width=32", "epochs=2"),
    *("sampling.identities=4", "sampling.images=2", "sampling.steps_per_epoch=2"),
)
SIZE = (64, 32)
ALIKE = {"float32": 1e-3, "tf32": 5e-2, "bfloat16": 0.25}
"""Relative difference of losses of a step; adversarial ones magnify what formats round."""


@pytest.fixture(
    params=[
        "cpu",
        pytest.param(
            "cuda",
            marks=[
                pytest.mark.gpu,
                pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
            ],
        ),
    ]
)
def device(request: pytest.FixtureRequest) -> torch.device:
    return torch.device(request.param)


def small_method(registry: Registry, name: str) -> Any:
    spec, variant = registry.method(name)
    torch.manual_seed(0)
    shorter = (*SMALL, "gray_epochs=1") if name == "pmt" else SMALL
    return build_method(choose_method(spec, variant, "quick", shorter), 5, seed=0)


def on_device(batch: Batch, device: torch.device) -> Batch:
    parts = {part.name: getattr(batch, part.name) for part in fields(batch)}
    return Batch(**tree_map(lambda tensor: tensor.to(device), parts))


def losses_of(
    method: StagedMethod[Any], device: torch.device, number_format: Precision
) -> list[dict[str, float]]:
    """Run the first step of each stage."""
    stages = method.stages()
    batches = [batch_of(method, stage, SIZE) for stage in stages]
    method.networks.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    runners = enter_stages(method.networks, stages, precision=number_format, seed=0)
    found = []
    for runner, batch in zip(runners, batches, strict=True):
        runner.begin_epoch(0)
        losses = runner.step(on_device(batch, device), 0, 1)
        found.append({name: float(loss.detach()) for name, loss in losses.items()})
    return found


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("number_format", FORMATS)
def test_a_step_has_the_losses_of_a_processor(
    registry: Registry, device: torch.device, name: str, number_format: Precision
) -> None:
    if number_format not in number_formats(device):
        pytest.skip(f"this device has no {number_format}")
    if device.type == "cpu" and number_format == "bfloat16":
        pytest.skip("a processor's bfloat16 kernels for maps as small as these differ run by run")
    expected = losses_of(small_method(registry, name), torch.device("cpu"), "float32")
    found = losses_of(small_method(registry, name), device, number_format)
    for stage, losses in zip(expected, found, strict=True):
        assert losses.keys() == stage.keys()
        assert all(np.isfinite(list(losses.values())))
    # Of the first update alone: what follows starts from weights that it has changed, by steps that
    # Adam makes of one size, however small and rounded a gradient is.
    first = next(iter(found[0]))
    assert found[0][first] == pytest.approx(expected[0][first], rel=ALIKE[number_format])


def test_batches_are_those_of_a_processor(registry: Registry, device: torch.device) -> None:
    data = random_data(SIZE)
    stage = small_method(registry, "xiv").stages()[0]
    rows = list(islice(data.sampler(stage.sampling).epoch(np.random.default_rng(0)), 3))
    here, there = (
        list(BatchLoader(data.pixels, each).load(iter(rows), stage.augmentation, 7))
        for each in (torch.device("cpu"), device)
    )
    for first, second in zip(here, there, strict=True):
        assert second.visible.device.type == device.type
        torch.testing.assert_close(second.visible.cpu(), first.visible)
        torch.testing.assert_close(second.infrared.cpu(), first.infrared)
        assert torch.equal(second.labels.cpu(), first.labels)


class Stopped(Exception):
    pass


def train(registry: Registry, folder: Path, device: torch.device, *, stop: bool = False) -> Any:
    """Train XIV for two epochs, or stop after the first."""

    def interrupt(*arguments: Any) -> None:
        if stop:
            raise Stopped

    folder.mkdir(exist_ok=True)
    method = small_method(registry, "xiv")
    run = training_run(folder, device=device, on_epoch=interrupt)
    run.execute(method.networks, method.stages(), random_data(SIZE))
    return method


def test_a_resumed_training_ends_as_an_uninterrupted_one(
    registry: Registry, device: torch.device, tmp_path: Path
) -> None:
    whole = train(registry, tmp_path / "whole", device)
    with pytest.raises(Stopped):
        train(registry, tmp_path / "stopped", device, stop=True)
    resumed = train(registry, tmp_path / "stopped", device)
    first, second = (
        [
            json.loads(line)["losses"]
            for line in (tmp_path / name / LOG_FILE).read_text().splitlines()
        ]
        for name in ("whole", "stopped")
    )
    assert len(second) == 2
    tolerance = 0 if device.type == "cpu" else 2e-2
    for losses, others in zip(first, second, strict=True):
        assert others == pytest.approx(losses, rel=tolerance)
    trained, gone_on = (
        torch.cat([each.detach().reshape(-1) for each in method.networks.parameters()])
        for method in (whole, resumed)
    )
    assert relative_difference(gone_on, trained) <= tolerance


@pytest.fixture
def group_of_one(device: torch.device) -> Iterator[None]:
    """A process group of this process alone, with the backends that several have."""
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    store = distributed.HashStore()
    distributed.init_process_group(backend, store=store, rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.usefixtures("group_of_one")
def test_synchronized_statistics_of_one_process_are_plain_ones(
    device: torch.device, dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    values = torch.randn(8, 6, 4, 2).to(device, dtype, memory_format=torch.channels_last)
    weights = torch.randn(8, 6, 4, 2).to(device)
    results = []
    for call in (Call(number=2), None):  # of a share, as of several processes; and of nobody
        layer = nn.BatchNorm2d(6).to(device)
        images = values.clone().requires_grad_()
        with within(call):
            normalized = normalize(layer, images)
        (normalized.float() * weights).sum().backward()
        results.append(
            [normalized, images.grad, layer.weight.grad, layer.running_mean, layer.running_var]
        )
    tolerance = 1e-4 if dtype == torch.float32 else 2e-2
    for found, expected in zip(*results, strict=True):
        assert found.dtype == expected.dtype
        difference = relative_difference(found.detach().float(), expected.detach().float())
        assert difference <= tolerance


@pytest.mark.usefixtures("group_of_one")
def test_collectives_of_one_process_change_nothing(device: torch.device) -> None:
    gradient = torch.arange(3.0, device=device)
    add_up(gradient)
    assert gradient.tolist() == [0, 1, 2]
    for dtype in (torch.float32, torch.bfloat16):
        images = torch.rand(4, 3, 2, 2, device=device).to(dtype).requires_grad_()
        whole = joined_shares(images)
        assert torch.equal(whole, images)
        whole.float().sum().backward()
        assert images.grad is not None
        assert torch.equal(images.grad, torch.ones_like(images))


@pytest.mark.slow
def test_a_run_goes_from_images_to_a_score(
    registry: Registry,
    device: torch.device,
    sysu_root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    read_results: Callable[[Path], list[Any]],
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["run", "--method", "xiv", "--protocol", "sysu-all-single", "--data", str(sysu_root)]
    settings = [f"--set={text}" for text in ("epochs=1", *SMALL) if not text.startswith("epochs=2")]
    finished = CliRunner().invoke(
        build_cli(registry), [*words, "--device", device.type, "--select", "validation", *settings],
        obj=registry,
    )  # fmt: skip
    assert finished.exit_code == 0, finished.output
    (record,) = read_results(tmp_path / "results")
    assert record.cost.images_per_second > 0
    assert (record.provenance.training_threads is None) == (device.type == "cuda")
