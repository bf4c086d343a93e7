"""A batch divided among processes: each runs the networks on its share, and all see the whole.

Every process takes the same step on the same batch with the same random numbers. A network, called,
runs on this process' share of the entries, and returns the outputs of all processes joined: like
`DataParallel`, but from process to process. What a step does with these (losses over all pairs,
draws, the choice of a part of the batch) is computed by every process alike, so that a method needs
to know nothing of the others, whatever its losses compare.

Gradients are those of one process. Backwards, a process takes its share of what the loss says of an
output, times the number of processes, and an input gets the shares of all, divided by it; so the
mean over processes is the gradient of a parameter, used inside a network or beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any, TypeAlias

import torch
from torch import distributed, nn
from torch.nn.modules._functions import SyncBatchNorm
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils._pytree import tree_flatten, tree_map

from bench_core.contracts.errors import PluginError
from bench_core.system.process_group import num_processes, rank, together

Forward: TypeAlias = Callable[[Any, torch.Tensor], torch.Tensor]

DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)


class _Running:
    """What of a divided step is being run."""

    active = False
    calls: list[bool] = []  # noqa: RUF012  # there is one step at a time in a process
    """For each module call within another, the outermost first: whether it is of a share."""
    backward = False
    """Whether a backward pass runs, in which no network is called but by `recompute`."""
    random_state = torch.empty(0, dtype=torch.uint8)
    """Before the outermost call, and after each draw that was made for the whole batch."""


class Division:
    """The networks of a training, for `divided`.

    Args:
        networks: All of them.

    Raises:
        PluginError: One of them normalises in a way that cannot be divided.
    """

    def __init__(self, networks: nn.Module) -> None:
        self._changed: list[tuple[nn.Module, Forward]] = []
        for name, module in networks.named_modules():
            if type(module).forward is _BatchNorm.forward:
                self._changed.append((module, _normalize))
            elif type(module) in DROPOUTS:
                self._changed.append((module, _drop))
            elif isinstance(module, _BatchNorm) or (
                isinstance(module, _NormBase) and module.track_running_stats
            ):
                raise PluginError(
                    f"'{name}' ({type(module).__name__}) keeps statistics of its batch in a way "
                    "of its own, which several processes cannot share; train it in one process"
                )

    @contextmanager
    def divided(self) -> Iterator[None]:
        """Divide the batch of every network that is called in this block.

        Raises:
            PluginError: A network cannot be divided; the message says why.
        """
        hooks = (
            register_module_forward_pre_hook(_enter),  # type: ignore[arg-type]
            register_module_forward_hook(_leave, with_kwargs=True, always_call=True),
        )
        for module, forward in self._changed:
            module.__dict__["forward"] = partial(forward, module)
        _Running.active = True
        try:
            yield
        finally:
            _Running.active = False
            _Running.calls = []
            for module, _ in self._changed:
                del module.__dict__["forward"]
            for hook in hooks:
                hook.remove()


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Give all processes the mean of their gradients; outside `divided`, leave them as they are."""
    gradients = [each.grad for each in parameters if each.grad is not None]
    if not _Running.active or not gradients:
        return
    joined = torch.cat([gradient.reshape(-1) for gradient in gradients])
    with together():
        distributed.all_reduce(joined)
    joined /= num_processes()
    sizes = [gradient.numel() for gradient in gradients]
    parts = torch.split(joined, sizes)
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))


@contextmanager
def going_backwards() -> Iterator[None]:
    """Refuse, in this block, what calls networks by itself instead of by `recompute`.

    Raises:
        PluginError: Something does.
    """
    _Running.backward = True
    try:
        yield
    finally:
        _Running.backward = False


def as_now() -> Callable[[], AbstractContextManager[None]]:
    """Return what divides a batch in a later block as it is divided now."""
    calls = list(_Running.calls)
    return lambda: _again(calls)


