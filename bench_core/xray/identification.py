"""Which named behaviour explains what a function returned for searches of known distances.

What is returned has three parts: the CMC curve, mAP and mINP. Choices that make the lists are
common to all parts; the others are each part's own. A behaviour explains a part where its
predictions agree for every probe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal, TypeAlias, get_args

import numpy as np

from bench_core.xray.choices import CAMERA_RULES, CHOICES
from bench_core.xray.forms import Answer
from bench_core.xray.reference import Measures, RankingRules

Part: TypeAlias = Literal["curve", "mAP", "mINP"]
PARTS: tuple[Part, ...] = get_args(Part)
Answers: TypeAlias = "Mapping[str, Answer]"
"""By probe."""

TOLERANCE = 5e-7
"""How far a prediction may be from what was returned, as a fraction: that is single precision, in
which many functions add up. What different behaviours return lies much further apart."""


@dataclass(frozen=True)
class Own:
    """The choices of one part: names of values."""

    kind: str
    unmatched: str = "dropped"
    unit: str = "fraction"


KINDS: Mapping[Part, str] = {"curve": "cmc", "mAP": "precision", "mINP": "penalty"}
"""The choice that is the kind of each part."""


UNMEASURED = ("missing", "zero")
"""Kinds of a part that tell nothing of how lists are made."""


def own_choices(part: Part) -> list[Own]:
    """Return all that a part may be, the usual first."""
    kinds = CHOICES[KINDS[part]].values
    measured = [
        Own(*values)
        for values in product(kinds, CHOICES["unmatched"].values, CHOICES["unit"].values)
        if values[0] not in UNMEASURED
    ]
    return [*measured, *(Own(kind) for kind in kinds if kind in UNMEASURED)]


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """One way to make the lists, and what then explains each part.

    Attributes:
        rules: How lists are made.
        parts: By part, all choices whose predictions agree; none where nothing explains it.
        nearest: By part that nothing explains, the choices that come nearest, and how far off
            they are at most, as a fraction.
    """

    rules: RankingRules
    parts: Mapping[Part, tuple[Own, ...]]
    nearest: Mapping[Part, tuple[Own, float]]

    @property
    def is_complete(self) -> bool:
        """Whether something explains every part."""
        return all(self.parts.values())

    @property
    def num_explained(self) -> int:
        """Number of parts that were computed from the lists, and that something explains."""
        return sum(bool(own) and own[0].kind not in UNMEASURED for own in self.parts.values())

    @property
    def error(self) -> float:
        """How far the nearest of the unexplained parts are off, added up."""
        return sum(error for _, error in self.nearest.values())


def predict(measures: Measures, part: Part, own: Own, ties: str = "gallery") -> list[float]:
    """Return what a function with these choices returns for a part: a curve, or one number."""
    scale = 100.0 if own.unit == "percent" else 1.0
    if part == "curve":
        return [scale * value for value in measures.curve(own.kind, own.unmatched)]
    if part == "mAP":
        kind = "grouped" if ties == "grouped" and own.kind == "mean" else own.kind
        return [scale * measures.mean_precision(kind, own.unmatched)]
    return [0.0 if own.kind == "zero" else scale * measures.mean_penalty(own.unmatched)]


def deviation(answer: Answer, part: Part, own: Own, predicted: Sequence[float]) -> float:
    """Return how far a prediction is off, as a fraction; 0 where it agrees.

    It is infinite where there is nothing to compare, or no number.
    """
    if part == "mINP" and (answer.penalty is None or own.kind == "missing"):
        return 0.0 if answer.penalty is None and own.kind == "missing" else np.inf
    scale = 100.0 if own.unit == "percent" else 1.0
    if part == "curve":
        found = np.array(list(answer.curve.values()))
        ranks = np.array(list(answer.curve)) - 1
        expected = np.array(predicted)[np.minimum(ranks, len(predicted) - 1)]
    else:
        found = np.array([answer.precision if part == "mAP" else answer.penalty], dtype=float)
        expected = np.array(predicted)
    off = float(np.max(np.abs(found - expected))) / scale
    if np.isnan(off):
        return np.inf
    return 0.0 if off <= TOLERANCE else off


Measured: TypeAlias = "Callable[[str, RankingRules], Measures]"
"""What the queries of a probe score under rules."""


def all_rules(cameras: Sequence[str] = tuple(CAMERA_RULES)) -> Iterator[RankingRules]:
    """Yield all ways to make lists from distances that do not tie, the usual first."""
    for values in product(cameras, CHOICES["order"].values, CHOICES["roles"].values):
        yield RankingRules(cameras=values[0], order=values[1], roles=values[2])


def explain(answers: Answers, rules: RankingRules, measured: Measured) -> Explanation:
    """Find what explains each part under one way to make lists.

    Args:
        answers: What was returned, by probe.
        rules: How lists are made.
        measured: What the queries of a probe score.
    """
    made = {probe: measured(probe, rules) for probe in answers}
    parts: dict[Part, tuple[Own, ...]] = {}
    nearest: dict[Part, tuple[Own, float]] = {}
    for part in PARTS:
        errors = {own: _worst(answers, made, part, own) for own in own_choices(part)}
        parts[part] = tuple(own for own, error in errors.items() if not error)
        if not parts[part]:
            best = min(errors, key=lambda own: errors[own])
            nearest[part] = (best, errors[best])
    return Explanation(rules=rules, parts=parts, nearest=nearest)


def _worst(answers: Answers, made: Mapping[str, Measures], part: Part, own: Own) -> float:
    return max(
        deviation(answer, part, own, predict(made[probe], part, own))
        for probe, answer in answers.items()
    )


def best_explanations(explanations: Sequence[Explanation]) -> list[Explanation]:
    """Return those that explain most parts, first the one that is nearest to the others."""
    most = max((one.is_complete, one.num_explained) for one in explanations)
    best = [one for one in explanations if (one.is_complete, one.num_explained) == most]
    return sorted(best, key=lambda one: one.error)


def find_values(
    answer: Answer,
    explanation: Explanation,
    choice: Literal["ties", "junk"],
    measured: Callable[[RankingRules], Measures],
) -> dict[Part, tuple[str, ...]]:
    """Find, with all else known, which values of one more choice explain a probe.

    Args:
        answer: What was returned for the probe that shows it.
        explanation: What is known.
        choice: A field of the ranking rules.
        measured: What the queries of that probe score.

    Returns:
        By part that is explained, the values that agree; none where no value does. A part that is
        missing or always 0 shows nothing, and is left out.
    """
    found: dict[Part, tuple[str, ...]] = {}
    made = {
        value: measured(replace(explanation.rules, **{choice: value}))
        for value in CHOICES[choice].values
    }
    for part, known in explanation.parts.items():
        if not known or known[0].kind in UNMEASURED:
            continue
        found[part] = tuple(
            value
            for value, own_measures in made.items()
            if _is_shown(choice, value, part)
            and any(
                not deviation(answer, part, own, predict(own_measures, part, own, value))
                for own in known
            )
        )
    return found


def _is_shown(choice: str, value: str, part: Part) -> bool:
    """Groups of images at one distance are known of average precision alone."""
    return not (choice == "ties" and value == "grouped") or part == "mAP"
