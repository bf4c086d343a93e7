from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from bench_core.configuration import MethodChoice
from bench_core.features.fast import Embed
from bench_core.pipeline.methods import build_method
from bench_core.profiling import throughput
from bench_core.profiling.modes import Mode
from bench_core.profiling.throughput import (
    Speed,
    Workload,
    latency_workloads,
    measure_workloads,
    throughput_workloads,
)
from bench_core.profiling.timing import Timing, in_sequence
from bench_core.system.devices import NumberFormat
from bench_core.training.method import Method

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def formats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throughput, "number_formats", lambda _device: ("float32", "bfloat16"))


def test_every_mode_is_measured_in_every_format_of_the_device() -> None:
    modes = ("eager", "folded")
    found = throughput_workloads(CPU, "visible", 8, modes)
    of_one_batch = {
        (workload.number_format, workload.mode)
        for workload in found
        if workload.batch == 8 and workload.modality == "visible"
    }
    assert of_one_batch == {(f, mode) for f in ("float32", "bfloat16") for mode in modes}


@pytest.mark.parametrize(
    ("batch", "sizes"), [(8, {1, 2, 8, 32}), (1, {1, 4}), (128, {1, 32, 128, 512})]
)
def test_the_extraction_mode_is_measured_in_other_batches(batch: int, sizes: set[int]) -> None:
    found = throughput_workloads(CPU, "infrared", batch, ("eager", "folded"))
    batches = [w.batch for w in found if w.mode == "folded" and w.modality == "infrared"]
    assert set(batches) == sizes
    assert len(batches) == 2 * len(sizes)


def test_the_other_modality_is_measured_as_it_is_extracted() -> None:
    found = throughput_workloads(CPU, "infrared", 8, ("eager", "folded"))
    others = [workload for workload in found if workload.modality == "visible"]
    assert others == [
        Workload(modality="visible", batch=8, number_format=number_format)
        for number_format in ("float32", "bfloat16")
    ]


def test_latency_is_that_of_one_image_of_each_modality() -> None:
    found = latency_workloads(CPU)
    assert {workload.batch for workload in found} == {1}
    assert len(found) == 4


def test_images_per_second_follow_the_times_of_a_batch() -> None:
    workload = Workload(modality="visible", batch=10, number_format="float32")
    speed = Speed(workload=workload, timing=Timing((1.0, 2.0, 3.0, 4.0, 5.0), stable=False))
    document = speed.as_document()
    assert document["images_per_second"] == 3.33
    assert document["images_per_second_quartiles"] == [2.5, 5.0]
    assert (document["dtype"], document["mode"]) == ("float32", "folded")
    assert document["latency_ms"] == 3000


def test_workloads_are_measured_as_they_are_named(
    choose: Callable[..., MethodChoice], monkeypatch: pytest.MonkeyPatch
) -> None:
    method = build_method(choose("xiv", "quick", "image_height=32", "image_width=16"), 4)
    method.networks.eval()
    seen: set[tuple[object, ...]] = set()

    def build_mode(_method: object, mode: str, number_format: str) -> object:
        def embed(images: torch.Tensor, modality: str) -> None:
            seen.add((modality, tuple(images.shape), number_format, mode))

        return embed

    monkeypatch.setattr(throughput, "build_mode", build_mode)
    workloads = [
        Workload(modality="visible", batch=2, number_format="float32", mode="eager"),
        Workload(modality="infrared", batch=1, number_format="bfloat16"),
    ]
    speeds = measure_workloads(method, (32, 16), CPU, workloads, in_sequence, 0.02)
    assert [speed.workload for speed in speeds] == workloads
    assert seen == {
        ("visible", (2, 3, 32, 16), "float32", "eager"),
        ("infrared", (1, 3, 32, 16), "bfloat16", "folded"),
    }


def test_what_cannot_be_measured_is_named_and_left_out(
    choose: Callable[..., MethodChoice],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    method = build_method(choose("xiv", "quick", "image_height=32", "image_width=16"), 4)
    build_mode = throughput.build_mode

    def build(method: Method, mode: Mode, number_format: NumberFormat) -> Embed:
        if mode == "cuda-graph":
            raise RuntimeError("a graph cannot\nread a value")
        return build_mode(method, mode, number_format)

    monkeypatch.setattr(throughput, "build_mode", build)
    method.networks.eval()
    workloads = [
        Workload(modality="visible", batch=2, number_format="float32", mode="cuda-graph"),
        Workload(modality="infrared", batch=1, number_format="float32"),
    ]
    speeds = measure_workloads(method, (32, 16), CPU, workloads, in_sequence, 0.02)
    assert [speed.workload for speed in speeds] == workloads[1:]
    note = (
        "Note: cuda-graph float32 of 2 visible images could not be measured: a graph cannot read a "
        "value\n"
    )
    assert note in capsys.readouterr().err
