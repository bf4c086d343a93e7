"""In what recomputed scores differ from those of a record, named for people and programs."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from bench_core.contracts.result import Provenance
    from bench_core.contracts.scores import Scores

Part: TypeAlias = Literal[
    "record", "protocol", "convention", "dataset", "splits", "features", "scores", "queries",
    "environment",
]  # fmt: skip
LAST_DIGITS = 1e-6
"""Largest difference of a fraction that another processor or library may make."""
NUMERIC = ("python", "numpy", "torch")
"""Distributions, and Python, whose versions may decide the last digits."""


@dataclass(frozen=True)
class Difference:
    """Something that is not as the record says.

    Attributes:
        part: What differs: "record" was changed after it was written, "environment" means that
            nothing does but the last digits.
        text: How, in a line.
    """

    part: Part
    text: str


def score_difference(recorded: Scores, found: Scores, provenance: Provenance) -> Difference | None:
    """Compare scores number by number; None where all are the same to the last digit.

    Args:
        recorded: Those of the record. What older records do not hold is not compared.
        found: Those that the features give here.
        provenance: Where the record came from.
    """
    kept, computed = (
        dict(_numbers(scores.model_dump(mode="json", by_alias=True)))
        for scores in (recorded, found)
    )
    if recorded.similarity is None:
        computed.pop("iccs", None)
    if not recorded.by_query_camera:
        computed = {name: v for name, v in computed.items() if not name.startswith("by_query")}
    if kept.keys() != computed.keys():
        names = sorted(kept.keys() ^ computed.keys())
        return Difference("scores", f"of other trials or cameras, such as {names[0]}")
    wrong = {name: abs(kept[name] - computed[name]) for name in kept}
    wrong = {name: size for name, size in wrong.items() if size}
    if not wrong:
        return None
    name = max(wrong, key=lambda key: wrong[key])
    told = (
        f"{name} is {kept[name]!r} and the features give {computed[name]!r}; {len(wrong)} of "
        f"{len(kept)} numbers differ, none by more than {wrong[name]:.2g}"
    )
    if wrong[name] > LAST_DIGITS:
        return Difference("scores", told)
    return Difference("environment", f"only the last digits: {told} ({_environments(provenance)})")


def _numbers(value: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """Yield the numbers of a JSON document by their place, such as "trials[2].mAP"."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _numbers(part, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        for place, part in enumerate(value):
            yield from _numbers(part, f"{name}[{place}]")
    elif value is not None:
        yield name, value


def _environments(provenance: Provenance) -> str:
    """Say in what the two environments differ."""
    here = {
        "python": platform.python_version(),
        **{name: _version(name) for name in NUMERIC if name != "python"},
    }
    there = provenance.versions
    changes = [
        f"{name} {there[name]} there, {own} here"
        for name, own in here.items()
        if name in there and there[name] != own
    ]
    own = f"{platform.system()} {platform.machine()}"
    if provenance.platform != own:
        changes.append(f"{provenance.platform} there, {own} here")
    return "; ".join(changes) or "the same versions: another processor"


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:  # a bare source tree
        return "not installed"
