"""Which method a row of somebody's table is of: names as people write them."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from bench_core.published.registry import Published

BRACKETED = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
VENUE_AND_YEAR = re.compile(
    r"[\s,;:_'\u2019-]*(?:(?:iccv|cvpr|eccv|aaai|ijcai|neurips|nips|tip|tpami|pami|tifs|tmm|mm|prl|"
    r"nn|arxiv|wacv|bmvc|tcsvt|pr)w?[\s,'\u2019-]*)?(?:19|20|['\u2019])?\d{2}$",
    re.IGNORECASE,
)
RERANKED = re.compile(r"(?:re-?\s?rank(?:ing|ed)?|k-?reciprocal|\brr\b|\baim\b)", re.IGNORECASE)
REPEATED = re.compile(
    r"re-?impl|reproduc|re-?produced|re-?run|(?:our|own)\s+(?:run|impl|training|result)",
    re.IGNORECASE,
)
"""What says that the numbers are the table's own, not printed elsewhere."""
PLAIN = re.compile(r"(?:w/o|without|no|before)\W*$", re.IGNORECASE)
ADDITION = re.compile(r"[\s,;+&/-]*(?:\b(?:w/o|with|without|w|and|no)\b)?[\s/+&]*$", re.IGNORECASE)
LONGEST_NAME = 200
"""Characters of a cell that are looked at; a longer text is no name."""
GENERIC = frozenset(
    {"ours", "ourmethod", "baseline", "basel", "backbone", "proposed", "featureextractor"}
)
"""Printed names of rows that say nothing outside of their paper."""


@dataclass(frozen=True)
class NamedRun:
    """What a row's name says.

    Attributes:
        method: The label of a method of the registry, such as "xiv:baseline"; None for another.
        reranked: Whether the name says that distances were re-ranked.
    """

    method: str | None
    reranked: bool


class MethodNames:
    """Finds methods of the registry by names as tables print them.

    Case, blanks, hyphens, citations, years and venues do not matter. A name that says that the
    method was run again ("AGW (reproduced)") is of no published numbers.

    Args:
        published: The registry.
    """

    def __init__(self, published: Published) -> None:
        self._labels: dict[str, str] = {}
        for method in published.methods:
            for name in (method.id, *method.names):
                self._labels.setdefault(letters(name), method.id)
        for key, labels in _printed_variants(published).items():
            if len(labels) == 1:
                self._labels.setdefault(key, labels.pop())

    def find(self, text: str) -> NamedRun:
        """Return what a name says.

        Args:
            text: A cell, without markup.
        """
        text = text[:LONGEST_NAME]
        mention = RERANKED.search(text)
        reranked = mention is not None and PLAIN.search(text[: mention.start()]) is None
        readings = itertools.islice(_readings(text), 1 if REPEATED.search(text) else None)
        keys = (letters(reading) for reading in readings)
        found = (self._labels[key] for key in keys if key in self._labels)
        return NamedRun(next(found, None), reranked)


def letters(name: str) -> str:
    """Return what of a name decides: its letters and digits, and plus signs, in lower case.

    Example:
        >>> letters("D-HSME"), letters("D$^{2}$RL"), letters("Baseline + X")
        ('dhsme', 'd2rl', 'baseline+x')
    """
    text = unicodedata.normalize("NFKC", name).casefold()
    return "".join(character for character in text if character.isalnum() or character == "+")


def _readings(text: str) -> Iterator[str]:
    """Yield a name as it is, then with less and less of what may stand behind it."""
    yield text
    without = BRACKETED.sub(" ", text)
    yield without
    mention = RERANKED.search(without)
    if mention is not None:
        without = ADDITION.sub("", without[: mention.start()])
        yield without
    yield VENUE_AND_YEAR.sub("", without.strip(" *\u2020\u2021"))
    head, colon, tail = without.partition(":")
    if colon and head and tail:  # "xiv:baseline", as our own tables print it
        yield head if tail.strip().casefold() == "full" else without


def _printed_variants(published: Published) -> dict[str, set[str]]:
    """Return the labels of the ablations and runs by their printed names, if these say enough."""
    found: dict[str, set[str]] = {}
    for row in published.rows:
        if row.variant is not None:
            found.setdefault(letters(row.method), set()).add(row.method)
            found.setdefault(letters(f"{row.method_id} {row.variant}"), set()).add(row.method)
        key = letters(BRACKETED.sub(" ", row.row) if row.variant is None else row.row)
        if key not in GENERIC and not key.startswith("index"):
            found.setdefault(key, set()).add(row.method)
    return found
