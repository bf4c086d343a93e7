"""What runs is noted: in which module, from which parameters, and what goes uncounted."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from bench_core.profiling.counting import OUTSIDE, recorded, simulated

IMAGE = torch.rand(1, 3, 8, 8)
CONVOLUTION_MACS = 8 * 8 * 3 * 4 * 9


@pytest.fixture
def networks() -> nn.ModuleDict:
    body = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
    return nn.ModuleDict({"body": body, "head": nn.Linear(4, 2)}).eval()


def test_multiply_adds_are_those_of_the_innermost_module(networks: nn.ModuleDict) -> None:
    with recorded(networks) as record:
        networks["head"](networks["body"](IMAGE).mean((2, 3)))
    assert +record.macs == {"body.0": CONVOLUTION_MACS, "head": 4 * 2}
    assert {"body.0", "body.1", "body.2", "head", OUTSIDE} == record.running


def test_layers_are_known_by_name_in_whatever_way_they_are_run(networks: nn.ModuleDict) -> None:
    with recorded(networks) as record:
        nn.Sequential(*list(networks["body"])[:1])(IMAGE)
    assert +record.macs == {"body.0": CONVOLUTION_MACS}


def test_work_outside_the_modules_is_kept_apart(networks: nn.ModuleDict) -> None:
    with recorded(networks) as record:
        functional.linear(torch.ones(1, 4), networks["head"].weight)
    assert +record.macs == {OUTSIDE: 8}


def test_a_parameter_counts_as_used_when_an_operator_reads_it(networks: nn.ModuleDict) -> None:
    with recorded(networks) as record:
        networks["body"](IMAGE)
        torch.ones(1, 4) @ networks["head"].weight.t()
    body = {f"body.{layer}.{name}" for layer in (0, 1) for name in ("weight", "bias")}
    assert record.parameters == {*body, "head.weight"}


def test_what_computes_and_has_no_formula_is_listed_with_its_output(
    networks: nn.ModuleDict,
) -> None:
    with recorded(networks) as record:
        functional.max_pool2d(networks["body"](IMAGE), 2).flatten(1).clone()
    assert record.calls == {
        "aten.native_batch_norm": 1,
        "aten.relu": 1,
        "aten.max_pool2d_with_indices": 1,
    }
    assert record.elements == {
        "aten.native_batch_norm": 4 * 64,
        "aten.relu": 4 * 64,
        "aten.max_pool2d_with_indices": 4 * 16,
    }


def test_a_matrix_product_without_a_formula_is_listed() -> None:
    with recorded(nn.ModuleDict()) as record:
        torch.mv(torch.ones(5, 7), torch.ones(7))
    assert record.calls == {"aten.mv": 1}
    assert record.elements == {"aten.mv": 5}


def test_a_recording_leaves_no_trace_in_the_networks(networks: nn.ModuleDict) -> None:
    with recorded(networks) as record, pytest.raises(RuntimeError, match="channels"):
        networks["body"](torch.rand(1, 5, 8, 8))
    networks["body"](IMAGE)
    assert record.macs.total() == 0
    assert not any(module._forward_pre_hooks for module in networks.modules())


def test_a_module_that_fails_is_left() -> None:
    networks = nn.ModuleDict({"picky": nn.Conv2d(3, 4, 3), "head": nn.Linear(4, 2)})
    with recorded(networks) as record:
        with pytest.raises(RuntimeError):
            networks["picky"](torch.rand(1, 5, 8, 8))
        networks["head"](torch.rand(1, 4))
    assert +record.macs == {"head": 8}


def test_simulated_tensors_take_no_memory_and_count_alike() -> None:
    with simulated():
        convolution = nn.Conv2d(3, 4, 3, padding=1)
        with recorded(nn.ModuleDict({"only": convolution})) as record:
            convolution(torch.rand(10**9, 3, 8, 8))  # 768 GB
    assert +record.macs == {"only": 10**9 * CONVOLUTION_MACS}
    assert record.parameters == {"only.weight", "only.bias"}
