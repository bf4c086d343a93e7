"""What a function does, beside what a protocol decides: the report of `bench xray`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bench_core.contracts.errors import UsageError
from bench_core.xray.choices import CHOICES
from bench_core.xray.identification import KINDS, PARTS
from bench_core.xray.standard import Standard, effect, is_harmless, standard_of

if TYPE_CHECKING:
    from bench_core.contracts.protocol import ProtocolSpec
    from bench_core.xray.identity import Identity, Values

NOT_KNOWN = "none of what is known"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One choice of a function, beside the protocol's.

    Attributes:
        choice: Its name.
        values: By part (or ""), the names of what explains the answers; several where the probes
            do not tell them apart, none where nothing does.
        expected: What the protocol decides.
        agrees: Whether all that explains the answers gives the protocol's scores.
        counts: Whether it does not, and scores may differ for it.
        effect: Metric to points by which it moves a probe's score, all else as in the protocol.
    """

    choice: str
    values: Values
    expected: str
    agrees: bool
    counts: bool
    effect: Mapping[str, float] | None = None

    @property
    def title(self) -> str:
        """The choice, for people."""
        return CHOICES[self.choice].title

    @property
    def meaning(self) -> str:
        """What the function does, for people."""
        texts = {part: _text(self.choice, names) for part, names in self.values.items()}
        if len(set(texts.values())) == 1:
            return next(iter(texts.values()))
        return "; ".join(f"{part}: {text}" for part, text in texts.items())

    @property
    def expected_meaning(self) -> str:
        """What the protocol does, for people."""
        return CHOICES[self.choice].values[self.expected]


def _text(choice: str, names: Sequence[str]) -> str:
    return " or ".join(CHOICES[choice].values[name] for name in names) or NOT_KNOWN


@dataclass(frozen=True, kw_only=True)
class XrayReport:
    """What a function does.

    Attributes:
        function: "script.py:function".
        identity: What it does.
        protocol: Id of the protocol that it is compared with.
        findings: Each choice that its form shows.
        agrees_with: Ids of all protocols of those compared whose scores it gives.
    """

    function: str
    identity: Identity
    protocol: str
    findings: tuple[Finding, ...]
    agrees_with: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Whether it gives the scores of the protocol."""
        return agrees(self.identity, self.findings)

    def as_document(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {
            "function": self.function,
            "form": self.identity.form,
            "protocol": self.protocol,
            "agrees": self.agrees,
            "agrees_with": list(self.agrees_with),
            "choices": [_finding_document(finding) for finding in self.findings],
            "unexplained": [
                {
                    "part": nearest.part,
                    "nearest": nearest.own.kind,
                    "unmatched": nearest.own.unmatched,
                    "unit": nearest.own.unit,
                    "off_by": nearest.error if nearest.error < float("inf") else None,
                }
                for nearest in self.identity.nearest
            ],
            "notes": list(self.identity.notes),
        }


def _finding_document(finding: Finding) -> dict[str, Any]:
    return {
        "choice": finding.choice,
        "title": finding.title,
        "values": {part or "all": list(names) for part, names in finding.values.items()},
        "meaning": finding.meaning,
        "expected": finding.expected,
        "agrees": finding.agrees,
        "counts": finding.counts,
        "effect": None if finding.effect is None else dict(finding.effect),
    }


def agrees(identity: Identity, findings: Sequence[Finding]) -> bool:
    """Say whether nothing is unknown and no difference counts."""
    return not identity.nearest and not any(finding.counts for finding in findings)


def make_report(function: str, identity: Identity, protocols: Sequence[ProtocolSpec]) -> XrayReport:
    """Compare a function with protocols, and report on the nearest one.

    Args:
        function: "script.py:function".
        identity: What it does.
        protocols: At least one; of equally near ones, the first that defines most draws. Those
            whose camera rule functions are not tried for are left out, which a note tells.

    Raises:
        UsageError: No protocol is left.
    """
    standards = {spec.id: standard_of(spec) for spec in protocols}
    left_out = [name for name, standard in standards.items() if standard is None]
    known = [standard for standard in standards.values() if standard is not None]
    if not known:
        raise UsageError(
            f"{', '.join(left_out)}: its rule about cameras is none that functions are tried for; "
            "compare with a protocol of SYSU-MM01, RegDB or LLCM"
        )
    compared = [
        (standard, compare(identity, standard))
        for standard in sorted(known, key=lambda one: -len(one.conventions))
    ]
    nearest, findings = min(compared, key=lambda one: _distance(one[1]))
    notes = [f"not compared with {', '.join(left_out)}: an unknown rule about cameras"]
    return XrayReport(
        function=function,
        identity=replace(identity, notes=(*identity.notes, *(notes if left_out else ()))),
        protocol=nearest.id,
        findings=tuple(_with_effect(identity.form, one, nearest) for one in findings),
        agrees_with=tuple(one.id for one, found in compared if agrees(identity, found)),
    )


def _distance(findings: Sequence[Finding]) -> tuple[int, int]:
    return sum(one.counts for one in findings), sum(not one.agrees for one in findings)


def compare(identity: Identity, standard: Standard) -> tuple[Finding, ...]:
    """Hold each choice of a function against a protocol; effects are not measured yet."""
    values = dict(identity.values)
    if identity.form == "regdb":
        values["cameras"] = {"": ("none",)}  # it is told no cameras
    return tuple(
        _find(choice, values[choice], standard) for choice in CHOICES if values.get(choice)
    )


def _find(choice: str, values: Values, standard: Standard) -> Finding:
    names = [name for own in values.values() for name in own]
    is_known = all(values.values())
    same = is_known and all(_is_expected(choice, name, standard) for name in names)
    mixed = choice == "unit" and len(set(values.values())) > 1
    harmless = is_known and is_harmless(choice, names, standard) and not mixed
    return Finding(
        choice=choice,
        values=values,
        expected=standard.choices[choice],
        agrees=same,
        counts=not same and not harmless,
    )


def _with_effect(form: str, finding: Finding, standard: Standard) -> Finding:
    if finding.agrees:
        return finding
    return replace(finding, effect=effect(form, finding.choice, finding.values, standard))


def _is_expected(choice: str, name: str, standard: Standard) -> bool:
    if choice == "cameras":
        return standard.removes_the_same(name)
    return name == standard.choices[choice]


def unexplained(identity: Identity) -> list[str]:
    """Say, a line a part, what comes nearest to what nothing explains."""
    lines = []
    for part in PARTS:
        for nearest in identity.nearest:
            if nearest.part == part:
                meaning = CHOICES[KINDS[part]].values[nearest.own.kind]
                off = f"off by up to {100 * nearest.error:.4g} points"
                if nearest.error == float("inf"):
                    off = "of which nothing was returned that could be compared"
                name = "CMC" if part == "curve" else part
                lines.append(f"{name}: {NOT_KNOWN}; nearest: {meaning}, {off}")
    return lines
