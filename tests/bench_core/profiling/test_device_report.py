from __future__ import annotations

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from bench_core.profiling import device_report as module
from bench_core.profiling.device_report import NVIDIA_READINGS, parse_nvidia, report_device
from bench_core.system import devices

CPU = torch.device("cpu")


def test_a_processor_is_described_by_threads_instructions_and_software(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "processor_flags", lambda: frozenset({"avx2", "fpu", "amx_bf16"}))
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
def test_a_gpu_is_described_by_clocks_and_driver() -> None:
    report = report_device(torch.device("cuda"))
    assert report.driver
    assert report.readings["max_clock_mhz"]
