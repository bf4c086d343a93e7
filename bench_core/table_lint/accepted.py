"""Which printed numbers a cell may show, and what else its number is known as."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from bench_core.published.printed import decimals, same_number
from bench_core.published.registry import Published
from bench_core.published.schema import PublishedConflict, PublishedRow

Place: TypeAlias = tuple[str, str, bool]
"""A method's label, a protocol, and whether distances were re-ranked."""


@dataclass(frozen=True)
class Claim:
    """A published number, at one of the places where it is or may be right.

    Attributes:
        method: Label of the method that it is of.
        protocol: The protocol that it is of.
        reranked: Whether it is of re-ranked distances.
        metric: Its metric.
        printed: Its digits.
        row: Where it is printed.
        checked: Whether the source was at hand.
        suspicion: Why it is most likely wrong here; None where nothing is known against it.
    """

    method: str
    protocol: str
    reranked: bool
    metric: str
    printed: str
    row: PublishedRow
    checked: bool
    suspicion: PublishedConflict | None


def is_same_and_telling(first: str, second: str) -> bool:
    """Tell whether two digits are the same number, with enough of them to say so."""
    return min(decimals(first), decimals(second)) >= 1 and same_number(first, second)


class Claims:
    """The published numbers, to be looked up by what they are of.

    Args:
        published: The registry.
    """

    def __init__(self, published: Published) -> None:
        self.published = published
        self._showing: dict[tuple[str, str], tuple[Claim, ...]] = {}

    @cached_property
    def all(self) -> tuple[Claim, ...]:
        """All numbers that have a protocol."""
        return tuple(claim for row in self.published.rows for claim in self._of_row(row))

    @cached_property
    def _places(self) -> dict[Place, tuple[Claim, ...]]:
        places: dict[Place, list[Claim]] = defaultdict(list)
        for claim in self.all:
            places[claim.method, claim.protocol, claim.reranked].append(claim)
        return {place: tuple(claims) for place, claims in places.items()}

    def of(self, method: str, protocol: str, *, reranked: bool) -> tuple[Claim, ...]:
        """Return what was printed for a method under a protocol, suspect numbers included."""
        return self.at((method, protocol, reranked))

    def at(self, place: Place) -> tuple[Claim, ...]:
        """Return the same of a place."""
        return self._places.get(place, ())

    def showing(self, metric: str, printed: str) -> tuple[Claim, ...]:
        """Return what is printed anywhere with these digits, but for suspect numbers.

        There must be a digit behind the point, or too many would be.
        """
        key = (metric, printed)
        if key not in self._showing:
            self._showing[key] = tuple(
                claim
                for claim in self.all
                if claim.metric == metric
                and claim.suspicion is None
                and is_same_and_telling(claim.printed, printed)
            )
        return self._showing[key]

    def without_protocol(self, method: str) -> Iterator[PublishedRow]:
        """Yield the rows of a method whose source states no protocol of ours."""
        return (row for row in self.published.rows if row.protocol is None and row.method == method)

    def _of_row(self, row: PublishedRow) -> Iterator[Claim]:
        if row.protocol is None:
            return
        checked = self.published.source_by_id[row.source].evidence != "unchecked"
        for metric, printed in row.values.items():
            suspicion = self.published.suspicion(row, metric)
            yield Claim(row.method, row.protocol, row.reranked, metric, printed, row, checked,
                        suspicion)  # fmt: skip
            for dispute in self.published.disputes(row, metric):
                method = dispute.belongs_to_method or row.method
                protocol = dispute.belongs_to_protocol or row.protocol
                if (method, protocol) != (row.method, row.protocol):
                    yield Claim(method, protocol, row.reranked, metric, printed, row, checked,
                                None)  # fmt: skip
