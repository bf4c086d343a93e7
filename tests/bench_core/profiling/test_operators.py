"""What counts as moving data, and what is listed because it computes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from bench_core.profiling.operators import computes, operator_name

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
