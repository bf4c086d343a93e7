"""The public modules of the core, and where a name is that a plugin looked for in the wrong one."""

from __future__ import annotations

import importlib
import re

from bench_core.system.escaping import in_one_line

DOORS = (
    "bench_core",
    "bench_core.methods",
    "bench_core.datasets",
    "bench_core.rerankers",
    "bench_core.synthetic",
    "bench_core.dropin",
    "bench_core.testing",
)
_MISSED = re.compile(r"cannot import name '(\w+)' from '(bench_core[\w.]*)'")


def load_failure(error: BaseException) -> str:
    """Return why a plugin's module did not load, in one line.

    Where it imports a name of the core that another door has, the line ends with that door.

    Examples:
        >>> load_failure(ImportError("cannot import name 'MethodConfig' from 'bench_core' (x)"))
        "ImportError: cannot import name 'MethodConfig' from 'bench_core' (x); import it from \
bench_core.methods"
    """
    line = in_one_line(error)
    missed = _MISSED.search(line) if isinstance(error, ImportError) else None
    door = None if missed is None else _door_with(missed[1])
    return line if door is None else f"{line}; import it from {door}"


def _door_with(name: str) -> str | None:
    return next((door for door in DOORS if _has(door, name)), None)


def _has(door: str, name: str) -> bool:
    try:
        return hasattr(importlib.import_module(door), name)
    except ImportError:  # a door whose libraries are not installed, as those of tests
        return False
