from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch

from bench_core.configuration import MethodChoice
from bench_core.pipeline.methods import build_method
from bench_core.profiling.cost import inference_cost
from bench_core.profiling.speed import SpeedSettings, measure_speed
from bench_core.training.method import Method

SIZE = (64, 32)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def method(choose: Callable[..., MethodChoice]) -> Method:
    return build_method(choose("xiv", "quick", "image_height=64", "image_width=32"), 4)


@pytest.fixture(scope="module")
def document(method: Method) -> dict[str, Any]:
    settings = SpeedSettings(device=CPU, batch_size=4, budget_seconds=0.5)
    report: dict[str, Any] = measure_speed(method, SIZE, settings).as_document()
    return report


def test_the_report_is_json(document: dict[str, Any]) -> None:
    assert json.loads(json.dumps(document, allow_nan=False))["peak_memory_bytes"] > 0
    assert document["hardware"]["kind"] == "cpu"
    assert document["pipeline"] is None
    assert document["training"] is None


def test_achieved_arithmetic_is_a_share_of_the_peak_of_its_format(
    document: dict[str, Any], method: Method
) -> None:
    peaks = {peak["dtype"]: peak["flops_per_second"] for peak in document["peaks"]}
    macs = inference_cost(method, SIZE, CPU).macs
    for row in document["throughput"]:
        achieved = 2 * macs[row["modality"]] * row["images_per_second"]
        assert row["flops_per_second"] == pytest.approx(achieved, rel=1e-3)
        assert row["share_of_peak"] == pytest.approx(achieved / peaks[row["dtype"]], abs=1e-3)


def test_latency_is_that_of_one_image(document: dict[str, Any]) -> None:
    assert document["latency"]
    assert {row["batch"] for row in document["latency"]} == {1}
    assert all(row["latency_ms"] <= row["latency_p95_ms"] for row in document["latency"])


def test_speeds_are_grouped_by_device_format_and_software(document: dict[str, Any]) -> None:
    groups = document["speed_groups"]
    assert set(groups) == {peak["dtype"] for peak in document["peaks"]}
    assert all(document["hardware"]["name"] in group for group in groups.values())


@pytest.mark.slow
def test_the_method_is_as_it_was_unless_training_is_measured(method: Method) -> None:
    before = {name: value.clone() for name, value in method.networks.state_dict().items()}
    settings = SpeedSettings(device=CPU, batch_size=2, budget_seconds=0.1)
    measure_speed(method, SIZE, settings)
    after = method.networks.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
