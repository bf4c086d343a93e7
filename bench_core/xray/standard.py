"""What a protocol of ours decides, in the same choices, and what each other way moves.

Letters in shapes: Q queries, G gallery images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from bench_core.xray import probes
from bench_core.xray.choices import CAMERA_RULES, IntArray, Removes
from bench_core.xray.reference import Measures, RankingRules, Search, measure
from bench_core.xray.trials import combine_trials, gather_trials

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench_core.contracts.protocol import ProtocolSpec
    from bench_core.xray.identity import Values

METRICS = ("rank-1", "rank-10", "mAP", "mINP")
"""What effects are told of."""
USUAL: Mapping[str, str] = {
    "roles": "given",
    "order": "nearest",
    "cameras": "room",
    "cmc": "identity",
    "precision": "mean",
    "penalty": "matches",
    "unmatched": "dropped",
    "unit": "fraction",
    "ties": "gallery",
    "junk": "ranked",
    "comparison": "cosine",
    "rerank": "none",
    "draw": "official",
    "trials": "mean",
}
"""What SYSU-MM01's protocols decide."""

Chosen: TypeAlias = "Mapping[str, str | Mapping[str, str]]"
"""A value of each choice; where parts differ, of each part."""


@dataclass(frozen=True)
class Standard:
    """A protocol in the choices of functions.

    Attributes:
        id: Of the protocol.
        choices: The value of each choice.
        removes: What a query does not meet.
        domain: A search with the cameras of the protocol.
        conventions: The draws that it defines.
    """

    id: str
    choices: Mapping[str, str]
    removes: Removes
    domain: Search
    conventions: tuple[str, ...]

    def removes_the_same(self, rule: str) -> bool:
        """Say whether a named camera rule removes the same images in the protocol's searches."""
        return _remove_the_same(self.domain, self.removes, CAMERA_RULES[rule])


def standard_of(spec: ProtocolSpec) -> Standard | None:
    """Put a protocol in the choices of functions; None where its camera rule is not known."""
    removes = _removes(spec)
    domain = _domain(spec)
    named = [name for name, rule in CAMERA_RULES.items() if _remove_the_same(domain, removes, rule)]
    if not named or not domain.distances.size:
        return None
    usual = "none" if "none" in named else named[0]
    return Standard(
        id=spec.id,
        choices={**USUAL, "cameras": usual, "cmc": spec.cmc},
        removes=removes,
        domain=domain,
        conventions=spec.conventions,
    )


def _removes(spec: ProtocolSpec) -> Removes:
    pairs, match_pairs = set(spec.excluded_camera_pairs), set(spec.excluded_match_camera_pairs)

    def removes(
        identity: int, camera: int, identities: IntArray, cameras: IntArray
    ) -> NDArray[np.bool_]:
        always = np.array([(camera, other) in pairs for other in cameras.tolist()], dtype=bool)
        own = np.array([(camera, other) in match_pairs for other in cameras.tolist()], dtype=bool)
        return np.asarray(always | own & (identities == identity))

    return removes


def _domain(spec: ProtocolSpec) -> Search:
    """Return a search with such cameras as the protocol has, as far as its rule tells them."""
    pairs = {*spec.excluded_camera_pairs, *spec.excluded_match_camera_pairs}
    if not pairs:
        return probes.make_search("plain")
    if (3, 2) in pairs:
        return probes.make_search("sysu")
    if (2, 3) in pairs:
        return probes.make_search("sysu").swapped()
    shared, cameras = probes.make_search("shared"), sorted({own for own, _ in pairs})
    rows = np.flatnonzero(np.isin(shared.query_camera, cameras))
    columns = np.flatnonzero(np.isin(shared.gallery_camera, cameras))
    return Search(
        shared.distances[np.ix_(rows, columns)],
        shared.query_identity[rows],
        shared.gallery_identity[columns],
        shared.query_camera[rows],
        shared.gallery_camera[columns],
    )


