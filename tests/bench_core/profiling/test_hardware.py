"""What was measured on, which speeds compare, and the fastest that a device multiplies."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from bench_core.profiling import hardware
from bench_core.profiling.hardware import (
    NVIDIA_READINGS,
    MatrixPeak,
    matrix_peak,
    parse_nvidia,
    report_device,
    speed_group,
)
from bench_core.profiling.timing import Timing
from bench_core.system import devices
from bench_core.system.devices import NumberFormat

CPU = torch.device("cpu")


def test_a_processor_is_described_by_threads_instructions_and_software(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hardware, "processor_flags", lambda: frozenset({"avx2", "fpu", "amx_bf16"}))
    report = report_device(CPU)
    assert report.kind == "cpu"
    assert report.threads == torch.get_num_threads()
    assert report.instruction_sets == ("avx2", "amx_bf16")
    assert report.versions["torch"] == torch.__version__
    assert report.driver is None
    assert report.as_document()["name"] == report.name


@pytest.mark.parametrize(
    ("content", "expected"),
    [("cpu MHz : 2600.5\nx : y\ncpu MHz : 3100.0\n", 3100.0), ("nothing\n", None), (None, None)],
)
def test_the_clock_of_a_processor_is_that_of_its_fastest_core(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None, expected: float | None
) -> None:
    information = tmp_path / "cpuinfo"
    if content is not None:
        information.write_text(content)
    monkeypatch.setattr(devices, "_PROCESSOR_INFORMATION", information)
    assert report_device(CPU).readings == {"clock_mhz": expected}


def test_what_nvidia_cannot_read_is_none() -> None:
    driver, readings = parse_nvidia("550.54.15, 1980, 1980, 3201, [Not Supported], 700.00\n")
    assert driver == "550.54.15"
    assert readings == {
        "clock_mhz": 1980.0,
        "max_clock_mhz": 1980.0,
        "memory_clock_mhz": 3201.0,
        "power_watts": None,
        "power_limit_watts": 700.0,
    }


@pytest.mark.parametrize(
    "error", [FileNotFoundError(), subprocess.TimeoutExpired("nvidia-smi", 10)], ids=repr
)
def test_a_machine_without_nvidias_tool_has_no_readings(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def run(*_: Any, **__: Any) -> None:
        raise error

    properties = SimpleNamespace(uuid="0-0", name="Imaginary")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _device: properties)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device: "Imaginary")
    monkeypatch.setattr(subprocess, "run", run)
    report = report_device(torch.device("cuda"))
    assert (report.name, report.driver) == ("Imaginary", None)
    assert report.readings == dict.fromkeys(NVIDIA_READINGS)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.skipif(shutil.which("nvidia-smi") is None, reason="no nvidia-smi")
def test_a_gpu_is_described_by_clocks_and_driver() -> None:
    report = report_device(torch.device("cuda"))
    assert report.driver
    assert report.readings["max_clock_mhz"]


VERSIONS = {"python": "3.11.7", "torch": "2.12.1+cu130", "vireid-bench": "0.1.0"}
GROUP = speed_group("NVIDIA H200", "float32", VERSIONS)


@pytest.mark.parametrize(
    "other",
    [
        speed_group("NVIDIA H100", "float32", VERSIONS),
        speed_group("NVIDIA H200", "bfloat16", VERSIONS),
        speed_group("NVIDIA H200", "float32", VERSIONS | {"torch": "2.12.1+cpu"}),
    ],
    ids=["device", "number format", "software"],
)
def test_speeds_of_another_kind_do_not_compare(other: str) -> None:
    assert other != GROUP


def test_what_does_not_compute_may_differ() -> None:
    assert speed_group("NVIDIA H200", "float32", VERSIONS | {"vireid-bench": "0.2.0"}) == GROUP


def test_a_product_of_n_by_n_matrices_has_two_n_cubed_flops() -> None:
    timing = Timing((0.5, 0.25, 1.0), stable=False)
    peak = MatrixPeak(number_format="float32", size=100, timing=timing)
    assert peak.flops_per_second == 2 * 100**3 / 0.25
    assert peak.as_document() == {
        "dtype": "float32",
        "matrix_size": 100,
        "flops_per_second": 8_000_000,
    }


@pytest.mark.parametrize("number_format", ["float32", "bfloat16"])
def test_a_device_is_measured_in_a_format(
    monkeypatch: pytest.MonkeyPatch, number_format: NumberFormat
) -> None:
    multiplied = []
    product = torch.mm

    def multiply(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        multiplied.append(product(first, second))
        return multiplied[-1]

    monkeypatch.setattr(torch, "mm", multiply)
    peak = matrix_peak(number_format, CPU, 0.01, size=64)
    assert {tuple(result.shape) for result in multiplied} == {(64, 64)}
    assert {result.dtype for result in multiplied} == {getattr(torch, number_format)}
    assert peak.flops_per_second > 0


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_tensor_cores_multiply_faster_in_lower_formats() -> None:
    device = torch.device("cuda")
    formats: tuple[NumberFormat, ...] = ("float32", "tf32", "bfloat16")
    rates = [matrix_peak(name, device, 1.0).flops_per_second for name in formats]
    assert rates == sorted(rates)
