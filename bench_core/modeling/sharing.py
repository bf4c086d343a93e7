"""How the batch of a step is shared, and which share of it is being computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace

import torch
from torch import nn
from torch.utils._python_dispatch import _disable_current_modes

from bench_core.contracts.method import BatchStatistics
from bench_core.system.process_group import num_processes


@dataclass(frozen=True, kw_only=True)
class Sharing:
    """How a training shares its batches.

    Attributes:
        parts: Parts of a process' share that networks run on one after another.
        statistics: What batch normalisation normalises by: "whole", the statistics of the whole
            batch, or "share", those of each share by itself.
    """

    parts: int = 1
    statistics: BatchStatistics = "whole"

    @property
    def num_shares(self) -> int:
        """Into how many shares a batch is divided, over all processes."""
        return num_processes() * self.parts

    @property
    def normalized_shares(self) -> int | None:
        """How many shares are normalised by their own statistics; None for the whole batch."""
        return self.num_shares if self.statistics == "share" else None


WHOLE_BATCH = Sharing()
"""Each process takes its share at once."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Learned:
    """The statistics of a share that a normalisation is to learn from.

    Attributes:
        module: The normalisation.
        mean: (C,) of the share.
        variance: (C,) of the share, unbiased.
    """

    module: nn.Module
    mean: torch.Tensor
    variance: torch.Tensor


@dataclass(frozen=True, eq=False, kw_only=True)
class Call:
    """A call of a network that no other is around, on a batch or on a share of it.

    Attributes:
        place: Number of the share, from 0, and of its first entry in the batch.
        number: How many shares the batch has; a share has every so manieth entry.
        statistics: As in `Sharing`.
        recomputed: Whether its blocks are computed again in the backward pass.
        learned: Where statistics of shares are collected; None where nothing is to be learned.
    """

    place: int = 0
    number: int = 1
    statistics: BatchStatistics = "whole"
    recomputed: bool = False
    learned: list[Learned] | None = field(default=None)


class _Running:
    """What of a shared step is being run; there is one step at a time in a process."""

    sharing: Sharing | None = None
    call: Call | None = None
    backward = False
    random_state = b""


def current_sharing() -> Sharing | None:
    """Return how the running step shares its batch; None outside of one that does."""
    return _Running.sharing


def current_call() -> Call | None:
    """Return the call of a network that is running; None between networks."""
    return _Running.call


def goes_backwards() -> bool:
    """Return whether a backward pass runs, in which no network is called but by `recompute`."""
    return _Running.backward


@contextmanager
def shared(sharing: Sharing) -> Iterator[None]:
    """Share the batch of a step in this block."""
    _Running.sharing = sharing
    try:
        yield
    finally:
        _Running.sharing = _Running.call = None


@contextmanager
def within(call: Call | None) -> Iterator[None]:
    """Compute what belongs to a call in this block."""
    before = _Running.call
    _Running.call = call
    try:
        yield
    finally:
        _Running.call = before


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
    """Return what computes in a later block what is computed now, and learns no statistics."""
    call = _Running.call and replace(_Running.call, learned=None)
    return lambda: _again(call)


@contextmanager
def _again(call: Call | None) -> Iterator[None]:
    before = _Running.backward
    _Running.backward = False
    try:
        with within(call):
            yield
    finally:
        _Running.backward = before


def random_state(device: torch.device) -> torch.Tensor:
    """Return the state of a device's generator, the real one in a simulation too."""
    with _disable_current_modes():
        on_cuda = device.type == "cuda"
        return torch.cuda.get_rng_state(device) if on_cuda else torch.get_rng_state()


def set_random_state(state: torch.Tensor, device: torch.device) -> None:
    """Set what `random_state` returned."""
    with _disable_current_modes():
        if device.type == "cuda":
            torch.cuda.set_rng_state(state, device)
        else:
            torch.set_rng_state(state)


def expect_random_state(device: torch.device) -> None:
    """Take the state of a device's generator as that which draws for the whole batch leave."""
    _Running.random_state = _bytes_of(random_state(device))


def is_random_state_expected(device: torch.device) -> bool:
    """Return whether nothing was drawn since `expect_random_state`."""
    return _Running.random_state == _bytes_of(random_state(device))


def _bytes_of(state: torch.Tensor) -> bytes:
    with _disable_current_modes():
        return state.numpy().tobytes()
