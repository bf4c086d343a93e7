"""A batch in shares: of several processes, and of parts that a process runs one after another.

Every process takes the same step on the same batch with the same random numbers. A network, called,
runs on this process' share of the entries, and returns the outputs of all processes joined: like
`DataParallel`, but from process to process. What a step does with these (losses over all pairs,
draws, the choice of a part of the batch) is computed by every process alike, so that a method needs
to know nothing of the others, whatever its losses compare.

A process that runs its share in parts does the same one part after another, and keeps of each its
inputs alone: the backward pass computes it again. So the activations of one part are alive at a
time, gradients of parts add up, and losses see the whole batch. Where images of a batch depend on
each other, by the statistics of the whole batch, it is computed again block by block instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

from bench_core.contracts.errors import PluginError
from bench_core.modeling import batch_statistics
from bench_core.modeling.exchange import interleaved, joined_shares, own_share
from bench_core.modeling.recomputation import recomputed
from bench_core.modeling.sharing import (
    WHOLE_BATCH,
    Call,
    Sharing,
    current_call,
    current_sharing,
    expect_random_state,
    goes_backwards,
    is_random_state_expected,
    random_state,
    set_random_state,
    shared,
    within,
)
from bench_core.system.process_group import num_processes, rank

Forward: TypeAlias = Callable[..., Any]

DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)
CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


class Division:
    """The networks of a training, for `divided`.

    Args:
        networks: All of them.
        sharing: How batches are shared.

    Raises:
        PluginError: One of them normalises in a way that cannot be divided.
    """

    def __init__(self, networks: nn.Module, sharing: Sharing = WHOLE_BATCH) -> None:
        self._sharing = sharing
        self._changed: list[tuple[nn.Module, Forward]] = []
        normalizes_shares = num_processes() > 1 or sharing.statistics == "share"
        for name, module in networks.named_modules():
            if type(module) in DROPOUTS:
                self._changed.append((module, _drop))
            elif not normalizes_shares:
                continue
            elif type(module).forward is _BatchNorm.forward:
                self._changed.append((module, batch_statistics.normalize))
            elif isinstance(module, _BatchNorm) or (
                isinstance(module, _NormBase) and module.track_running_stats
            ):
                raise PluginError(
                    f"'{name}' ({type(module).__name__}) keeps statistics of its batch in a way "
                    "of its own, which shares of a batch cannot have together; train it in one "
                    "process, with the statistics of the whole batch"
                )
        if sharing.parts > 1 and sharing.statistics == "whole":
            self._changed += [(block, _recompute_block) for block in _blocks(networks)]

    @contextmanager
    def divided(self) -> Iterator[None]:
        """Divide the batch of every network that is called in this block.

        Raises:
            PluginError: A network cannot be divided; the message says why.
        """
        plain = nn.Module.__call__
        for module, forward in self._changed:
            module.__dict__["forward"] = partial(forward, module)
        # A method may call views of its networks, which nobody has registered.
        nn.Module.__call__ = lambda *given, **named: _call(plain, *given, **named)  # type: ignore[method-assign]
        try:
            with shared(self._sharing):
                yield
        finally:
            nn.Module.__call__ = plain  # type: ignore[method-assign]
            for module, _ in self._changed:
                del module.__dict__["forward"]


def _blocks(networks: nn.Module) -> list[nn.Module]:
    """Return the parts that are computed again: what has layers, and no such part within it."""
    parts = [
        module
        for module in networks.modules()
        if next(module.children(), None) is not None and not isinstance(module, CONTAINERS)
    ]
    every = set(parts)
    return [part for part in parts if not any(m in every for m in part.modules() if m is not part)]


def _call(plain: Forward, module: nn.Module, *inputs: Any, **options: Any) -> Any:
    """Call a module; where none is around it, on shares of its batch."""
    sharing = current_sharing()
    if sharing is None or current_call() is not None:
        return plain(module, *inputs, **options)
    if goes_backwards():
        raise PluginError(
            f"{type(module).__name__} is computed again in the backward pass, but not by "
            "bench_core.methods.recompute, which a divided batch needs"
        )
    processes, parts = _num_shares(module, _tensors(inputs), sharing)
    if processes * parts > 1:
        return _call_on_shares(plain, module, inputs, options, processes, parts)
    again = sharing.parts > 1 and sharing.statistics == "whole"
    with within(Call(recomputed=again)):
        return plain(module, *inputs, **options)


def _num_shares(
    module: nn.Module, tensors: Sequence[torch.Tensor], sharing: Sharing
) -> tuple[int, int]:
    """Return among how many processes a call is divided, and in how many parts each runs it.

    Divided is what has something to learn. Others, such as losses, every process computes on the
    whole batch, and so what has no even shares.
    """
    if not tensors or next(module.parameters(), None) is None:
        return 1, 1
    if any(each.dim() == 0 for each in tensors) or len({len(each) for each in tensors}) > 1:
        return 1, 1
    size, number = len(tensors[0]), num_processes()
    if sharing.statistics == "share":
        return (number, sharing.parts) if size and size % sharing.num_shares == 0 else (1, 1)
    processes = number if size and size % number == 0 else 1
    if not size or batch_statistics.joins_images(module):
        return processes, 1
    share = size // processes
    return processes, max(n for n in range(1, sharing.parts + 1) if share % n == 0)


def _call_on_shares(
    plain: Forward,
    module: nn.Module,
    inputs: tuple[Any, ...],
    options: dict[str, Any],
    processes: int,
    parts: int,
) -> Any:
    """Call a module on this process' share, part by part, and join what all have computed."""
    name = type(module).__name__
    if _tensors(options):
        raise PluginError(
            f"{name} is given a tensor by name, and a batch is divided among those by position"
        )
    sharing = current_sharing() or WHOLE_BATCH
    own = tree_map(_on_tensors(own_share), inputs) if processes > 1 else inputs
    first = rank() if processes > 1 else 0
    calls = [
        Call(
            place=first + processes * part,
            number=processes * parts,
            statistics=sharing.statistics,
            recomputed=parts == 1 and sharing.parts > 1,
            learned=[] if sharing.statistics == "share" else None,
        )
        for part in range(parts)
    ]
    again = parts > 1 and torch.is_grad_enabled()
    run = partial(_on_copies if parts > 1 else plain, module, **options)
    state = random_state(_tensors(own)[0].device)
    outputs = [
        _call_on_share(partial(recomputed, run, module) if again else run, name, given, call, state)
        for given, call in zip(_pieces(own, parts), calls, strict=True)
    ]
    batch_statistics.learn([call.learned for call in calls if call.learned is not None])
    joined = _joined(outputs)
    return tree_map(_on_tensors(joined_shares), joined) if processes > 1 else joined


