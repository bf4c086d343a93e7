"""What a table says otherwise than its sources."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

from bench_core.published.printed import may_come_from
from bench_core.published.schema import RANKS
from bench_core.table_lint.accepted import Claim, Claims
from bench_core.table_lint.diagnosis import Explanation, explain
from bench_core.table_lint.entries import Entry, Number, ReadTable


@dataclass(frozen=True)
class Finding:
    """A cell that is not what it should be.

    Attributes:
        line: Where the cell stands, from 1.
        column: In which column, from 1.
        row: The name of its row.
        heading: Metric and protocol that the table says it is of.
        kind: One of `diagnosis.KINDS`, "rank-order" or "copied".
        printed: Its number.
        expected: What it should be, each with its source; empty where that is not known.
        text: What it is, as far as can be told.
    """

    line: int
    column: int
    row: str
    heading: str
    kind: str
    printed: str
    expected: tuple[str, ...]
    text: str


@dataclass
class Verdict:
    """What was found in a table.

    Attributes:
        num_agreeing: Numbers that a source prints.
        num_unknown: Numbers of known methods for which the registry has nothing checked.
        findings: What disagrees, by line and column.
        notes: What is disputed or to be known of the numbers; no errors of the table.
    """

    num_agreeing: int = 0
    num_unknown: int = 0
    findings: list[Finding] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)


def judge(table: ReadTable, claims: Claims) -> Verdict:
    """Hold a table against the published numbers.

    Args:
        table: What was read of it.
        claims: The published numbers.
    """
    verdict = Verdict()
    taken: dict[int, str] = {}
    for number, entry in enumerate(table.entries):
        taken[number] = entry.protocols[0]
        if entry.method is not None:
            taken[number] = _likeliest(claims, entry)
            _judge_entry(verdict, claims, entry, taken[number])
    seen = {(finding.line, finding.column) for finding in verdict.findings}
    general = [
        *_mixed_directions(table.entries, taken, claims),
        *_copied(table.entries),
        *(finding for entry in table.entries for finding in _falling_ranks(entry, seen)),
    ]
    for finding in general:
        if (finding.line, finding.column) not in seen:
            verdict.findings.append(finding)
            seen.add((finding.line, finding.column))
    verdict.findings.sort(key=lambda finding: (finding.line, finding.column))
    return verdict


def _likeliest(claims: Claims, entry: Entry) -> str:
    """Return the protocol, of those that the numbers may be of, that most of them agree with."""
    agreeing = {
        protocol: sum(
            bool(_agreeing(_accepted(claims, entry, protocol, number.metric), number))
            for number in entry.numbers
        )
        for protocol in entry.protocols
    }
    return max(entry.protocols, key=lambda protocol: agreeing[protocol])


def _accepted(claims: Claims, entry: Entry, protocol: str, metric: str) -> list[Claim]:
    own = claims.of(str(entry.method), protocol, reranked=entry.reranked)
    return [claim for claim in own if claim.metric == metric and claim.suspicion is None]


def _agreeing(accepted: Iterable[Claim], number: Number) -> list[Claim]:
    return [claim for claim in accepted if may_come_from(number.printed, claim.printed)]


def _judge_entry(verdict: Verdict, claims: Claims, entry: Entry, protocol: str) -> None:
    wrong, unknown = [], []
    expected: dict[Number, list[Claim]] = {}
    for number in entry.numbers:
        accepted = _accepted(claims, entry, protocol, number.metric)
        checked = [claim for claim in accepted if claim.checked]
        if agreeing := _agreeing(accepted, number):
            verdict.num_agreeing += 1
            verdict.notes.update(dict.fromkeys(_notes(claims, entry, agreeing)))
        elif checked:
            expected[number] = checked
            wrong.append(number)
        else:
            unknown.append(number)
    left = dict.fromkeys(unknown)
    for explanation in explain(claims, entry, protocol, (*wrong, *unknown)):
        known = any(number in expected for number in explanation.numbers)
        if not known and (explanation.place is None or len(explanation.numbers) < 2):
            continue  # one number by itself is printed somewhere
        for number in explanation.numbers:
            left.pop(number, None)
            texts = _expected_texts(claims, expected.get(number, ()))
            verdict.findings.append(
                _finding(entry, number, protocol, explanation.kind, texts, explanation.text)
            )
        for number, texts in _odd_ones(claims, explanation, tuple(left)):
            left.pop(number)
            text = "others of the row are of that place, and this one is not"
            verdict.findings.append(_finding(entry, number, protocol, "mismatch", texts, text))
    verdict.num_unknown += len(left)


def _odd_ones(
    claims: Claims, explanation: Explanation, left: Sequence[Number]
) -> Iterator[tuple[Number, tuple[str, ...]]]:
    """Yield the numbers that differ from the place which others of the row are of."""
    place = claims.at(explanation.place) if explanation.place else ()
    for number in left:
        there = [
            claim for claim in place if claim.metric == number.metric and claim.suspicion is None
        ]
        if there and len(explanation.numbers) > 1:
            yield number, _expected_texts(claims, there)


def _finding(
    entry: Entry, number: Number, protocol: str, kind: str, expected: tuple[str, ...], text: str
) -> Finding:
    return Finding(
        line=number.cell.line,
        column=number.cell.column,
        row=entry.name.text,
        heading=f"{number.metric} on {protocol}",
        kind=kind,
        printed=number.printed,
        expected=expected,
        text=text,
    )


def _expected_texts(claims: Claims, accepted: Iterable[Claim]) -> tuple[str, ...]:
    """Return what a number should be, each value once, with all that print it."""
    sources: dict[Decimal, dict[str, None]] = {}
    digits: dict[Decimal, str] = {}
    for claim in accepted:
        value = Decimal(claim.printed)
        digits[value] = max(digits.get(value, ""), claim.printed, key=len)
        sources.setdefault(value, {})[claims.published.citation(claim.row)] = None
    return tuple(f"{digits[value]} ({'; '.join(places)})" for value, places in sources.items())


def _notes(claims: Claims, entry: Entry, agreeing: Sequence[Claim]) -> Iterator[str]:
    claim = agreeing[0]
    for dispute in claims.published.disputes(claim.row, claim.metric):
        if not dispute.suspect:
            yield f"{entry.name.text}, {claim.protocol}: sources disagree. {dispute.reading}"
    if claim.row.selection == "test":
        source = claims.published.citation(claim.row)
        yield f"{entry.name.text}: the model was chosen on the test data ({source})"


def _mixed_directions(
    entries: Sequence[Entry], taken: dict[int, str], claims: Claims
) -> Iterator[Finding]:
    """Yield rows that are of another direction than most others, where the table states none."""
    for heading in dict.fromkeys(entry.heading for entry in entries):
        certain = [
            (entry, taken[number])
            for number, entry in enumerate(entries)
            if entry.heading == heading
            and entry.method is not None
            and len(entry.protocols) > 1
            and _only_direction(claims, entry, taken[number])
        ]
        by_protocol = [protocol for _, protocol in certain]
        usual = max(dict.fromkeys(by_protocol), key=by_protocol.count, default=None)
        for entry, protocol in certain:
            if protocol != usual:
                text = f"these are numbers of {protocol}, others of the column of {usual}"
                for number in entry.numbers:
                    yield _finding(entry, number, str(usual), "direction", (), text)


def _only_direction(claims: Claims, entry: Entry, protocol: str) -> bool:
    """Tell whether the numbers of a row are those of one direction and of no other."""

    def agrees(of: str) -> bool:
        return all(
            _agreeing(_accepted(claims, entry, of, number.metric), number)
            for number in entry.numbers
        )

    return agrees(protocol) and not any(
        agrees(other) for other in entry.protocols if other != protocol
    )


def _copied(entries: Sequence[Entry]) -> Iterator[Finding]:
    """Yield rows with the same numbers in both directions of a dataset."""
    text = "the same numbers stand under the other direction: one of them is a copy"
    first: dict[tuple[int, str, str, tuple[tuple[str, str], ...]], Entry] = {}
    for entry in entries:
        protocol = entry.protocols[0]
        dataset = protocol.partition("-")[0]
        values = tuple((number.metric, number.printed) for number in entry.numbers)
        if dataset == "sysu" or len(entry.protocols) > 1 or len(values) < 2:
            continue
        other = first.setdefault((entry.row, entry.name.text, dataset, values), entry)
        if other.protocols != entry.protocols:
            for number in entry.numbers:
                yield _finding(entry, number, protocol, "copied", (), text)


def _falling_ranks(entry: Entry, seen: Collection[tuple[int, int]]) -> Iterator[Finding]:
    """Yield ranks above later ones, but for numbers that were `seen` to be wrong already."""
    ranks = {number.metric: number for number in entry.numbers}
    shown = [
        ranks[rank]
        for rank in RANKS
        if rank in ranks and (ranks[rank].cell.line, ranks[rank].cell.column) not in seen
    ]
    for lower, higher in pairwise(shown):
        if Decimal(lower.printed) > Decimal(higher.printed):
            text = f"above {higher.metric}, which is {higher.printed}"
            yield _finding(entry, lower, entry.protocols[0], "rank-order", (), text)
