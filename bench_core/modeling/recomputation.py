"""Less memory for more time: activations computed again in the backward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.checkpoint import checkpoint

from bench_core.modeling.sharing import as_now, random_state, set_random_state

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def recompute(network: nn.Module, *inputs: torch.Tensor) -> torch.Tensor:
    """Run a network and keep only its inputs; the backward pass runs it again.

    The result and all gradients are those of `network(*inputs)`, batch statistics and draws
    included, and running statistics are updated once, also where the graph is kept for a second
    backward pass.

    Args:
        network: A network of one output, in the same mode when the backward pass comes.
        inputs: Its inputs.
    """
    output: torch.Tensor = recomputed(network, network, *inputs)
    return output


def recomputed(run: Callable[..., Any], network: nn.Module, *inputs: Any) -> Any:
    """Do with `run`, which runs a network, what `recompute` does, whatever goes in and comes out.

    Args:
        run: Takes the inputs.
        network: What learns running statistics in it.
        inputs: Its inputs.
    """
    tensors = [value for value in tree_leaves(inputs) if isinstance(value, torch.Tensor)]
    device = tensors[0].device if tensors else torch.device("cpu")
    # Drawn from again in the backward pass; and lists may have grown until then.
    state, divided_as_now = random_state(device), as_now()
    return checkpoint(
        run,
        *tree_map(lambda value: value, inputs),
        use_reentrant=False,
        preserve_rng_state=False,
        context_fn=lambda: (nullcontext(), _AsBefore(network, divided_as_now, state, device)),
    )


def recompute_blocks(network: nn.Module, inputs: torch.Tensor) -> torch.Tensor:
    """Run a network block by block and keep only what passes from one block to the next.

    Sequences are taken apart; what has layers of its own is a block; single layers run as usual.

    Args:
        network: Such as the body of a backbone; otherwise as in `recompute`.
        inputs: Its input.
    """
    if isinstance(network, nn.Sequential):
        for part in network:
            inputs = recompute_blocks(part, inputs)
        return inputs
    if any(True for _ in network.children()):
        return recompute(network, inputs)
    output: torch.Tensor = network(inputs)
    return output


class _AsBefore(AbstractContextManager[None]):
    """Runs a network as before, but for its running statistics; once in each backward pass."""

    def __init__(
        self,
        network: nn.Module,
        divided: Callable[[], AbstractContextManager[None]],
        state: torch.Tensor,
        device: torch.device,
    ) -> None:
        self._network, self._divided = network, divided
        self._state, self._device = state, device

    def __enter__(self) -> None:
        with ExitStack() as stack:
            stack.enter_context(running_statistics_kept(self._network))
            stack.enter_context(self._divided())
            stack.callback(set_random_state, random_state(self._device), self._device)
            set_random_state(self._state, self._device)
            self._blocks = stack.pop_all()

    def __exit__(self, *exception: Any) -> None:
        self._blocks.close()


@contextmanager
def running_statistics_kept(*networks: nn.Module) -> Iterator[None]:
    """Leave the running statistics of networks as they are in this block.

    Normalisation by the batch goes on as usual.

    Args:
        networks: What is run in the block, all or in part.
    """
    kept = [
        (module, name, getattr(module, name))
        for network in networks
        for module in network.modules()
        if module.training and getattr(module, "track_running_stats", False)
        for name in STATISTICS
    ]
    for module, name, value in kept:
        setattr(module, name, value.clone())
    try:
        yield
    finally:
        for module, name, value in kept:
            setattr(module, name, value)
