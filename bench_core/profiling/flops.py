"""PyTorch's counter of FLOPs, with the formulas that it lacks and one that it has wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils.flop_counter import (
    FlopCounterMode,
    conv_flop_count,
    sdpa_backward_flop_count,
    sdpa_flop_count,
)


@contextmanager
def flop_counter() -> Iterator[FlopCounterMode]:
    """Count the FLOPs of this block: two for each multiply-add.

    PyTorch has no formula for attention on a CPU, and its own for the backward pass of a
    convolution in groups gives too much. Transformer layers run by single operators here: their
    fused ones count nothing.
    """
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(value=False)
    try:
        with FlopCounterMode(display=False, custom_mapping=_formulas()) as counter:
            yield counter
    finally:
        torch.backends.mha.set_fastpath_enabled(value=fused)


def _formulas() -> dict[Any, Callable[..., int]]:
    """Return formulas by operator; each gets the operator's arguments, shapes for tensors."""
    aten = torch.ops.aten
    return {
        aten._scaled_dot_product_flash_attention_for_cpu: _attention_flops,
        aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_backward_flops,
        aten.convolution_backward: _convolution_backward_flops,
    }


def _attention_flops(*arguments: Any, **_: Any) -> int:
    return int(sdpa_flop_count(*arguments[:3]))  # type: ignore[no-untyped-call]


def _attention_backward_flops(*arguments: Any, **_: Any) -> int:
    return int(sdpa_backward_flop_count(*arguments[:4]))  # type: ignore[no-untyped-call]


def _convolution_backward_flops(*arguments: Any, **_: Any) -> int:
    """Count the forward pass once for the gradient of the input, once for that of the weight."""
    output, inputs, weight, transposed, wanted = (arguments[index] for index in (0, 1, 2, 7, 10))
    forward = conv_flop_count(inputs, weight, output, transposed=transposed)
    return forward * sum(map(bool, wanted[:2]))
