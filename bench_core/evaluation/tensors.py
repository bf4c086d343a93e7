"""Torch tensors and other arrays as NumPy arrays, without loading torch for those who have none."""

from __future__ import annotations

import sys
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Values: TypeAlias = ArrayLike
"""A NumPy array, a torch tensor on any device, or what NumPy makes an array of."""


def to_array(values: Any) -> NDArray[Any]:
    """Return values as a NumPy array, which shares their memory where it can.

    Args:
        values: An array, a torch tensor (of any device, with or without a gradient; bfloat16
            becomes float32, which NumPy has), or nested sequences of numbers.

    Examples:
        >>> to_array([[1, 2]]).shape
        (1, 2)
    """
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(values, torch.Tensor):
        return np.asarray(values)
    tensor = values.detach().cpu()
    return np.asarray((tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy())


def to_labels(values: Any, name: str) -> NDArray[np.int64]:
    """Return whole numbers, such as identities or cameras, as int64 (N,).

    Args:
        values: Numbers (N,), of any type that holds whole ones.
        name: What they are, for the message.

    Raises:
        ValueError: They are no vector of whole numbers.

    Examples:
        >>> to_labels([3.0, 6.0], "cameras").tolist()
        [3, 6]
    """
    found = to_array(values)
    if found.ndim != 1 or found.dtype.kind not in "iuf":
        raise ValueError(
            f"{name} must be a vector of whole numbers, not {found.dtype} of shape {found.shape}"
        )
    if found.dtype.kind == "f" and not np.all(found == np.floor(found)):
        raise ValueError(f"{name} must be whole numbers, but {found[found != np.floor(found)][0]}")
    return found.astype(np.int64)
