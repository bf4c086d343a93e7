"""Which images were scored, and whether they are those of a dataset."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench_core.contracts.dataset import Dataset
from bench_core.contracts.errors import DataError
from bench_core.contracts.protocol import GIVEN, ProtocolSpec, Trial
from bench_core.features.table import FEATURE_COLUMNS, FeatureTable
from bench_core.scoring.feature_files import OpenedFeatures
from bench_core.scoring.images import check_images, scored_images


class Drawn:
    """Infrared rows query; trial t draws the visible rows of the t-th index, in their order."""

    def __init__(self, convention: str = "official") -> None:
        self.spec = ProtocolSpec(
            id="toy-search",
            dataset="toy",
            title="Toy",
            query_modality="infrared",
            gallery_modality="visible",
            cmc="identity",
            num_trials=2,
            conventions=(convention,),
            definition="toy:Toy",
        )

    def training_split(self, trial: int) -> str:
        return "all"

    def trial(self, images: pd.DataFrame, convention: str, trial: int) -> Trial:
        is_query = (images["modality"] == "infrared").to_numpy()
        chosen = (images["modality"] == "visible") & (images["index"] == trial)
        return Trial(query=np.flatnonzero(is_query), gallery=np.flatnonzero(chosen.to_numpy()))


def make_images(num_images: int = 3) -> pd.DataFrame:
    """Two people, in a visible and an infrared camera."""
    rows = [
        (identity, camera, "infrared" if camera == 3 else "visible", index)
        for identity in (1, 2)
        for camera in (1, 3)
        for index in range(num_images)
    ]
    return pd.DataFrame(rows, columns=list(FEATURE_COLUMNS))


def opened(table: pd.DataFrame, convention: str = "official") -> OpenedFeatures:
    features = FeatureTable(
        features=np.ones((len(table), 1, 2), dtype=np.float32), table=table, metric="euclidean"
    )
    return OpenedFeatures(
        features={"all": features},
        protocol=Drawn(convention),  # type: ignore[arg-type]
        trials=None,
        files=(Path("theirs.npz"),),
    )


def dataset_of(images: pd.DataFrame) -> Dataset:
    return Dataset(id="toy", root=Path("/toy"), images=images, splits=None, synthetic=False)  # type: ignore[arg-type]


def test_images_count_once_and_only_where_a_trial_has_them() -> None:
    found = scored_images(opened(make_images()), "official")
    assert not found.duplicated().any()
    assert sorted(found["index"][found["modality"] == "visible"]) == [0, 0, 1, 1]
    assert len(found[found["modality"] == "infrared"]) == 6


def test_the_same_images_pass_whatever_else_the_dataset_holds() -> None:
    others = make_images().assign(identity=9, modality="thermal")
    more = pd.concat([make_images(), others], ignore_index=True)
    check_images(opened(make_images()), "official", dataset_of(more))


def test_another_number_of_images_is_named() -> None:
    with pytest.raises(DataError, match=r"theirs.npz: .* images of /toy: trial 1 has 6 query"):
        check_images(opened(make_images()), "official", dataset_of(make_images(4)))


def test_an_image_that_differs_is_named() -> None:
    other = make_images()
    other.loc[0, "identity"] = 5
    with pytest.raises(DataError, match=r"another gallery image, such as visible image 0 of ident"):
        check_images(opened(make_images()), "official", dataset_of(other))


def test_a_gallery_in_another_order_is_another_gallery() -> None:
    turned = make_images().iloc[::-1].reset_index(drop=True)
    with pytest.raises(DataError, match="trial 1 has another query image"):
        check_images(opened(make_images()), "official", dataset_of(turned))


def test_of_given_images_there_must_be_as_many() -> None:
    enough, fewer = make_images(), make_images(2)
    spec = replace(Drawn(GIVEN).spec, num_trials=1)
    given = opened(make_images(), GIVEN)
    given.protocol.spec = spec
    check_images(given, GIVEN, dataset_of(enough))
    with pytest.raises(DataError, match=r"3 infrared query images of identity 1 in camera 3, of w"):
        check_images(given, GIVEN, dataset_of(fewer))
