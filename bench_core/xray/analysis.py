"""From what a function did with the probes of its form to the names of what it does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Literal

from bench_core.contracts.errors import BenchError
from bench_core.xray import probes
from bench_core.xray.forms import FORMS, Answer
from bench_core.xray.galleries import identify_draw, identify_features
from bench_core.xray.identification import (
    Explanation,
    all_rules,
    best_explanations,
    explain,
    find_values,
)
from bench_core.xray.identity import (
    NOT_REPEATABLE,
    Identity,
    Values,
    choices_of,
    is_repeatable,
    nearest_of,
    read_answers,
)
from bench_core.xray.reference import Measures, RankingRules, measure

if TYPE_CHECKING:
    from bench_core.xray.process import Transcript


def identify(transcript: Transcript) -> Identity:
    """Name what a function does.

    Raises:
        BenchError: The first probe of its form failed, or what it returned for it is no scores.
    """
    form = FORMS[transcript.form]
    first = form.probes[0]
    if first in transcript.failed:
        advice = "; other arrays than tensors come with --arrays" if form.arrays == "torch" else ""
        raise BenchError(
            f"it fails on the probe '{first}', called as {form.call}: "
            f"{transcript.failed[first]}{advice}"
        )
    found = {
        "agw": _identify_distances,
        "regdb": _identify_distances,
        "mpanet": identify_features,
        "mpanet-regdb": identify_features,
        "draw": identify_draw,
    }[form.name](transcript)
    return replace(found, notes=(*_notes(transcript), *found.notes))


def _notes(transcript: Transcript) -> list[str]:
    notes = []
    for probe, failure in transcript.failed.items():
        notes.append(f"fails {_WHERE.get(probe, f'on the probe {probe}')}: {failure}")
    if transcript.changed:
        notes.append(f"changes its arguments: {', '.join(transcript.changed)}")
    if transcript.num_printed:
        notes.append(f"prints {transcript.num_printed:,} characters")
    for name, usual in _USUAL_DEFAULTS.items():
        if (default := transcript.defaults.get(name, usual)) != usual:
            notes.append(f"its default is {name}={default}; it was called with {name}={usual}")
    return notes


_USUAL_DEFAULTS = {"mode": "'all'", "num_shots": "1", "num_trials": "10", "rerank": "False"}
"""What functions are called with, and what the field's functions have for a default."""
_WHERE = {
    "few": "where a query meets fewer than 20 people",
    "junk": "with images of identity -1 in the gallery",
    "shared": "where queries and gallery share cameras",
    "ties": "where distances tie",
}


@cache
def measure_distances(probe: str, rules: RankingRules) -> Measures:
    """Score a probe of distances."""
    return measure(probes.make_search(probe), rules)


def _identify_distances(transcript: Transcript) -> Identity:
    answers = read_answers(transcript)
    main = {name: one for name, one in answers.items() if name in ("sysu", "shared", "plain")}
    with_cameras = transcript.form == "agw"
    rules = all_rules() if with_cameras else all_rules(("none",))
    best = best_explanations([explain(main, one, measure_distances) for one in rules])
    values = choices_of(best)
    if not with_cameras:
        del values["cameras"]
    shown: tuple[Literal["ties", "junk"], ...] = ("ties", "junk")
    for choice in shown:
        if choice in answers and best[0].num_explained:
            values[choice] = _one_more(answers[choice], best, choice)
    notes = [] if is_repeatable(transcript) else [NOT_REPEATABLE]
    if "few" in answers:
        length = len(answers["few"].curve)
        notes.append(f"where queries meet fewer than 20 people, its curve has {length} ranks")
    return Identity(
        form=transcript.form, values=values, nearest=nearest_of(best), notes=tuple(notes)
    )


def _one_more(
    answer: Answer, best: Sequence[Explanation], choice: Literal["ties", "junk"]
) -> Values:
    found: dict[str, dict[str, None]] = {}
    for explanation in best:
        own = find_values(
            answer, explanation, choice, lambda rules: measure_distances(choice, rules)
        )
        for part, names in own.items():
            found.setdefault(part, {}).update(dict.fromkeys(names))
    return {part: tuple(names) for part, names in found.items()}