def _remove_the_same(search: Search, first: Removes, second: Removes) -> bool:
    labels = zip(search.query_identity.tolist(), search.query_camera.tolist(), strict=True)
    gallery = search.gallery_identity, search.gallery_camera
    return all(
        np.array_equal(first(*query, *gallery), second(*query, *gallery)) for query in set(labels)
    )


def effect(
    form: str, choice: str, values: Values, standard: Standard
) -> Mapping[str, float] | None:
    """Return by how much one choice, made otherwise, moves the score of a probe.

    Args:
        form: Name of the form.
        choice: Name of the choice.
        values: What is chosen, by part.
        standard: All else is as there.

    Returns:
        Metric to points (hundredths): with the choice, minus without; None where it is not known
        what is chosen, or where it moves nothing by its nature.
    """
    if choice in ("unit", "penalty") or any(len(names) != 1 for names in values.values()):
        return None
    chosen = {part: names[0] for part, names in values.items()}
    if "unseeded" in chosen.values():
        return None
    given = chosen.get("", chosen)
    before = _score(form, choice, standard.choices, standard)
    after = _score(form, choice, {**standard.choices, choice: given}, standard)
    return {name: 100 * (after[name] - before[name]) for name in METRICS}


def _score(form: str, shown: str, chosen: Chosen, standard: Standard) -> dict[str, float]:
    """Score the probe that shows a choice."""
    ties = chosen["ties"]
    rules = RankingRules(
        roles=str(chosen["roles"]),
        order=str(chosen["order"]),
        cameras=str(chosen["cameras"]),
        junk=_common(chosen["junk"]),
        ties=_common(ties),
    )
    if form == "draw" or form.startswith("mpanet"):
        comparison = str(chosen["comparison"]), str(chosen["rerank"])
        trials = gather_trials(str(chosen["draw"]), comparison, rules)
        way = str(chosen["trials"])
    else:
        name = shown if shown in ("ties", "junk") else None
        trials = [measure(probes.make_search(name) if name else standard.domain, rules)]
        way = "mean"
    rows = [_metrics(one, chosen) for one in trials]
    values = combine_trials(
        [list(row.values()) for row in rows], [row["rank-1"] for row in rows], way
    )
    return dict(zip(METRICS, values, strict=True))


def _common(value: str | Mapping[str, str]) -> str:
    """Return the value of the curve where parts differ: it makes the list."""
    return value if isinstance(value, str) else value.get("curve", next(iter(value.values())))


def _metrics(measures: Measures, chosen: Chosen) -> dict[str, float]:
    unmatched = {part: _of(chosen["unmatched"], part) for part in ("curve", "mAP", "mINP")}
    curve = measures.curve(str(chosen["cmc"]), unmatched["curve"])
    grouped = _of(chosen["ties"], "mAP") == "grouped" and chosen["precision"] == "mean"
    precision = "grouped" if grouped else str(chosen["precision"])
    return {
        "rank-1": float(curve[0]),
        "rank-10": float(curve[9]),
        "mAP": measures.mean_precision(precision, unmatched["mAP"]),
        "mINP": measures.mean_penalty(unmatched["mINP"]),
    }


def _of(value: str | Mapping[str, str], part: str) -> str:
    return value if isinstance(value, str) else value.get(part, "dropped")


def is_harmless(choice: str, names: Sequence[str], standard: Standard) -> bool:
    """Say whether a difference leaves every score as it is where nothing ties and nobody is junk.

    Another defined draw is no difference, but a convention; its result stands in another table.
    """
    harmless = {
        "ties": {"default", "reversed", "reversed-default", "matches-last"},
        "junk": {"removed"},
        "unit": {"percent"},
        "penalty": {"missing"},
        "comparison": {"cosine", "euclidean"},
        "draw": set(standard.conventions),
    }
    return bool(names) and set(names) <= harmless.get(choice, set())
