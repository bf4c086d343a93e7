"""Random numbers that depend on where a training is, not on how it got there."""

from __future__ import annotations

import numpy as np
import torch

Place = tuple[int, ...]
"""Seed, stage, epoch and so on: everything that a draw may depend on."""

SAMPLING, AUGMENTATION, STEPS, EPOCH_BEGIN, EPOCH_END = range(5)
"""What a random draw is for: the part of its place behind the epoch."""


def numpy_generator(place: Place) -> np.random.Generator:
    """Return the generator that belongs to a place in a training."""
    return np.random.default_rng(np.random.SeedSequence(place))


def torch_generator(place: Place) -> torch.Generator:
    """Return the CPU generator that belongs to a place in a training."""
    return torch.Generator().manual_seed(_torch_seed(place))


def seed_global_generators(place: Place) -> None:
    """Seed torch's global generators (initialisation, dropout) on every device."""
    torch.manual_seed(_torch_seed(place))


def _torch_seed(place: Place) -> int:
    return int(np.random.SeedSequence(place).generate_state(1, np.uint64)[0] >> np.uint64(1))
