"""Which networks the time of a step goes to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import nn

from bench_core.profiling.timing import Call, Moment, elapsed_seconds, now


def forward_shares(call: Call, networks: nn.ModuleDict, device: torch.device) -> dict[str, float]:
    """Return the shares of a call's time that pass in the forward passes of each network.

    A network that another one calls is a part of that. A forward pass that is computed again in the
    backward pass counts, too.

    Args:
        call: What is measured.
        networks: The networks by name.
        device: Where they compute.

    Returns:
        By name, shares in [0, 1], 0 for a network that does not run.
    """
    with _watched(networks, device) as spans:
        started = now(device)
        call()
        total = elapsed_seconds(started, now(device))
    seconds = dict.fromkeys(networks, 0.0)
    for name, first, last in spans:
        seconds[name] += elapsed_seconds(first, last)
    return {name: value / total for name, value in seconds.items()}


@contextmanager
def _watched(
    networks: nn.ModuleDict, device: torch.device
) -> Iterator[list[tuple[str, Moment, Moment]]]:
    """Collect from when to when each network ran, by hooks on all of its modules.

    A method may call a part of a network without the whole, so that its own hook is not enough.
    """
    spans: list[tuple[str, Moment, Moment]] = []
    running: list[Moment] = []

    def enter(*_: Any) -> None:
        running.append(now(device))

    def leave(name: str, *_: Any) -> None:
        started = running.pop()
        if not running:
            spans.append((name, started, now(device)))

    with ExitStack() as hooks:
        for path, module in networks.named_modules():
            if path:
                before = module.register_forward_pre_hook(enter)
                hooks.callback(before.remove)
                after = module.register_forward_hook(
                    partial(leave, path.partition(".")[0]), always_call=True
                )
                hooks.callback(after.remove)
        yield spans
