"""The memory of tensors at its peak."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


def peak_memory(
    call: Callable[[], object], device: torch.device, resident: Iterable[torch.Tensor]
) -> int:
    """Return the bytes of tensors that are alive at the peak of a call.

    On CUDA that is what PyTorch's allocator gave out, scratch memory of kernels included. On a
    processor it is the storage of what operators return; scratch memory of kernels is not seen.

    Args:
        call: What is measured.
        device: Where it computes.
        resident: The tensors that are alive before it and belong to it: weights, gradients, states
            of optimisers, images.
    """
    meter = _Meter(resident)
    if device.type != "cuda":
        with meter:
            call()
        return meter.peak
    torch.cuda.synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    call()
    torch.cuda.synchronize(device)
    return meter.peak + torch.cuda.max_memory_allocated(device) - before


def num_bytes(tensors: Iterable[torch.Tensor]) -> int:
    """Return the bytes that some tensors take; what shares its memory counts once."""
    return _Meter(tensors).peak


class _Meter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sums the storages that are alive, and keeps the largest sum."""

    def __init__(self, resident: Iterable[torch.Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._alive = 0
        self.peak = 0
        self._known: weakref.WeakSet[torch.UntypedStorage] = weakref.WeakSet()
        for tensor in resident:
            self._add(tensor)

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run an operator and add what it returns."""
        output = func(*args, **(kwargs or {}))
        for value in tree_leaves(output):
            if isinstance(value, torch.Tensor):
                self._add(value)
        return output

    def _add(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        if storage not in self._known:
            self._known.add(storage)
            self._alive += storage.nbytes()
            self.peak = max(self.peak, self._alive)
            weakref.finalize(storage, self._remove, storage.nbytes()).atexit = False

    def _remove(self, num_bytes: int) -> None:
        self._alive -= num_bytes
