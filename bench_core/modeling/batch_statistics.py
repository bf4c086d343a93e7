"""Batch normalisation of a batch that is shared: by the statistics of all of it, or of a share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import distributed, nn
from torch.nn import functional
from torch.nn.modules._functions import SyncBatchNorm
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase

from bench_core.modeling.exchange import mean_of_processes
from bench_core.modeling.sharing import Learned, current_call
from bench_core.system.process_group import add_up, is_imagined, num_processes, together


def joins_images(network: nn.Module) -> bool:
    """Return whether what a network makes of an image depends on the others of its batch."""
    return any(
        _normalizes_by_batch(module)
        if isinstance(module, _BatchNorm)
        else isinstance(module, _NormBase) and module.training and module.track_running_stats
        for module in network.modules()
    )


def normalize(module: _BatchNorm, values: torch.Tensor) -> torch.Tensor:
    """Normalise what belongs to the current call.

    Args:
        module: The layer.
        values: (B, C, ...) of one share.
    """
    call = current_call()
    if call is None or call.number == 1 or not _normalizes_by_batch(module):
        normalized: torch.Tensor = _BatchNorm.forward(module, values)
        return normalized
    if call.statistics == "share":
        return _normalize_share(module, values, call.learned)
    return _normalize_whole(module, values)


def learn(learned: Sequence[Sequence[Learned]]) -> None:
    """Update running statistics by the mean over the shares of a batch.

    Args:
        learned: Of each share of this process, what its normalisations noted, in their order.
    """
    means = [torch.stack([_joined(each) for each in of_shares]).mean(0)
             for of_shares in zip(*learned, strict=True)]  # fmt: skip
    if not means:
        return
    summed = torch.cat(means)
    if num_processes() > 1:
        add_up(summed)
    parts = torch.split(summed / num_processes(), [len(mean) for mean in means])
    for first, part in zip(learned[0], parts, strict=True):
        module = cast("_BatchNorm", first.module)
        _update(module, part.chunk(2), _momentum(module))


def _normalizes_by_batch(module: _BatchNorm) -> bool:
    return module.training or module.running_mean is None


def _learns(module: _BatchNorm) -> bool:
    return module.training and module.track_running_stats


def _joined(learned: Learned) -> torch.Tensor:
    return torch.cat([learned.mean, learned.variance])


def _momentum(module: _BatchNorm) -> float:
    """Count a batch, and return the weight of its statistics."""
    if module.num_batches_tracked is not None:
        module.num_batches_tracked.add_(1)
        if module.momentum is None:
            return 1 / float(module.num_batches_tracked)
    return module.momentum or 0.0


def _update(module: _BatchNorm, present: Sequence[torch.Tensor], momentum: float) -> None:
    with torch.no_grad():
        for running, value in zip((module.running_mean, module.running_var), present, strict=True):
            if running is not None:
                running.lerp_(value.to(running.dtype), momentum)


def _normalize_share(
    module: _BatchNorm, values: torch.Tensor, learned: list[Learned] | None
) -> torch.Tensor:
    """Normalise a share by its own statistics, and note these where they are to be learned."""
    mean = variance = None
    if _learns(module) and module.running_mean is not None:
        # With a momentum of 1, the kernel leaves the statistics of the share here. Computed again,
        # they are learned no more, but saved with the graph as before.
        mean, variance = (torch.zeros_like(module.running_mean) for _ in range(2))
        if learned is not None:
            learned.append(Learned(module=module, mean=mean, variance=variance))
    return functional.batch_norm(
        values, mean, variance, module.weight, module.bias,
        training=True, momentum=1.0, eps=module.eps,
    )  # fmt: skip


def _normalize_whole(module: _BatchNorm, values: torch.Tensor) -> torch.Tensor:
    """Normalise by the statistics of the shares of all processes."""
    if is_imagined():  # it is counted, as one kernel
        return _normalize_share(module, values, None)
    learns = _learns(module)
    momentum = _momentum(module) if learns else 0.0
    with together():
        if values.is_cuda:
            running = (module.running_mean, module.running_var) if learns else (None, None)
            synchronized: torch.Tensor = SyncBatchNorm.apply(  # type: ignore[no-untyped-call]
                values, module.weight, module.bias, *running, module.eps, momentum,
                distributed.group.WORLD, num_processes(),
            )  # fmt: skip
            return synchronized
        return _normalize_on_processor(module, values, momentum, learns=learns)


def _normalize_on_processor(
    module: _BatchNorm, values: torch.Tensor, momentum: float, *, learns: bool
) -> torch.Tensor:
    """What torch has for CUDA alone."""
    dimensions = [0, *range(2, values.dim())]
    exact = values.float()
    mean = mean_of_processes(exact.mean(dimensions, keepdim=True))
    centred = exact - mean
    variance = mean_of_processes(centred.square().mean(dimensions, keepdim=True))
    normalized = centred * (variance + module.eps).rsqrt()
    if module.weight is not None:
        normalized = normalized * module.weight.view_as(mean) + module.bias.view_as(mean)
    number = values.numel() // values.shape[1] * num_processes()
    if learns:
        unbiased = variance.detach().flatten() * (number / (number - 1))
        _update(module, (mean.detach().flatten(), unbiased), momentum)
    return normalized.to(values.dtype)
