"""What runs is noted: in which module, by which formulas, and what goes uncounted."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import nn
from torch.nn import functional

from bench_core.profiling.counting import (
    OUTSIDE,
    Work,
    computes,
    flop_counter,
    operator_name,
    recorded,
    simulated,
)

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
    assert record.uncounted == {
        "aten.native_batch_norm": Work(1, 4 * 64),
        "aten.relu": Work(1, 4 * 64),
        "aten.max_pool2d_with_indices": Work(1, 4 * 16),
    }


def test_a_matrix_product_without_a_formula_is_listed() -> None:
    with recorded(nn.ModuleDict()) as record:
        torch.mv(torch.ones(5, 7), torch.ones(7))
    assert record.uncounted == {"aten.mv": Work(1, 5)}


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


aten = torch.ops.aten


@pytest.mark.parametrize(
    "operator",
    [
        aten.view.default,
        aten.t.default,
        aten.select.int,
        aten.expand.default,
        aten.split.Tensor,
        aten.unbind.int,
        aten.detach.default,
        aten.as_strided_.default,
        aten.squeeze_.dim,
        aten.cat.default,
        aten.clone.default,
        aten.copy_.default,
        aten._to_copy.default,
        aten.reflection_pad2d.default,
        torch.ops.prim.device.default,
    ],
    ids=str,
)
def test_views_copies_and_questions_compute_nothing(operator: torch._ops.OpOverload) -> None:
    assert not computes(operator)


@pytest.mark.parametrize(
    "operator",
    [
        aten.native_batch_norm.default,
        aten.native_layer_norm.default,
        aten.max_pool2d_with_indices.default,
        aten.upsample_bilinear2d.default,
        aten.upsample_nearest2d.vec,
        aten._softmax.default,
        aten.relu_.default,
        aten.add_.Tensor,
        aten.mul.out,
        aten.mv.default,
        aten.linalg_vector_norm.default,
        aten._transformer_encoder_layer_fwd.default,
    ],
    ids=str,
)
def test_arithmetic_is_listed(operator: torch._ops.OpOverload) -> None:
    assert computes(operator)


@pytest.fixture
def stranger() -> Iterator[torch._ops.OpOverload]:
    """An operator of a library that the harness knows nothing of."""
    with torch.library._scoped_library("strange", "DEF") as library:
        library.define("clone(Tensor x) -> Tensor")
        yield torch.ops.strange.clone.default


def test_an_operator_that_is_not_known_is_listed(stranger: torch._ops.OpOverload) -> None:
    assert computes(stranger)
    assert operator_name(stranger) == "strange.clone"


def test_an_operator_in_place_has_the_name_of_the_other() -> None:
    assert operator_name(aten.relu_.default) == operator_name(aten.relu.default) == "aten.relu"


LENGTH, WIDTH, HIDDEN, HEADS = 10, 64, 128, 4


def macs(run: Callable[[], object]) -> int:
    with flop_counter() as counter:
        run()
    return int(counter.get_total_flops()) // 2


def test_attention_on_a_cpu_is_two_products_of_queries_keys_and_values() -> None:
    query, key, value = (torch.rand(2, HEADS, LENGTH, 16) for _ in range(3))
    attend = functional.scaled_dot_product_attention
    assert macs(lambda: attend(query, key, value)) == 2 * (2 * HEADS * LENGTH * LENGTH * 16)


def test_attention_costs_more_in_the_backward_pass() -> None:
    query, key, value = (torch.rand(2, HEADS, LENGTH, 16, requires_grad=True) for _ in range(3))
    attended = functional.scaled_dot_product_attention(query, key, value)
    product = 2 * HEADS * LENGTH * LENGTH * 16
    # The scores once more, then the gradients of scores, values, queries and keys.
    assert macs(lambda: attended.sum().backward()) == 5 * product


def test_a_transformer_layer_is_counted_whole_though_pytorch_would_fuse_it() -> None:
    layer = nn.TransformerEncoderLayer(WIDTH, HEADS, HIDDEN, batch_first=True).eval()
    words = torch.rand(2, LENGTH, WIDTH)
    projections = LENGTH * WIDTH * (4 * WIDTH + 2 * HIDDEN)
    attention = 2 * LENGTH * LENGTH * WIDTH
    with torch.no_grad():
        assert macs(lambda: layer(words)) == 2 * (projections + attention)
    assert torch.backends.mha.get_fastpath_enabled()


@pytest.mark.parametrize("groups", [1, 4])
@pytest.mark.parametrize("kind", [nn.Conv2d, nn.ConvTranspose2d])
def test_the_backward_pass_of_a_convolution_costs_it_twice(
    kind: type[nn.Conv2d], groups: int
) -> None:
    convolution = kind(8, 16, 3, stride=2, groups=groups, bias=False)
    image = torch.rand(2, 8, 9, 9, requires_grad=True)
    forward = macs(lambda: convolution(image))
    output = convolution(image).sum()
    assert macs(output.backward) == 2 * forward > 0


def test_without_a_gradient_of_the_image_the_backward_pass_costs_a_convolution_once() -> None:
    convolution, image = nn.Conv2d(3, 8, 3), torch.rand(2, 3, 9, 9)
    output = convolution(image).sum()
    assert macs(output.backward) == macs(lambda: convolution(image)) == 2 * 7 * 7 * 8 * 3 * 9


def test_networks_are_copied_without_data() -> None:
    with simulated():
        network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
        network.register_buffer("twice", network[1].running_mean)
        copied = copy.deepcopy(network)
        assert copied(torch.rand(2, 3)).shape == (2, 4)
        assert copied.get_buffer("twice") is copied[1].running_mean
        assert copied.get_buffer("twice") is not network.get_buffer("twice")
        assert all(isinstance(each, nn.Parameter) for each in copied.parameters())
    tensor = torch.ones(2)
    assert copy.deepcopy(tensor).tolist() == [1, 1]
