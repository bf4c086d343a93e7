"""What processes that share a batch exchange, forwards and backwards.

Gradients are those of one process. Backwards, a process takes its share of what the loss says of an
output, times the number of processes, and an input gets the shares of all, divided by it; so the
mean over processes is the gradient of a parameter, used inside a network or beside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from bench_core.modeling.sharing import current_sharing
from bench_core.system.process_group import add_up, gather, num_processes, rank


def own_share(values: torch.Tensor) -> torch.Tensor:
    """Return this process' share of a batch: a copy, which a network may change in place."""
    share: torch.Tensor = _Share.apply(values)  # type: ignore[no-untyped-call]
    return share


def joined_shares(share: torch.Tensor) -> torch.Tensor:
    """Return the batch that `own_share` divided, of the shares of all processes."""
    whole: torch.Tensor = _Whole.apply(share)  # type: ignore[no-untyped-call]
    return whole


def interleaved(shares: torch.Tensor, number: int) -> torch.Tensor:
    """Return a batch in its order, of so many shares one behind another.

    A share has every n-th entry of the batch. Batches have one modality behind the other, and one
    person's images side by side: shares cut out as blocks would be of one modality each, and
    statistics of a share those of a modality.
    """
    channels_last = shares.dim() == 4 and shares.is_contiguous(memory_format=torch.channels_last)
    rows = shares.permute(0, 2, 3, 1) if channels_last else shares
    rows = rows.reshape(number, -1, *rows.shape[1:]).transpose(0, 1).flatten(0, 1)
    return rows.permute(0, 3, 1, 2) if channels_last else rows


def mean_of_processes(values: torch.Tensor) -> torch.Tensor:
    """Return the mean over processes of what each has computed."""
    mean: torch.Tensor = _Mean.apply(values)  # type: ignore[no-untyped-call]
    return mean


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Give all processes the mean of their gradients; outside a shared step, leave them."""
    gradients = [each.grad for each in parameters if each.grad is not None]
    if current_sharing() is None or num_processes() == 1 or not gradients:
        return
    joined = torch.cat([gradient.reshape(-1) for gradient in gradients])
    add_up(joined)
    joined /= num_processes()
    sizes = [gradient.numel() for gradient in gradients]
    parts = torch.split(joined, sizes)
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))


def agreed(value: torch.Tensor) -> torch.Tensor:
    """Return the mean over processes of a value that each has; outside a shared step, the value."""
    if current_sharing() is None or num_processes() == 1:
        return value
    return mean_of_processes(value)


class _Share(torch.autograd.Function):
    """This process' share of a batch."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor) -> torch.Tensor:  # noqa: ARG004
        """Take every n-th entry; a copy, which a network may change in place."""
        return values[rank() :: num_processes()].clone()

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:  # noqa: ARG004
        """Join what all processes say of their shares."""
        return joined_shares(gradients[0]) / num_processes()


class _Whole(torch.autograd.Function):
    """The shares of all processes, joined."""

    @staticmethod
    def forward(ctx: Any, share: torch.Tensor) -> torch.Tensor:  # noqa: ARG004
        """Exchange them, as bytes: not every backend knows every number format."""
        channels_last = share.dim() == 4 and share.is_contiguous(memory_format=torch.channels_last)
        ordered = share.permute(0, 2, 3, 1) if channels_last else share
        ordered = ordered.contiguous()
        whole = ordered.new_empty((len(ordered) * num_processes(), *ordered.shape[1:]))
        gather(_bytes(whole), _bytes(ordered))
        whole = whole.permute(0, 3, 1, 2) if channels_last else whole
        return interleaved(whole, num_processes())

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:  # noqa: ARG004
        """Take this process' share of what is said of the whole; see the module."""
        return own_share(gradients[0]) * num_processes()


class _Mean(torch.autograd.Function):
    """The mean over processes of what each has computed; their gradients are other ones as well."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor) -> torch.Tensor:  # noqa: ARG004
        """Sum up, and divide."""
        summed = values.clone(memory_format=torch.contiguous_format)
        add_up(summed)
        return summed / num_processes()

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:  # noqa: ARG004
        """Do the same with what each process says of the mean."""
        return mean_of_processes(gradients[0])


def _bytes(values: torch.Tensor) -> torch.Tensor:
    return values.view(-1).view(torch.uint8)
