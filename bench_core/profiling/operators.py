"""Operators that move data and compute nothing; every other one that goes uncounted is listed."""

from __future__ import annotations

from typing import Any

import torch

MOVEMENT = frozenset({
    "arange", "empty", "empty_like", "empty_strided", "fill", "full", "full_like", "new_empty",
    "new_empty_strided", "new_full", "new_ones", "new_zeros", "ones", "ones_like",
    "scalar_tensor", "zero", "zeros", "zeros_like",
    "_local_scalar_dense", "_to_copy", "clone", "contiguous", "copy", "lift_fresh_copy",
    "_unsafe_view", "cat", "channel_shuffle", "constant_pad_nd", "embedding", "flip", "gather",
    "im2col", "index", "index_select", "pixel_shuffle", "pixel_unshuffle", "reflection_pad1d",
    "reflection_pad2d", "repeat", "replication_pad1d", "replication_pad2d", "resize", "roll",
    "stack",
})  # fmt: skip
"""PyTorch's operators that fill, copy or rearrange elements, or change their number format."""

BOOKKEEPING = frozenset({"prim", "profiler"})
"""Namespaces of operators that ask what a tensor is or mark a place in a trace."""


def operator_name(operator: Any) -> str:
    """Return the name of an operator, such as "aten.relu" for all its forms, in place or not."""
    return str(getattr(operator, "overloadpacket", operator)).rstrip("_")


def computes(operator: Any) -> bool:
    """Say whether an operator does arithmetic; one that is not known to do none does."""
    if not isinstance(operator, torch._ops.OpOverload):
        return True
    return not (
        operator_name(operator).removeprefix("aten.") in MOVEMENT
        or operator.namespace in BOOKKEEPING
        or torch.Tag.inplace_view in operator.tags
        or _returns_views(operator)
    )


def _returns_views(operator: torch._ops.OpOverload[..., Any]) -> bool:
    """Say whether all that an operator returns is another look at what it was given."""
    returns = [value.alias_info for value in operator._schema.returns]
    return bool(returns) and all(alias is not None and not alias.is_write for alias in returns)