def _call_on_share(
    run: Forward, name: str, inputs: tuple[Any, ...], call: Call, state: torch.Tensor
) -> Any:
    """Call a module on a share of its batch; each draws from the same random state."""
    given = _tensors(inputs)
    device = given[0].device
    set_random_state(state, device)
    expect_random_state(device)
    with within(call):
        output = run(*inputs)
    if any(each.dim() == 0 or len(each) != len(given[0]) for each in _tensors(output)):
        raise PluginError(
            f"{name} returns something else than an entry for each of its batch, so that it cannot "
            "be divided; compute losses outside of modules with parameters"
        )
    if not is_random_state_expected(device):
        raise PluginError(
            f"{name} draws random numbers other than by nn.Dropout, so that shares of a batch "
            "would draw others than the whole; draw them outside of modules with parameters"
        )
    return output


def _on_copies(module: nn.Module, *inputs: Any, **options: Any) -> Any:
    """Call a module on copies of its inputs, which it may change in place."""
    return module(*tree_map(_on_tensors(torch.clone), inputs), **options)


def _recompute_block(block: nn.Module, *inputs: Any, **options: Any) -> Any:
    """Run a block of a network that is to be computed again in the backward pass."""
    call = current_call()
    forward = partial(type(block).forward, block)
    if call is None or not call.recomputed or not torch.is_grad_enabled():
        return forward(*inputs, **options)
    with within(replace(call, recomputed=False)):
        return recomputed(partial(block, **options), block, *inputs)


def _pieces(inputs: tuple[Any, ...], number: int) -> list[tuple[Any, ...]]:
    """Divide every tensor of the inputs along its batch, as `interleaved` joins them."""
    if number == 1:
        return [inputs]
    values, form = tree_flatten(inputs)
    cut = [
        [value[part::number] for part in range(number)]
        if isinstance(value, torch.Tensor)
        else [value] * number
        for value in values
    ]
    return [tree_unflatten(list(piece), form) for piece in zip(*cut, strict=True)]


def _joined(outputs: list[Any]) -> Any:
    """Join every tensor of outputs of one form along its batch, in its order."""
    if len(outputs) == 1:
        return outputs[0]
    flat = [tree_flatten(output) for output in outputs]
    values = [
        interleaved(torch.cat(each), len(each)) if isinstance(each[0], torch.Tensor) else each[0]
        for each in zip(*(leaves for leaves, _ in flat), strict=True)
    ]
    return tree_unflatten(values, flat[0][1])


def _tensors(values: Any) -> list[torch.Tensor]:
    return [value for value in tree_flatten(values)[0] if isinstance(value, torch.Tensor)]


def _on_tensors(change: Callable[[torch.Tensor], Any]) -> Callable[[Any], Any]:
    return lambda value: change(value) if isinstance(value, torch.Tensor) else value


def _drop(module: nn.Module, values: torch.Tensor) -> torch.Tensor:
    """Dropout that draws for the whole batch, as one process does at once."""
    forward: Forward = type(module).forward
    call = current_call()
    if call is None or call.number == 1 or not module.training:
        dropped: torch.Tensor = forward(module, values)
        return dropped
    layout = torch.channels_last if _is_channels_last(values) else torch.contiguous_format
    shape = (len(values) * call.number, *values.shape[1:])
    ones = torch.empty(shape, dtype=values.dtype, device=values.device, memory_format=layout)
    factors = forward(module, ones.fill_(1))
    expect_random_state(values.device)
    own: torch.Tensor = factors[call.place :: call.number]
    return values * own


def _is_channels_last(values: torch.Tensor) -> bool:
    return values.dim() == 4 and values.is_contiguous(memory_format=torch.channels_last)
