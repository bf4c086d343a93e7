"""What words around a number say of it: dataset, search, shots, direction, metric."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType

LONGEST_HEADING = 4000
"""Characters of a heading or caption that are looked at."""
V, N = "visible", "infrared"
MODALITIES: Mapping[str, str] = MappingProxyType({
    "visible": V, "vis": V, "rgb": V, "v": V,
    "thermal": N, "infrared": N, "ir": N, "nir": N, "t": N, "i": N,
})  # fmt: skip
_WORD = "visible|vis|rgb|v|thermal|infrared|nir|ir|t|i"
DIRECTION = re.compile(
    rf"(?<![a-z])({_WORD})\s*[-_ ]*\s*(?:to|2|\u2192|->|=>|>)\s*[-_ ]*\s*({_WORD})(?![a-z])"
)
RANK = re.compile(r"(?<![a-z])(?:rank|r|top|cmc|k)\s*[-_@=:.(]*\s*(?:k\s*=\s*)?(1|5|10|20)(?!\d)")
PRECISION = re.compile(r"(?<![a-z])m\s?ap(?![a-z])")
INVERSE = re.compile(r"(?<![a-z])m\s?inp(?![a-z])")
WORDS: Mapping[str, Mapping[str, re.Pattern[str]]] = MappingProxyType({
    "dataset": {
        "sysu-mm01": re.compile(r"sysu"),
        "regdb": re.compile(r"reg-?db"),
        "llcm": re.compile(r"llcm"),
    },
    "mode": {
        "all": re.compile(r"(?<![a-z])all(?![a-z])"),
        "indoor": re.compile(r"(?<![a-z])in-?door"),
    },
    "shots": {
        "single": re.compile(r"single[-_ ]*shot|(?<![\d])1[-_ ]*shot|(?:all|indoor)-single|"
                             r"(?<![a-z])single(?![a-z])"),
        "multi": re.compile(r"multi(?:ple)?[-_ ]*shot|10[-_ ]*shot|(?:all|indoor)-multi|"
                            r"(?<![a-z])multi(?![a-z])"),
    },
})  # fmt: skip


@dataclass(frozen=True)
class Scope:
    """What is said of numbers; None where nothing is, or more than one thing.

    Attributes:
        dataset: "sysu-mm01", "regdb" or "llcm".
        mode: "all" or "indoor".
        shots: "single" or "multi".
        query: Modality of the queries.
        words: Whether thermal images are called so, as of RegDB.
    """

    dataset: str | None = None
    mode: str | None = None
    shots: str | None = None
    query: str | None = None
    words: str | None = None

    def or_else(self, wider: Scope) -> Scope:
        """Return the scope, with what it leaves open from one that it stands in."""
        return Scope(*(
            getattr(self, field.name) or getattr(wider, field.name) for field in fields(self)
        ))  # fmt: skip

    @property
    def says_something(self) -> bool:
        """Whether anything is said."""
        return self != Scope()


def scope_of(text: str) -> Scope:
    """Return what a text says of numbers.

    Example:
        >>> scope_of("SYSU-MM01, All Search").mode, scope_of("V2T").query
        ('all', 'visible')
    """
    words = text[:LONGEST_HEADING].casefold()
    found = {
        kind: _only(value for value, pattern in values.items() if pattern.search(words))
        for kind, values in WORDS.items()
    }
    directions = [match for match in DIRECTION.finditer(words) if _differ(*match.groups())]
    query = _only(MODALITIES[match[1]] for match in directions)
    thermal = any({"thermal", "t"} & set(match.groups()) for match in directions)
    return Scope(**found, query=query, words="thermal" if thermal else None)


def metrics_in(text: str) -> tuple[str, ...]:
    """Return the metrics that a text names, in their order.

    Example:
        >>> metrics_in("R1/mAP"), metrics_in("r = 10"), metrics_in("Params")
        (('rank-1', 'mAP'), ('rank-10',), ())
    """
    words = text[:LONGEST_HEADING].casefold()
    found = [(match.start(), f"rank-{match[1]}") for match in RANK.finditer(words)]
    found += [(match.start(), "mAP") for match in PRECISION.finditer(words)]
    found += [(match.start(), "mINP") for match in INVERSE.finditer(words)]
    return tuple(dict.fromkeys(metric for _, metric in sorted(found)))


def protocols_of(scope: Scope) -> tuple[str, ...]:
    """Return the protocols that numbers of a scope can be of, the likeliest first.

    SYSU-MM01 without a search is all-search, without shots single-shot, as papers leave it out.
    RegDB and LLCM without a direction are either.
    """
    dataset = scope.dataset
    if dataset is None and (scope.mode or scope.shots):
        dataset = "sysu-mm01"
    if dataset is None and scope.query:
        dataset = "regdb" if scope.words else "llcm"
    if dataset == "sysu-mm01":
        return (f"sysu-{scope.mode or 'all'}-{scope.shots or 'single'}",)
    names = {
        "regdb": {V: "regdb-visible-to-thermal", N: "regdb-thermal-to-visible"},
        "llcm": {N: "llcm-infrared-to-visible", V: "llcm-visible-to-infrared"},
    }.get(dataset or "", {})
    return (names[scope.query],) if scope.query in names else tuple(names.values())


def _differ(query: str, gallery: str) -> bool:
    return MODALITIES[query] != MODALITIES[gallery]


def _only(values: Iterable[str]) -> str | None:
    """Return the value, if there is one and no other."""
    distinct = set(values)
    return distinct.pop() if len(distinct) == 1 else None
