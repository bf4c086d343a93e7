"""Probes are the same in every process, and tell apart all behaviours that have a name."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from bench_core.xray import images, probes
from bench_core.xray.analysis import measure_distances
from bench_core.xray.choices import CHOICES
from bench_core.xray.comparisons import COMPARISONS, measure_features
from bench_core.xray.identification import PARTS, TOLERANCE, Own, all_rules, own_choices, predict
from bench_core.xray.reference import RankingRules
from bench_core.xray.trials import combine_trials, gather_trials

APART = 10 * TOLERANCE
"""How far predictions of two behaviours are at least apart."""
USUAL = {"curve": Own("identity"), "mAP": Own("mean"), "mINP": Own("matches")}


def closest(predictions: dict[object, list[float]]) -> tuple[float, object]:
    """Return how far the two nearest predictions are apart, and whose they are."""
    distances = squareform(pdist(np.array(list(predictions.values())), "chebyshev"))
    np.fill_diagonal(distances, np.inf)
    first, second = np.unravel_index(np.argmin(distances), distances.shape)
    names = list(predictions)
    return float(distances[first, second]), (names[first], names[second])


@pytest.mark.parametrize("part", PARTS)
def test_every_way_to_score_a_list_is_told_apart(part: Literal["curve", "mAP", "mINP"]) -> None:
    measures = measure_distances("sysu", RankingRules())
    predictions: dict[object, list[float]] = {
        own: predict(measures, part, own) for own in own_choices(part) if own.kind != "missing"
    }
    assert closest(predictions)[0] > APART


@pytest.mark.parametrize("unmatched", CHOICES["unmatched"].values)
@pytest.mark.parametrize("precision", CHOICES["precision"].values)
@pytest.mark.parametrize("cmc", CHOICES["cmc"].values)
def test_every_way_to_make_lists_is_told_apart(cmc: str, precision: str, unmatched: str) -> None:
    """By the curve and mAP, which every function returns."""
    predictions: dict[object, list[float]] = {}
    for rules in all_rules():
        measures = [measure_distances(probe, rules) for probe in ("sysu", "shared")]
        predictions[rules] = [
            *(value for one in measures for value in one.curve(cmc, unmatched)),
            *(one.mean_precision(precision, unmatched) for one in measures),
        ]
    distance, pair = closest(predictions)
    assert distance > APART, pair


@pytest.mark.parametrize("choice", ["ties", "junk"])
def test_ties_and_junk_are_told_apart(choice: str) -> None:
    names = [name for name in CHOICES[choice].values if name != "grouped"]
    predictions: dict[object, list[float]] = {}
    for name in names:
        measures = measure_distances(choice, RankingRules(**{choice: name}))
        predictions[name] = [v for part, own in USUAL.items() for v in predict(measures, part, own)]
    if choice == "ties":
        measures = measure_distances("ties", RankingRules())
        curve = predict(measures, "curve", USUAL["curve"])
        grouped = measures.mean_precision("grouped", "dropped")
        predictions["grouped"] = [*curve, grouped, measures.mean_penalty("dropped")]
    assert closest(predictions)[0] > APART


def test_ties_are_not_removed_by_any_rule() -> None:
    reference = measure_distances("ties", RankingRules())
    for rules in all_rules():
        if (rules.roles, rules.order) == ("given", "nearest"):
            measures = measure_distances("ties", rules)
            assert np.array_equal(measures.penalty, reference.penalty)


@pytest.mark.slow
def test_every_comparison_of_features_is_told_apart() -> None:
    predictions: dict[object, list[float]] = {}
    for comparison, rules in product(COMPARISONS, all_rules(("room", "none", "room-matches"))):
        if rules.roles == "swapped" and rules.cameras != "room":
            continue  # of visible queries, none of these rules removes anything
        measures = measure_features("one-image", None, *comparison, rules)
        rank_1 = float(measures.curve("identity", "dropped")[0])  # some return no more
        predictions[comparison, rules] = [rank_1, measures.mean_precision("mean", "dropped")]
    assert closest(predictions)[0] > APART


def test_every_draw_with_every_way_to_combine_trials_is_told_apart() -> None:
    predictions: dict[object, list[float]] = {}
    for how, way in product(probes.DRAWS, CHOICES["trials"].values):
        trials = gather_trials(how, ("cosine", "none"), RankingRules())
        values = [predict(one, "curve", USUAL["curve"]) for one in trials]
        combined = combine_trials(values, [value[0] for value in values], way)
        predictions[how, way] = combined
    fixed = ("first-permutation", "first-images", "last-images", "all")
    told = {
        key: value
        for key, value in predictions.items()
        # Where all trials are one gallery, their mean is each of them.
        if key[0] not in fixed or key[1] in ("mean", "sum")  # type: ignore[index]
        if key != ("official", "first")  # which is that gallery, too
    }
    assert closest(told)[0] > APART


@pytest.mark.parametrize("mode", ["all", "indoor"])
def test_every_draw_of_images_is_another(mode: str) -> None:
    galleries = {how: images.drawn_images(how, mode, 1) for how in probes.DRAWS}
    assert len(set(galleries.values())) == len(galleries)


def test_where_each_folder_has_one_image_every_draw_is_the_same() -> None:
    probe = probes.make_features("one-image")
    drawn = {
        tuple(sorted(probes.draw_gallery(probe.folders, probe.permutations, (1, 2, 4, 5), how, 3)))  # type: ignore[arg-type]
        for how in probes.DRAWS
    }
    assert len(drawn) == 1


def test_more_shots_are_defined_for_the_permutations_alone() -> None:
    probe = probes.make_features("folders")
    drawn = probes.draw_gallery(probe.folders, probe.permutations, (1, 2), "official", 0, 2)
    assert drawn is not None
    assert len(drawn) == 2 * sum(camera in (1, 2) for camera, _ in probe.folders)
    assert probes.draw_gallery(probe.folders, probe.permutations, (1,), "agw", 0, 2) is None


def test_the_files_on_disk_are_those_of_the_probe(tmp_path: Path) -> None:
    root = tmp_path / "SYSU-MM01"
    images.write_images(root)
    visible = [str(file) for camera in (1, 2, 4, 5) for file in root.glob(f"cam{camera}/*/*.jpg")]
    assert images.read_names(visible) == images.drawn_images("all", "all", 0)
