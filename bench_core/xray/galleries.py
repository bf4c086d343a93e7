"""Names what functions do that draw galleries: from features, or from a folder of images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bench_core.contracts.errors import BenchError
from bench_core.xray import comparisons, images, probes
from bench_core.xray.forms import SEVERAL_SHOTS, Answer
from bench_core.xray.identification import (
    Explanation,
    Own,
    all_rules,
    best_explanations,
    deviation,
    explain,
    predict,
)
from bench_core.xray.identity import (
    NOT_REPEATABLE,
    Identity,
    Values,
    choices_of,
    is_repeatable,
    names_of,
    nearest_of,
    read_answers,
)
from bench_core.xray.reference import Measures, RankingRules
from bench_core.xray.trials import combine_trials, gather_trials

if TYPE_CHECKING:
    from bench_core.xray.process import Transcript

_INFRARED_QUERIES = ("room", "none", "room-matches")
"""Camera rules that differ where queries are infrared and the gallery visible."""


@dataclass(frozen=True, kw_only=True)
class _Compared:
    """What explains an answer with features compared in one way.

    Attributes:
        comparison: Values of the choices "comparison" and "rerank".
        factor: By which sums over trials become means; 1 where they are no sums.
        best: The best explanations.
    """

    comparison: tuple[str, str]
    factor: float
    best: list[Explanation]


def identify_features(transcript: Transcript) -> Identity:
    """Name what a function of features does.

    First where every draw gives one gallery, then how galleries are drawn.
    """
    answers = read_answers(transcript)
    compared = _explain_features(answers["one-image"], transcript.form)
    best = [explanation for one in compared for explanation in one.best]
    values = choices_of(best)
    known = compared if best[0].num_explained else []
    for place, name in enumerate(("comparison", "rerank")):
        values[name] = {"": names_of(one.comparison[place] for one in known)}
    notes: tuple[str, ...] = () if is_repeatable(transcript) else (NOT_REPEATABLE,)
    if transcript.form == "mpanet" and len(known) == 1:
        values |= _drawn(transcript, answers, known[0])
        notes += _look_indoors(answers, known[0], values)
    return Identity(form=transcript.form, values=values, nearest=nearest_of(best), notes=notes)


def _explain_features(answer: Answer, form: str) -> list[_Compared]:
    """Return the way to compare features that explains an answer, or all that explain most of it.

    The nearest is the first. What re-ranks is looked at where nothing simpler explains all.
    """
    found = []
    for comparison in comparisons.COMPARISONS:
        for factor in (1.0, 1 / probes.NUM_TRIALS) if form == "mpanet" else (1.0,):
            one = _explain_comparison(_scaled(answer, factor), comparison, factor)
            if one.best[0].is_complete and one.best[0].num_explained:
                return [one]
            found.append(one)
    most = max(one.best[0].num_explained for one in found)
    best = [one for one in found if one.best[0].num_explained == most]
    return sorted(best, key=lambda one: one.best[0].error)


def _explain_comparison(answer: Answer, comparison: tuple[str, str], factor: float) -> _Compared:
    def measured(name: str, rules: RankingRules) -> Measures:
        return comparisons.measure_features(name, None, *comparison, rules)

    rules = all_rules(_INFRARED_QUERIES)
    best = best_explanations([explain({"one-image": answer}, one, measured) for one in rules])
    return _Compared(comparison=comparison, factor=factor, best=best)


def _scaled(answer: Answer, factor: float) -> Answer:
    return replace(
        answer,
        curve={rank: value * factor for rank, value in answer.curve.items()},
        precision=answer.precision * factor,
        penalty=None if answer.penalty is None else answer.penalty * factor,
    )


def _drawn(
    transcript: Transcript, answers: Mapping[str, Answer], compared: _Compared
) -> dict[str, Values]:
    """Find how galleries are drawn and what becomes of the trials, by the parts that are known."""
    is_sum = compared.factor < 1
    if not is_repeatable(transcript):
        return {"draw": {"": ("unseeded",)}, **({"trials": {"": ("sum",)}} if is_sum else {})}
    if "folders" not in answers:
        return {}
    known = compared.best[0]
    ways = ("sum",) if is_sum else ("mean", "best", "first", "last")
    fitting = [
        (how, way)
        for how in probes.DRAWS
        for way in ways
        if _fits(
            answers["folders"], known, gather_trials(how, compared.comparison, known.rules), way
        )
    ]
    return {
        "draw": {"": names_of(how for how, _ in fitting)},
        "trials": {"": names_of(way for _, way in fitting)},
    }


def _look_indoors(
    answers: Mapping[str, Answer], compared: _Compared, values: Mapping[str, Values]
) -> tuple[str, ...]:
    """Say what is otherwise in indoor search with two shots, where all else is known."""
    draws, ways = (values.get(name, {}).get("", ()) for name in ("draw", "trials"))
    if SEVERAL_SHOTS not in answers or not ways or "unseeded" in draws:
        return ()
    if answers[SEVERAL_SHOTS] == answers["folders"]:
        return ("its galleries are the same whatever mode and num_shots say",)
    known = compared.best[0]
    trials = {
        how: gather_trials(how, compared.comparison, known.rules, cameras=probes.INDOOR, shots=2)
        for how in draws
    }
    if any(
        own and _fits(answers[SEVERAL_SHOTS], known, own, way)
        for own in trials.values()
        for way in ways
    ):
        return ()
    return ("with mode='indoor' and num_shots=2 its galleries are none of what is known",)


def _fits(answer: Answer, known: Explanation, trials: Sequence[Measures], way: str) -> bool:
    """Say whether trials, combined in one way, explain the known parts of an answer."""
    curve = next(iter(known.parts["curve"]), Own("identity"))
    rank_1 = [predict(one, "curve", curve)[0] for one in trials]
    scale = probes.NUM_TRIALS if way == "sum" else 1
    return all(
        not deviation(
            _scaled(answer, 1 / scale),
            part,
            own[0],
            [
                value / scale
                for value in combine_trials(
                    [predict(one, part, own[0]) for one in trials], rank_1, way
                )
            ],
        )
        for part, own in known.parts.items()
        if own
    )


def identify_draw(transcript: Transcript) -> Identity:
    """Name how a function draws galleries from a folder of images.

    Raises:
        BenchError: What it returned is no paths of that folder.
    """
    drawn = {
        probe: _read_images(probe, returned) for probe, returned in transcript.returned.items()
    }
    fitting = {mode: tuple(_fitting(drawn, mode)) for mode in ("all", "indoor")}
    if not is_repeatable(transcript):
        names: tuple[str, ...] = ("unseeded",)
        notes = [NOT_REPEATABLE]
    else:
        names = tuple(how for how in fitting["all"] if how in fitting["indoor"])
        notes = [] if names else list(_of_one_mode(fitting))
    mine = set(drawn["all-0"])
    for how in ("official", "agw"):
        shared = len(mine & set(images.drawn_images(how, "all", 0)))
        notes.append(f"trial 1 shares {shared} of {len(mine)} images with the {how} draw")
    return Identity(form="draw", values={"draw": {"": names}}, notes=tuple(notes))


def _fitting(drawn: Mapping[str, tuple[images.Image, ...]], mode: str) -> Iterator[str]:
    """Name the draws that give what a function drew in one mode."""
    calls = [name for name in drawn if name.startswith(mode) and not name.endswith("-again")]
    for how in probes.DRAWS:
        if all(drawn[name] == images.drawn_images(how, *_call(name)) for name in calls):
            yield how


def _of_one_mode(fitting: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """Say which draw one mode is, where both together are none that is known."""
    for mode, other in (("all", "indoor"), ("indoor", "all")):
        for how in fitting[mode]:
            yield f"with mode='{mode}' it is the {how} draw, with mode='{other}' it is not"


def _call(probe: str) -> tuple[str, int]:
    mode, trial = probe.split("-")
    return mode, int(trial)


def _read_images(probe: str, returned: Mapping[str, Any]) -> tuple[images.Image, ...]:
    """Read the paths of a drawn gallery: the first of what was returned.

    Raises:
        BenchError: It is no paths of the tree.
    """
    items = returned.get("items") or [returned]
    first = items[0] if isinstance(items, list) else returned
    found = images.read_names(first.get("texts") or ())
    if not found:
        raise BenchError(
            f"the first of what it returned for the probe '{probe}' is {first.get('kind')}, not "
            "the paths of gallery images"
        )
    return found
