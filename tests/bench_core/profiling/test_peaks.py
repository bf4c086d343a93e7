from __future__ import annotations

import pytest
import torch

from bench_core.profiling.peaks import MatrixPeak, matrix_peak
from bench_core.profiling.timing import Timing
from bench_core.system.devices import NumberFormat

CPU = torch.device("cpu")


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
