"""A step of the paper's size fits the memory of one graphics card."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from bench_aligngan.config import AlignGANConfig
from bench_aligngan.method import AlignGAN
from bench_core.methods import Batch
from bench_core.testing import build_updates

Choose = Callable[..., AlignGANConfig]

GIB = 2**30


class Memory(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up the tensors that are alive.

    Attributes:
        peak: The most bytes alive at once.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak: int = 0
        self._now = 0
        self._known: weakref.WeakSet[Any] = weakref.WeakSet()

    def __torch_dispatch__(
        self, function: Any, _types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        for value in tree_leaves(result):
            if isinstance(value, torch.Tensor):
                self._add(value.untyped_storage())
        return result

    def _add(self, storage: torch.UntypedStorage) -> None:
        if storage not in self._known:
            self._known.add(storage)
            self._now += int(storage.nbytes())
            self.peak = max(self.peak, self._now)
            weakref.finalize(storage, self._remove, storage.nbytes())

    def _remove(self, num_bytes: int) -> None:
        self._now -= num_bytes


def peak_of_a_joint_step(config: AlignGANConfig, precision: torch.dtype) -> int:
    """Count weights, the states of their optimisers, gradients and activations, in bytes."""
    with FakeTensorMode(), Memory() as memory:
        method = AlignGAN(config, num_identities=395)
        joint = method.stages()[-1]
        updates = build_updates(joint)
        number = joint.sampling.identities * joint.sampling.images
        images = torch.empty(number, 3, *config.image_size)
        batch = Batch(images, images.clone(), torch.zeros(number, dtype=torch.int64))
        for _ in range(2):
            with torch.autocast("cpu", dtype=precision, enabled=precision != torch.float32):
                joint.step(batch, updates)
    peak: int = memory.peak
    return peak


@pytest.mark.slow
@pytest.mark.parametrize(
    ("preset", "precision", "assignments", "gibibytes"),
    [
        ("paper", torch.bfloat16, (), 15),
        *(
            pytest.param(*case, marks=pytest.mark.exhaustive)
            for case in (
                ("paper", torch.float32, ("recompute_activations=true",), 12),
                ("official-code", torch.float32, (), 24),
            )
        ),
    ],
)
def test_a_joint_step_with_the_whole_batch_fits(
    preset: str,
    precision: torch.dtype,
    assignments: tuple[str, ...],
    gibibytes: int,
    config_of: Choose,
) -> None:
    peak = peak_of_a_joint_step(config_of(preset, "full", *assignments), precision)
    assert 1 * GIB < peak < gibibytes * GIB
