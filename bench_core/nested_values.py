"""Nested values by keys with dots, such as "optimizer.learning_rate": merged and compared."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

DEEPEST = 16
"""Levels of parts within parts that a value may have; no configuration comes near."""
LARGEST = 2**63 - 1
"""Greatest whole number of a value, as processors count."""


def beyond_all(value: Any, depth: int = 0) -> str | None:
    """Say why no configuration can hold a value; None where one might."""
    if depth > DEEPEST:
        return f"it goes more than {DEEPEST} levels deep, and no configuration does"
    if isinstance(value, int) and abs(value) > LARGEST:
        return f"a whole number lies between -{LARGEST} and {LARGEST}"
    inner = value.values() if isinstance(value, Mapping) else value
    if isinstance(value, Mapping | list):
        return next(filter(None, (beyond_all(part, depth + 1) for part in inner)), None)
    return None


def expanded(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values whose keys may have dots, such as "optimizer.learning_rate", as parts."""
    parts: dict[str, Any] = {}
    for key, value in values.items():
        inner = expanded(value) if isinstance(value, Mapping) else value
        parts = merged(parts, nested(key.split("."), inner))
    return parts


def nested(keys: Sequence[str], value: Any) -> dict[str, Any]:
    """Return a value within as many parts as there are keys."""
    for key in reversed(keys):
        value = {key: value}
    return dict(value)


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested values with changes to them."""
    result = dict(base)
    for key, value in changes.items():
        both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merged(result[key], value) if both else value
    return result


def overlapping(values: Mapping[str, Any], key: str) -> bool:
    """Say whether nested values have a key, such as "optimizer.learning_rate", or a part of it."""
    return overlap(flattened(values), [key])


def overlap(first: Iterable[str], second: Iterable[str]) -> bool:
    """Say whether a key of one set is, holds, or lies within a key of the other."""
    return any(
        f"{b}.".startswith(f"{a}.") or f"{a}.".startswith(f"{b}.") for a in first for b in second
    )


def flattened(values: Mapping[str, Any], prefix: str = "") -> set[str]:
    """Return the keys of all values that hold no others, such as "optimizer.learning_rate"."""
    keys: set[str] = set()
    for key, value in values.items():
        is_part = isinstance(value, Mapping) and bool(value)
        keys |= flattened(value, f"{prefix}{key}.") if is_part else {prefix + key}
    return keys


def differing_parts(
    given: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the part of nested values in whose keys two others differ.

    Args:
        given: The values.
        before: Nested JSON values.
        after: Others.
    """
    kept: dict[str, Any] = {}
    for key, value in given.items():
        old, new = before.get(key), after.get(key)
        if all(isinstance(each, Mapping) and each for each in (value, old, new)):
            part = differing_parts(value, old, new)  # type: ignore[arg-type]
            kept |= {key: part} if part else {}
        elif json.dumps(old, sort_keys=True) != json.dumps(new, sort_keys=True):
            kept[key] = value
    return kept
