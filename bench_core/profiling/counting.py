"""Counting what runs: multiply-adds by module, operators that go uncounted, parameters read."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import (
    FlopCounterMode,
    conv_flop_count,
    sdpa_backward_flop_count,
    sdpa_flop_count,
)

OUTSIDE = ""
"""The name under which work is kept that no module of the networks does."""

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


@contextmanager
def simulated() -> Iterator[None]:
    """Let tensors made in this block be shapes without data, on a simulated CPU.

    All operators run as on a CPU and cost neither memory nor arithmetic. What reads a value of a
    tensor fails.
    """
    before = torch.Tensor.__deepcopy__
    torch.Tensor.__deepcopy__ = _copied  # type: ignore[method-assign]
    try:
        # A constant that a plugin made when it was imported is a real tensor.
        with FakeTensorMode(allow_non_fake_inputs=True):
            yield
    finally:
        torch.Tensor.__deepcopy__ = before  # type: ignore[method-assign]


def _copied(tensor: torch.Tensor, memo: dict[int, Any]) -> torch.Tensor:
    """Copy as `copy.deepcopy` does, which torch does by way of data that there is none of."""
    if id(tensor) not in memo:
        made = tensor.detach().clone()
        is_parameter = isinstance(tensor, nn.Parameter)
        memo[id(tensor)] = (
            nn.Parameter(made, tensor.requires_grad)
            if is_parameter
            else made.requires_grad_(tensor.requires_grad)
        )
    copied: torch.Tensor = memo[id(tensor)]
    return copied


@dataclass(frozen=True)
class Work:
    """What an operator did for which nothing is counted.

    Attributes:
        calls: Its calls.
        elements: Elements of the first output of these calls, summed.
    """

    calls: int = 0
    elements: int = 0

    def __add__(self, other: Work) -> Work:
        """Return the work of both."""
        return Work(self.calls + other.calls, self.elements + other.elements)


class Record(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """What ran in a block of `recorded`.

    Attributes:
        macs: Multiply-adds of each module's own operators, by its name in the networks.
        running: Names of the modules in which an operator ran, without those around them.
        parameters: Names of the parameters that an operator read.
        uncounted: What each operator did that computes and for which nothing was counted.
    """

    def __init__(self, counter: FlopCounterMode, networks: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.macs: Counter[str] = Counter()
        self.running: set[str] = set()
        self.parameters: set[str] = set()
        self.uncounted: defaultdict[str, Work] = defaultdict(Work)
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
            elements = sum(tensor.numel() for tensor in _tensors(output)[:1])
            self.uncounted[operator_name(func)] += Work(1, elements)
        return output

    def enter(self, name: str) -> None:
        """Note that a module begins."""
        self._modules.append(name)

    def leave(self, _name: str) -> None:
        """Note that the module that began last ends."""
        self._modules.pop()


@contextmanager
def recorded(networks: nn.Module) -> Iterator[Record]:
    """Record what runs in this block, without gradients.

    Args:
        networks: The modules that are told apart, and the parameters.
    """
    with flop_counter() as counter, torch.no_grad():
        record = Record(counter, networks)
        with watched(networks, record.enter, record.leave), record:
            yield record


@contextmanager
def watched(
    networks: nn.Module, enter: Callable[[str], None], leave: Callable[[str], None]
) -> Iterator[None]:
    """Tell in this block which module of some networks begins and which ends, by its name.

    All modules are told of: a method may call a part of a network without the whole.
    """
    with ExitStack() as hooks:
        for name, module in networks.named_modules():
            for hook in (
                module.register_forward_pre_hook(lambda *_, name=name: enter(name)),
                module.register_forward_hook(lambda *_, name=name: leave(name), always_call=True),
            ):
                hooks.callback(hook.remove)
        yield


def _tensors(values: Any) -> list[torch.Tensor]:
    return [value for value in tree_leaves(values) if isinstance(value, torch.Tensor)]


def _storage(tensor: torch.Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


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
