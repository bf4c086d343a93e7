"""What is measured on: Python, PyTorch, the device, its clocks, and how fast it multiplies."""

from __future__ import annotations

import os
import shutil
import sysconfig
from pathlib import Path

import torch

from bench_core.profiling.hardware import matrix_peak, report_device
from device_check.notes import Deadline, Notes
from device_check.setting import Setting

PEAK_SECONDS = 3.0
SMALL_MATRIX = 128


def check_machine(setting: Setting, notes: Notes, deadline: Deadline) -> None:
    """Describe the device and measure its matrix products in every number format."""
    device = setting.device
    size = SMALL_MATRIX if setting.small else None
    for number_format in notes.within(setting.formats(), deadline):
        peak = matrix_peak(number_format, device, setting.seconds(PEAK_SECONDS), size)
        notes.measured(f"matrix products in {number_format}", "peaks", peak.as_document())
    report = report_device(device).as_document()
    notes.measured(f"on {report['name']}", "device", report)
    for name in ("driver", "versions", "readings", "processors"):
        notes.passed(name, _words(report[name]))
    if device.type == "cuda":
        total = torch.cuda.get_device_properties(device).total_memory
        notes.passed("memory", f"{total / 2**30:.1f} GiB")
        if shutil.which("nvidia-smi") is None:
            notes.skipped("clocks and power", "nvidia-smi is not there")
        else:
            read = report["readings"]["clock_mhz"] is not None
            notes.check("clocks and power", read, "read from nvidia-smi")


def has_compiler() -> bool:
    """Return whether there is what torch.compile needs: a C compiler and Python's headers."""
    compiler = any(shutil.which(name) for name in (os.environ.get("CC", "cc"), "gcc", "clang"))
    return compiler and (Path(sysconfig.get_path("include")) / "Python.h").exists()


def _words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {entry}" for name, entry in value.items())
    return str(value)
