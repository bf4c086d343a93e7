"""What a report shows of features, and what it says where there is nothing to show."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bench_core.contracts.protocol import ProtocolSpec, Trial
from bench_core.features.table import FeatureTable
from bench_core.figures.maps import PEOPLE
from bench_core.reports import similarity_part as similarity_module
from bench_core.reports.camera_pairs import SearchTally
from bench_core.reports.camera_part import camera_part
from bench_core.reports.document import LeftOut, Part
from bench_core.reports.map_part import MOST_OF_A_KIND, draw_images, map_part
from bench_core.reports.search import Search
from bench_core.reports.similarity_part import similarity_part

SPEC = ProtocolSpec(
    id="toy",
    dataset="toy",
    title="Toy",
    query_modality="infrared",
    gallery_modality="visible",
    cmc="image",
    excluded_camera_pairs=((3, 2),),
    conventions=("official",),
    definition="toy:Toy",
)


def features_of(
    num_people: int, num_images: int, *, gap: float = 0.0, cameras: tuple[int, ...] = (1, 2, 3, 6)
) -> FeatureTable:
    """Invent features; `gap` is how far the modalities lie apart."""
    rng = np.random.default_rng(0)
    identity = np.repeat(np.arange(num_people), num_images)
    camera = np.resize(np.array(cameras), len(identity))
    infrared = camera > 2
    own = rng.standard_normal((num_people, 16))[identity]
    between = gap * np.outer(np.where(infrared, 1, -1), rng.standard_normal(16))
    noise = 0.3 * rng.standard_normal(own.shape)
    table = pd.DataFrame(
        {
            "identity": identity,
            "camera": camera,
            "modality": np.where(infrared, "infrared", "visible"),
            "index": np.arange(len(identity)),
        }
    )
    return FeatureTable(
        features=(own + between + noise)[:, np.newaxis], table=table, metric="cosine"
    )


def similarity_of(features: FeatureTable) -> Part:
    part = similarity_part(features, SPEC)
    assert isinstance(part, Part)
    return part


@pytest.mark.parametrize(("gap", "modality_wins"), [(0.0, False), (5.0, True)])
def test_the_share_across_and_within_says_whether_the_modality_wins(
    gap: float, modality_wins: bool
) -> None:
    part = similarity_of(features_of(6, 8, gap=gap))
    share = part.data["similarity"]["share_above"]["same across, different within"]
    assert (share < 0.5) is modality_wins
    assert f"{100 * share:.1f} %: below 50 %, the modality says more" in part.pictures[0].caption


def test_one_modality_is_shown_by_itself() -> None:
    part = similarity_of(features_of(4, 6, cameras=(3, 6)))
    assert set(part.data["similarity"]["share_above"]) == {"within"}
    assert "across" not in part.pictures[0].caption


def test_people_without_a_second_image_have_no_similarities() -> None:
    assert isinstance(similarity_part(features_of(5, 1), SPEC), LeftOut)


def test_of_many_images_some_are_drawn_and_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity_module, "MOST_IMAGES", 30)
    part = similarity_of(features_of(6, 8))
    assert "of 30 images drawn at random" in part.text[0]
    pairs = part.data["similarity"]
    assert sum(kind["pairs"] for name, kind in pairs.items() if name != "share_above") < 30 * 29 / 2


def test_people_who_are_mapped_are_seen_in_both_modalities_and_drawn_alike() -> None:
    table = features_of(40, 60).table
    table.loc[table["identity"] < 10, "modality"] = "visible"
    rows = draw_images(table)
    assert rows.tolist() == draw_images(table.copy()).tolist()
    drawn = table.iloc[rows]
    assert drawn["identity"].nunique() == len(PEOPLE)
    assert drawn["identity"].min() >= 10
    assert (drawn.groupby(["identity", "modality"]).size() == MOST_OF_A_KIND).all()


def test_maps_say_who_is_shown_and_what_is_missing() -> None:
    part, left_out = map_part(features_of(3, 8), umap=False)
    assert part is not None
    assert "24 images of 3 test people" in part.pictures[0].caption
    assert "(A 0, B 1, C 2)" in part.pictures[0].caption
    assert left_out == [LeftOut("UMAP of the features", "it was not asked for; add --umap")]


def test_too_few_images_are_not_mapped() -> None:
    part, (missing,) = map_part(features_of(2, 4), umap=False)
    assert part is None
    assert "fewer than 10 images" in missing.why


def shown_cameras(features: FeatureTable) -> Part | LeftOut:
    infrared = (features.table["modality"] == "infrared").to_numpy()
    trial = Trial(np.flatnonzero(infrared), np.flatnonzero(~infrared))
    search, tally = Search.of(features, trial, SPEC), SearchTally()
    tally.add(search)
    return camera_part(tally, search)


def test_the_highest_pair_of_cameras_is_the_darkest_and_those_apart_say_so() -> None:
    part = shown_cameras(features_of(6, 8, gap=0.5))
    assert isinstance(part, Part)
    rank_1, precision = part.tables
    assert rank_1.columns == ("", "camera 1 (12)", "camera 2 (12)")
    assert [row[0] for row in precision.rows] == ["camera 3 (12)", "camera 6 (12)"]
    assert precision.rows[0][2] == "kept apart"
    assert precision.shades[0][2] is None
    numbers = {
        (row, column): float(precision.rows[row][column])
        for row, column in ((0, 1), (1, 1), (1, 2))
    }
    darkest = max(numbers, key=lambda place: numbers[place])
    assert precision.shades[darkest[0]][darkest[1]] == 1


def test_one_pair_of_cameras_is_left_out() -> None:
    assert isinstance(shown_cameras(features_of(4, 6, cameras=(1, 6))), LeftOut)
