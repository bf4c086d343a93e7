"""Which speeds compare: those of one device, number format and software."""

from __future__ import annotations

from collections.abc import Mapping


def speed_group(device: str, number_format: str, versions: Mapping[str, str]) -> str:
    """Return a key that two measurements share if their speeds may be ranked.

    Args:
        device: Name of the device, with its number of threads where it is a processor.
        number_format: Such as "float32".
        versions: Version of each distribution by name; that of torch names its build for CUDA.
    """
    return f"{device} | {number_format} | torch {versions['torch']}"
