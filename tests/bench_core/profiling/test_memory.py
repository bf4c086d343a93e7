from __future__ import annotations

import pytest
import torch
from torch import nn

from bench_core.profiling.memory import peak_memory

CPU = torch.device("cpu")
MEBI = 2**20


def mebibytes(number: int) -> torch.Tensor:
    return torch.zeros(number * MEBI, dtype=torch.uint8)


def test_the_peak_is_what_is_alive_together() -> None:
    def call() -> None:
        first = mebibytes(1)
        second = mebibytes(2)
        del first
        third = mebibytes(1)
        del second, third
        mebibytes(2)

    assert peak_memory(call, CPU, []) == 3 * MEBI


def test_views_and_changes_in_place_take_nothing() -> None:
    assert peak_memory(lambda: mebibytes(1).view(2, -1)[0].add_(1), CPU, []) == MEBI


def test_what_was_there_before_counts_once() -> None:
    there = mebibytes(4)
    assert peak_memory(lambda: mebibytes(1), CPU, [there, there.view(2, -1)]) == 5 * MEBI


def test_what_is_freed_in_the_call_makes_room() -> None:
    there = [mebibytes(4)]

    def call() -> None:
        there.clear()
        mebibytes(3)

    assert peak_memory(call, CPU, there) == 4 * MEBI


def test_activations_are_kept_for_the_backward_pass() -> None:
    layers = nn.Sequential(*(nn.Sequential(nn.Linear(8, 8), nn.Tanh()) for _ in range(6)))
    values = torch.rand(4096, 8)
    activation = values.nbytes

    @torch.inference_mode()
    def infer() -> None:
        layers(values)

    assert peak_memory(infer, CPU, []) <= 3 * activation
    assert peak_memory(lambda: layers(values).sum().backward(), CPU, []) >= 6 * activation


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_counts_what_its_allocator_gave_out() -> None:
    device = torch.device("cuda")
    there = torch.zeros(4 * MEBI, dtype=torch.uint8, device=device)
    peak = peak_memory(lambda: torch.zeros(MEBI, dtype=torch.uint8, device=device), device, [there])
    assert peak == 5 * MEBI
