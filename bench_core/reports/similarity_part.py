"""The part of a report that shows how alike people and modalities look to the features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench_core.evaluation.pair_similarity import pair_similarities
from bench_core.figures.drawing import png_bytes
from bench_core.figures.similarities import SimilarityPanel, draw_similarities
from bench_core.reports.document import LeftOut, Part, Picture

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench_core.contracts.protocol import ProtocolSpec
    from bench_core.evaluation.pair_similarity import Spread, Where, Who
    from bench_core.features.table import FeatureTable

MOST_IMAGES = 12_000
"""Images whose pairs are all visited; of more, so many are drawn."""
SEED = 0
TITLES: Mapping[Where, str] = {"within": "within a modality", "across": "across modalities"}


def similarity_part(features: FeatureTable, spec: ProtocolSpec) -> Part | LeftOut:
    """Show the similarities of pairs of one person and of two, within modalities and across.

    Args:
        features: Of all images that the model may be scored on.
        spec: The protocol, which says whose pairs are kept apart.

    Returns:
        The part, or why there is none.
    """
    table, rows = features.table, np.arange(len(features.table))
    if len(rows) > MOST_IMAGES:
        rows = np.sort(np.random.default_rng(SEED).permutation(len(rows))[:MOST_IMAGES])
    identity, camera, modality = (
        table[column].to_numpy()[rows] for column in ("identity", "camera", "modality")
    )
    found = pair_similarities(
        features.features[rows],
        identity=identity,
        camera=camera,
        modality=modality,
        excluded_camera_pairs=spec.excluded_camera_pairs,
        excluded_match_camera_pairs=spec.excluded_match_camera_pairs,
    )
    shown = [where for where in TITLES if _has_pairs(found, where)]
    if not shown:
        return LeftOut("similarities", "there are no pairs of one person, or none of two")
    drawn = "" if len(rows) == len(table) else f", of {len(rows):,} images drawn at random"
    text = (
        f"All pairs of the test images{drawn}: cosine similarity of their features, whatever "
        "distance the searches are by. Left out are cameras that the protocol keeps apart and, "
        "within a modality of several cameras, pairs of one camera."
    )
    return Part(
        heading="People and modalities",
        text=(text,),
        pictures=(_picture(found, shown),),
        data={"similarity": _document(found, shown)},
    )


def _has_pairs(found: Mapping[tuple[Who, Where], Spread], where: Where) -> bool:
    return all(found[who, where].num_pairs for who in ("same", "different"))


def _picture(found: Mapping[tuple[Who, Where], Spread], shown: list[Where]) -> Picture:
    panels = [
        SimilarityPanel(
            TITLES[where],
            {
                "different people": found["different", where].counts,
                "the same person": found["same", where].counts,
            },
        )
        for where in shown
    ]
    return Picture(
        name="similarities",
        caption=" ".join(_sentences(found, shown)),
        png=png_bytes(draw_similarities(panels)),
    )


def _sentences(found: Mapping[tuple[Who, Where], Spread], shown: list[Where]) -> list[str]:
    shares = [
        f"in {100 * found['same', where].share_above(found['different', where]):.1f} % {words}"
        for where, words in (("within", "within a modality"), ("across", "across modalities"))
        if where in shown
    ]
    first = "A random pair of one person is more alike than a random pair of two people"
    sentences = [f"{first} {' and '.join(shares)} (50 % is chance)."]
    if len(shown) == len(TITLES):
        gap = 100 * found["same", "across"].share_above(found["different", "within"])
        sentences.append(
            "A pair of one person across modalities is more alike than a pair of two people within "
            f"one in {gap:.1f} %: below 50 %, the modality says more than the person."
        )
    return sentences


def _document(
    found: Mapping[tuple[Who, Where], Spread], shown: list[Where]
) -> dict[str, dict[str, float]]:
    document: dict[str, dict[str, float]] = {
        f"{who} person{'s' * (who == 'different')}, {where}": {
            "pairs": spread.num_pairs,
            "mean": spread.mean,
        }
        for (who, where), spread in found.items()
        if where in shown
    }
    document["share_above"] = {
        where: found["same", where].share_above(found["different", where]) for where in shown
    }
    if len(shown) == len(TITLES):
        document["share_above"]["same across, different within"] = found[
            "same", "across"
        ].share_above(found["different", "within"])
    return document
