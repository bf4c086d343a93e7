"""Counting what runs: multiply-adds by module, operators that go uncounted, parameters read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from bench_core.profiling.flops import flop_counter
from bench_core.profiling.operators import computes, operator_name

OUTSIDE = ""
"""The name under which work is kept that no module of the networks does."""


@contextmanager
def simulated() -> Iterator[None]:
    """Let tensors made in this block be shapes without data, on a simulated CPU.

    All operators run as on a CPU and cost neither memory nor arithmetic. What reads a value of a
    tensor fails.
    """
    # A constant that a plugin made when it was imported is a real tensor.
    with FakeTensorMode(allow_non_fake_inputs=True):
        yield


class Record(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """What ran in a block of `recorded`.

    Attributes:
        macs: Multiply-adds of each module's own operators, by its name in the networks.
        running: Names of the modules in which an operator ran, without those around them.
        parameters: Names of the parameters that an operator read.
        calls: Calls of each operator that computes and for which nothing was counted.
        elements: Elements of the first output of these calls, summed.
    """

    def __init__(self, counter: FlopCounterMode, networks: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.macs: Counter[str] = Counter()
        self.running: set[str] = set()
        self.parameters: set[str] = set()
        self.calls: Counter[str] = Counter()
        self.elements: Counter[str] = Counter()
        self._counter = counter
        self._modules = [OUTSIDE]
        # Operators may see a view of a parameter; both have one storage.
        self._names = {_storage(value): name for name, value in networks.named_parameters()}

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run an operator and note it."""
        before = self._counter.get_total_flops()
        output = func(*args, **(kwargs or {}))
        flops = self._counter.get_total_flops() - before
        read = map(_storage, _tensors((args, kwargs)))
        self.parameters |= {self._names[storage] for storage in read if storage in self._names}
        self.running.add(self._modules[-1])
        self.macs[self._modules[-1]] += flops // 2
        if not flops and computes(func):
            name = operator_name(func)
            self.calls[name] += 1
            self.elements[name] += sum(tensor.numel() for tensor in _tensors(output)[:1])
        return output

    def enter(self, name: str, *_: Any) -> None:
        """Note that a module begins."""
        self._modules.append(name)

    def leave(self, *_: Any) -> None:
        """Note that the module that began last ends."""
        self._modules.pop()


@contextmanager
def recorded(networks: nn.Module) -> Iterator[Record]:
    """Record what runs in this block, without gradients.

    Args:
        networks: The modules that are told apart, and the parameters.
    """
    with flop_counter() as counter, ExitStack() as hooks, torch.no_grad():
        record = Record(counter, networks)
        for name, module in networks.named_modules():
            before = module.register_forward_pre_hook(partial(record.enter, name))
            hooks.callback(before.remove)
            after = module.register_forward_hook(record.leave, always_call=True)
            hooks.callback(after.remove)
        with record:
            yield record


def _tensors(values: Any) -> list[torch.Tensor]:
    return [value for value in tree_leaves(values) if isinstance(value, torch.Tensor)]


def _storage(tensor: torch.Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)
