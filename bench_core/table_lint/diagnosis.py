"""What a number that disagrees with the registry most likely is.

A row's numbers under one heading are explained together: that of several explanations is taken
which accounts for the most of them, and the rest is explained again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from bench_core.published.printed import decimals, rounded, same_number
from bench_core.table_lint.accepted import Claim, Claims, Place, is_same_and_telling
from bench_core.table_lint.entries import Entry, Number

KINDS = (
    *("disputed", "metric", "direction", "protocol", "dataset", "re-ranked", "run"),
    *("rounding", "digits", "method", "setting", "mismatch"),
)
"""The kinds of a disagreement; of explanations that account for as many numbers, the first wins."""


@dataclass(frozen=True)
class Explanation:
    """What numbers are.

    Attributes:
        kind: One of `KINDS`.
        text: A sentence on it, without a full stop.
        numbers: The numbers that it accounts for.
        place: Where they were printed, if that is another place than theirs.
    """

    kind: str
    text: str
    numbers: tuple[Number, ...]
    place: Place | None = None


def explain(
    claims: Claims, entry: Entry, protocol: str, wrong: Sequence[Number]
) -> list[Explanation]:
    """Explain the numbers of a row that disagree with what was printed.

    Args:
        claims: The published numbers.
        entry: The numbers of the row, those that agree included.
        protocol: The protocol that they are taken for.
        wrong: Those that disagree.

    Returns:
        Explanations that share no number and together account for all.
    """
    left = list(wrong)
    found = []
    while left:
        candidates = list(_candidates(claims, entry, protocol, left))
        best = min(candidates, key=lambda one: (-len(one.numbers), KINDS.index(one.kind), one.text))
        found.append(best)
        left = [number for number in left if number not in best.numbers]
    return found


def _candidates(
    claims: Claims, entry: Entry, protocol: str, left: Sequence[Number]
) -> Iterator[Explanation]:
    own = claims.of(str(entry.method), protocol, reranked=entry.reranked)
    yield from _disputed(own, left)
    yield from _other_metrics(claims, own, left)
    yield from _other_places(claims, entry, protocol, left)
    yield from _settings(claims, entry, left)
    for number in left:
        yield from _slips(own, number)
        yield Explanation(
            "mismatch", "no source of the registry prints this number for it", (number,)
        )


def _disputed(own: Iterable[Claim], left: Sequence[Number]) -> Iterator[Explanation]:
    readings: dict[tuple[str, str], list[Number]] = defaultdict(list)
    for claim in own:
        if claim.suspicion is None:
            continue
        for number in _shown(claim, left):
            kind = "direction" if claim.suspicion.belongs_to_protocol else "disputed"
            kind = "method" if claim.suspicion.belongs_to_method else kind
            known = readings[kind, claim.suspicion.reading.rstrip(".")]
            known += [number] if number not in known else []
    for (kind, reading), numbers in readings.items():
        yield Explanation(kind, reading, tuple(numbers))


def _other_metrics(
    claims: Claims, own: Sequence[Claim], left: Sequence[Number]
) -> Iterator[Explanation]:
    """Yield numbers of the same row that are of another metric than their column says."""
    for number in left:
        for claim in own:
            if claim.metric != number.metric and is_same_and_telling(claim.printed, number.printed):
                source = claims.published.citation(claim.row)
                text = f"this is the {claim.metric} ({source})"
                yield Explanation("metric", text, (number,))


def _other_places(
    claims: Claims, entry: Entry, protocol: str, left: Sequence[Number]
) -> Iterator[Explanation]:
    """Yield what the numbers are of elsewhere: another protocol, run or method."""
    places: dict[Place, list[tuple[Number, Claim]]] = defaultdict(list)
    for number in left:
        for claim in claims.showing(number.metric, number.printed):
            places[claim.method, claim.protocol, claim.reranked].append((number, claim))
    here = (str(entry.method), protocol, entry.reranked)
    for place, shown in places.items():
        if place == here:
            continue
        numbers = tuple(dict.fromkeys(number for number, _ in shown))
        stranger = place[0].partition(":")[0] != here[0].partition(":")[0]
        telling = place[1] == protocol and any(_is_telling(*pair) for pair in shown)
        if stranger and len(numbers) < 2 and not telling:
            continue  # any number is printed somewhere
        claim = shown[0][1]
        text = f"{_whose(entry, protocol, claim)} ({claims.published.citation(claim.row)})"
        yield Explanation(_kind(entry, protocol, claim), text, numbers, place)


def _kind(entry: Entry, protocol: str, claim: Claim) -> str:
    """Return in what a claim is other than the place where its number stands."""
    if claim.method != entry.method:
        same_method = claim.method.partition(":")[0] == str(entry.method).partition(":")[0]
        return "run" if same_method and claim.protocol == protocol else "method"
    if claim.protocol != protocol:
        if claim.protocol.partition("-")[0] != protocol.partition("-")[0]:
            return "dataset"
        return "protocol" if protocol.startswith("sysu-") else "direction"
    return "re-ranked"


def _whose(entry: Entry, protocol: str, claim: Claim) -> str:
    parts = []
    if claim.method != entry.method:
        run = f", {claim.row.row}" if ":" in claim.method else ""
        parts.append(f"of {claim.method}{run}")
    if claim.protocol != protocol:
        parts.append(f"of {claim.protocol}")
    if claim.reranked != entry.reranked:
        parts.append("with re-ranking" if claim.reranked else "without re-ranking")
    if claim.row.selection == "test" and ":" in claim.method:
        parts.append("of a model chosen on the test data")
    return f"this is the number {' '.join(parts)}"


def _settings(claims: Claims, entry: Entry, left: Sequence[Number]) -> Iterator[Explanation]:
    for row in claims.without_protocol(str(entry.method)):
        numbers = tuple(
            number
            for number in left
            if number.metric in row.values
            and same_number(number.printed, row.values[number.metric])
        )
        if numbers:
            source = claims.published.citation(row)
            yield Explanation("setting", f"this was printed for: {row.setting} ({source})", numbers)


def _slips(own: Iterable[Claim], number: Number) -> Iterator[Explanation]:
    """Yield slips of a digit: rounded the wrong way, exchanged, or the point misplaced."""
    for claim in own:
        if claim.metric != number.metric or claim.suspicion is not None:
            continue
        if _badly_rounded(number.printed, claim.printed):
            yield Explanation("rounding", f"{claim.printed} is not rounded so", (number,))
        elif _same_digits(number.printed, claim.printed):
            text = f"the digits of {claim.printed} in another order or place"
            yield Explanation("digits", text, (number,))


def _badly_rounded(printed: str, true: str) -> bool:
    """Tell whether a number is off by no more than a unit of its last digit, and less than 1."""
    shared = min(decimals(printed), decimals(true))
    unit = Decimal(1).scaleb(-shared)
    short = (rounded(text, shared) for text in (printed, true))
    return unit < 1 and abs(Decimal(next(short)) - Decimal(next(short))) <= unit


def _same_digits(printed: str, true: str) -> bool:
    """Tell whether digits were exchanged, or the point was put elsewhere."""
    shorter = rounded(true, decimals(printed))
    return any(_digits(printed) == _digits(text) for text in (true, shorter))


def _digits(text: str) -> list[str]:
    return sorted(text.replace(".", "").replace("0", ""))


def _shown(claim: Claim, numbers: Iterable[Number]) -> list[Number]:
    """Return which numbers are this claim's, metric and digits."""
    return [
        number
        for number in numbers
        if number.metric == claim.metric and is_same_and_telling(claim.printed, number.printed)
    ]


def _is_telling(number: Number, claim: Claim) -> bool:
    """Tell whether one number is enough to say whose it is: two digits behind the point."""
    return decimals(claim.printed) == decimals(number.printed) == 2
