"""What is known of a function: the names of what it does, and how they follow from explanations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from bench_core.contracts.errors import BenchError
from bench_core.xray.forms import Answer, UnreadableAnswerError, read_scores
from bench_core.xray.identification import KINDS, PARTS, UNMEASURED, Explanation, Own, Part

if TYPE_CHECKING:
    from bench_core.xray.process import Transcript

Values: TypeAlias = "Mapping[str, tuple[str, ...]]"
"""By part (or "" where a choice has no parts), the names of values that explain all answers: one
where the probes tell them apart, none where nothing does."""


@dataclass(frozen=True, kw_only=True)
class Nearest:
    """What comes nearest to a part that nothing explains.

    Attributes:
        part: The part.
        own: Its choices.
        error: How far off it is at most, as a fraction.
    """

    part: Part
    own: Own
    error: float


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What a function does.

    Attributes:
        form: Name of its form.
        values: By choice, what it decides; choices that the form does not show are not in it.
        nearest: What comes nearest where nothing explains a part.
        notes: What else was seen, one line each.
    """

    form: str
    values: Mapping[str, Values]
    nearest: tuple[Nearest, ...] = ()
    notes: tuple[str, ...] = ()


NOT_REPEATABLE = "gives another result for the same arguments: it cannot be repeated"


def read_answers(transcript: Transcript) -> dict[str, Answer]:
    """Read the answers to all probes that did not fail.

    Raises:
        BenchError: One is no scores.
    """
    answers = {}
    for probe, returned in transcript.returned.items():
        try:
            answers[probe] = read_scores(returned)
        except UnreadableAnswerError as error:
            raise BenchError(
                f"{error} for the probe '{probe}'; expected (cmc, mAP), (cmc, mAP, mINP), "
                "(mAP, rank-1, rank-5, rank-10, rank-20) or (mAP, rank-1)"
            ) from error
    return answers


def is_repeatable(transcript: Transcript) -> bool:
    """Say whether calls with the same arguments gave the same, as far as they gave anything."""
    returned = transcript.returned
    return all(
        returned[probe] == returned.get(probe.removesuffix("-again"))
        for probe in returned
        if probe.endswith("-again")
    )


def choices_of(best: Sequence[Explanation]) -> dict[str, Values]:
    """Return the values of the choices that all forms with scores show."""
    if not best[0].num_explained:
        return {name: {"": ()} for name in ("roles", "order", "cameras", "cmc", "precision")}
    values: dict[str, Values] = {
        name: {"": names_of(getattr(one.rules, name) for one in best)}
        for name in ("roles", "order", "cameras")
    }
    own: dict[Part, list[Own]] = {
        part: [own for one in best for own in one.parts[part]] for part in PARTS
    }
    measured = {part: [one for one in own[part] if one.kind not in UNMEASURED] for part in PARTS}
    for part, name in KINDS.items():
        values[name] = {"": names_of(one.kind for one in own[part])}
    for name in ("unmatched", "unit"):
        values[name] = {
            part: names_of(getattr(one, name) for one in measured[part])
            for part in PARTS
            if measured[part]
        }
    return values


def names_of(values: Iterable[str]) -> tuple[str, ...]:
    """Return names, each once."""
    return tuple(dict.fromkeys(values))


def nearest_of(best: Sequence[Explanation]) -> tuple[Nearest, ...]:
    """Return what comes nearest to the parts that nothing explains."""
    return tuple(
        Nearest(part=part, own=own, error=error) for part, (own, error) in best[0].nearest.items()
    )
