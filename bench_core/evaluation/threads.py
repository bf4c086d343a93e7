"""How many threads work on arrays at once."""

from __future__ import annotations

import os

_MOST = 16


def num_threads() -> int:
    """Return one thread for each processor that this process may use, up to 16."""
    try:
        usable = len(os.sched_getaffinity(0))
    except AttributeError:  # not on every platform
        usable = os.cpu_count() or 1
    return min(usable, _MOST)
