"""An image corrupted by name and severity, or by what was drawn for it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from bench_core.contracts.errors import UsageError, unknown_name
from bench_core.corrupted_twins import CORRUPTIONS, SEVERITIES
from bench_core.corruption import blur, digital, noise, spatter, weather
from bench_core.synthetic.randomness import Randomness

Corrupt = Callable[[NDArray[np.uint8], int, Randomness], NDArray[np.uint8]]

_MODULES = (noise, blur, weather, spatter, digital)
_FUNCTIONS: Mapping[str, Corrupt] = MappingProxyType(
    {
        name: next(getattr(module, name) for module in _MODULES if hasattr(module, name))
        for name in CORRUPTIONS
    }
)


def corrupt(
    pixels: NDArray[np.uint8], corruption: str, severity: int, *, name: str, seed: int = 0
) -> NDArray[np.uint8]:
    """Corrupt an image. The same arguments give the same bits everywhere.

    Args:
        pixels: (H, W, 3), uint8, RGB.
        corruption: One of `CORRUPTIONS`.
        severity: 1 to 5.
        name: The image's path in its dataset.
        seed: Of its random numbers, with the name, the corruption and the severity.

    Returns:
        Array of the same shape, uint8.

    Raises:
        UsageError: There is no such corruption, or no such severity.
    """
    if corruption not in _FUNCTIONS:
        raise unknown_name("corruption", corruption, _FUNCTIONS)
    if severity not in SEVERITIES:
        raise UsageError(f"severity {severity}: a corruption has severities 1 to {SEVERITIES[-1]}")
    random = _randomness(seed, name, corruption, severity)
    return _FUNCTIONS[corruption](pixels, severity, random)


def drawn(name: str, seed: int = 0) -> tuple[str, int]:
    """Draw the corruption and the severity of an image, each of 100 pairs as often.

    Args:
        name: The image's path in its dataset.
        seed: Of the draw.
    """
    random = _randomness(seed, name)
    return CORRUPTIONS[random.below(len(CORRUPTIONS))], SEVERITIES[random.below(len(SEVERITIES))]


def degrade(
    pixels: NDArray[np.uint8], name: str, settings: Mapping[str, str | int]
) -> NDArray[np.uint8]:
    """Corrupt an image as the settings of its degradation say: see `Degrade`.

    With a `corruption` and a `severity` every image gets these, else those that were drawn for it.
    """
    seed = int(settings["seed"])
    if "corruption" in settings:
        corruption, severity = str(settings["corruption"]), int(settings["severity"])
    else:
        corruption, severity = drawn(name, seed)
    return corrupt(pixels, corruption, severity, name=name, seed=seed)


def _randomness(*parts: object) -> Randomness:
    """Return the random numbers of an image; Python's own hash differs between processes."""
    text = "\0".join(map(str, parts))
    digest = hashlib.sha256(text.encode(errors="surrogateescape")).digest()
    return Randomness(int.from_bytes(digest, "little"))