@contextmanager
def _again(calls: list[bool]) -> Iterator[None]:
    before = _Running.calls, _Running.backward
    _Running.calls, _Running.backward = list(calls), False
    try:
        yield
    finally:
        _Running.calls, _Running.backward = before


def _enter(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """Before a module is called: where none is around it, give it its share of the batch."""
    calls = _Running.calls
    calls.append(bool(calls) and calls[-1])
    if len(calls) > 1:
        return None
    if _Running.backward:
        raise PluginError(
            f"{type(module).__name__} is computed again in the backward pass, but not by "
            "bench_core.methods.recompute, which several processes need"
        )
    tensors = _tensors(inputs)
    if not _is_divided(module, tensors):
        return None
    calls[-1] = True
    _Running.random_state = _random_state(tensors[0].device)
    shared: tuple[Any, ...] = tree_map(_on_tensors(_Part.apply), inputs)
    return shared


def _leave(module: nn.Module, inputs: tuple[Any, ...], *options_and_output: Any) -> Any:
    """After a module was called: join what was computed of the shares.

    Also after it failed, without options and output: a recomputation ends so when it has enough.
    """
    of_share = _Running.calls.pop()
    *options, output = options_and_output
    if _Running.calls or not of_share or output is None:
        return None
    given, made = _tensors(inputs), _tensors(output)
    size = len(given[0])
    name = type(module).__name__
    if _tensors(options):
        raise PluginError(f"{name} is given a tensor by name, and several processes divide those "
                          "by position alone")  # fmt: skip
    if any(each.dim() == 0 or len(each) != size for each in made):
        raise PluginError(
            f"{name} returns something else than an entry for each of its batch, so that several "
            "processes cannot divide it; compute losses outside of modules with parameters"
        )
    if not torch.equal(_random_state(given[0].device), _Running.random_state):
        raise PluginError(
            f"{name} draws random numbers other than by nn.Dropout, so that several processes "
            "would draw others than one; draw them outside of modules with parameters"
        )
    return tree_map(_on_tensors(_Whole.apply), output)


def _is_divided(module: nn.Module, tensors: list[torch.Tensor]) -> bool:
    """Say whether a call is divided: it has something to learn, and an even number of entries.

    Others, such as losses, every process computes on the whole batch.
    """
    if not tensors or next(module.parameters(), None) is None:
        return False
    if any(each.dim() == 0 for each in tensors) or len({len(each) for each in tensors}) > 1:
        return False
    return len(tensors[0]) > 0 and len(tensors[0]) % num_processes() == 0


def _tensors(values: Any) -> list[torch.Tensor]:
    return [value for value in tree_flatten(values)[0] if isinstance(value, torch.Tensor)]


def _on_tensors(change: Callable[[torch.Tensor], Any]) -> Callable[[Any], Any]:
    return lambda value: change(value) if isinstance(value, torch.Tensor) else value


def _random_state(device: torch.device) -> torch.Tensor:
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()


def _part(values: torch.Tensor) -> torch.Tensor:
    size = len(values) // num_processes()
    return values[rank() * size : (rank() + 1) * size]


class _Part(torch.autograd.Function):
    """This process' share of a batch."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor) -> torch.Tensor:  # noqa: ARG004
        """Cut it out; a copy, which a network may change in place."""
        return _part(values).clone()

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:  # noqa: ARG004
        """Join what all processes say of their shares."""
        joined: torch.Tensor = _Whole.apply(gradients[0])  # type: ignore[no-untyped-call]
        return joined / num_processes()


class _Whole(torch.autograd.Function):
    """The shares of all processes, joined."""

    @staticmethod
    def forward(ctx: Any, share: torch.Tensor) -> torch.Tensor:  # noqa: ARG004
        """Exchange them, as bytes: not every backend knows every number format."""
        channels_last = share.dim() == 4 and share.is_contiguous(memory_format=torch.channels_last)
        ordered = share.permute(0, 2, 3, 1) if channels_last else share
        ordered = ordered.contiguous()
        whole = ordered.new_empty((len(ordered) * num_processes(), *ordered.shape[1:]))
        with together():
            distributed.all_gather_into_tensor(_bytes(whole), _bytes(ordered))
        return whole.permute(0, 3, 1, 2) if channels_last else whole

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:  # noqa: ARG004
        """Take this process' share of what is said of the whole; see the module."""
        share: torch.Tensor = _Part.apply(gradients[0])  # type: ignore[no-untyped-call]
        return share * num_processes()


def _bytes(values: torch.Tensor) -> torch.Tensor:
    return values.view(-1).view(torch.uint8)


def _drop(module: nn.Module, values: torch.Tensor) -> torch.Tensor:
    """Dropout that draws for the whole batch, as one process does."""
    forward: Forward = type(module).forward
    if not (_Running.calls and _Running.calls[-1] and module.training):
        return forward(module, values)
    layout = torch.channels_last if _is_channels_last(values) else torch.contiguous_format
    shape = (len(values) * num_processes(), *values.shape[1:])
    ones = torch.empty(shape, dtype=values.dtype, device=values.device, memory_format=layout)
    factors = forward(module, ones.fill_(1))
    _Running.random_state = _random_state(values.device)
    return values * _part(factors)


def _is_channels_last(values: torch.Tensor) -> bool:
    return values.dim() == 4 and values.is_contiguous(memory_format=torch.channels_last)


def _normalize(module: _BatchNorm, values: torch.Tensor) -> torch.Tensor:
    """Batch normalisation by the statistics of the whole batch."""
    by_batch = module.training or module.running_mean is None
    if not (_Running.calls and _Running.calls[-1] and by_batch):
        normalized: torch.Tensor = _BatchNorm.forward(module, values)
        return normalized
    learns = module.training and module.track_running_stats
    share = module.momentum or 0.0
    if learns and module.num_batches_tracked is not None:
        module.num_batches_tracked.add_(1)
        if module.momentum is None:
            share = 1 / float(module.num_batches_tracked)
    running = (module.running_mean, module.running_var) if learns else (None, None)
    with together():
        if values.is_cuda:
            synchronized: torch.Tensor = SyncBatchNorm.apply(  # type: ignore[no-untyped-call]
                values, module.weight, module.bias, *running, module.eps, share,
                distributed.group.WORLD, num_processes(),
            )  # fmt: skip
            return synchronized
        return _normalize_on_processor(module, values, running, share)


def _normalize_on_processor(
    module: _BatchNorm,
    values: torch.Tensor,
    running: tuple[torch.Tensor | None, torch.Tensor | None],
    share: float,
) -> torch.Tensor:
    """What torch has for CUDA alone."""
    dimensions = [0, *range(2, values.dim())]
    exact = values.float()
    mean = _mean_of_processes(exact.mean(dimensions, keepdim=True))
    centred = exact - mean
    variance = _mean_of_processes(centred.square().mean(dimensions, keepdim=True))
    normalized = centred * (variance + module.eps).rsqrt()
    if module.weight is not None:
        normalized = normalized * module.weight.view_as(mean) + module.bias.view_as(mean)
    number = values.numel() // values.shape[1] * num_processes()
    with torch.no_grad():
        if running[0] is not None and running[1] is not None:
            running[0].lerp_(mean.flatten(), share)
            running[1].lerp_(variance.flatten() * (number / (number - 1)), share)
    return normalized.to(values.dtype)


class _Mean(torch.autograd.Function):
    """The mean over processes of what each has computed; their gradients are other ones as well."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor) -> torch.Tensor:  # noqa: ARG004
        """Sum up, and divide."""
        summed = values.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(summed)
        return summed / num_processes()

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:  # noqa: ARG004
        """Do the same with what each process says of the mean."""
        mean: torch.Tensor = _Mean.apply(gradients[0])  # type: ignore[no-untyped-call]
        return mean


def _mean_of_processes(values: torch.Tensor) -> torch.Tensor:
    mean: torch.Tensor = _Mean.apply(values)  # type: ignore[no-untyped-call]
    return mean
