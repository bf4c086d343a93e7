"""What `bench features info` counts and measures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench_core.features import description
from bench_core.features.description import CameraImages, FeatureDescription, describe
from bench_core.features.formats import FORMATS, Features, FoundFeatures
from bench_core.features.given import GivenFeatures
from bench_core.features.table import FeatureTable

TABLE = pd.DataFrame(
    {
        "identity": [6, 6, 7, 6],
        "camera": [1, 1, 1, 3],
        "modality": ["visible"] * 3 + ["infrared"],
        "index": [0, 1, 0, 0],
    }
)


def of(features: Features) -> FeatureDescription:
    found = FoundFeatures(features=features, format=FORMATS[0], evidence="its shape", files=())
    return describe(Path("thing"), found)


def table(features: np.ndarray) -> FeatureTable:
    return FeatureTable(features=features, table=TABLE, metric="euclidean", training_split="one")


@pytest.fixture(autouse=True, params=[1, 3, 100])
def rows_at_a_time(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(description, "_ROWS_PER_BLOCK", request.param)


def test_images_are_counted_by_modality_and_camera() -> None:
    told = of(table(np.ones((4, 2, 3), dtype=np.float32)))
    assert told.cameras == (
        CameraImages(camera=3, kind="infrared", images=1, identities=1),
        CameraImages(camera=1, kind="visible", images=3, identities=2),
    )
    assert told.shape == (4, 2, 3)
    assert (told.dtype, told.training_split, told.as_given) == ("float32", "one", False)
    assert (told.format, told.recognised_by) == (FORMATS[0].title, "its shape")


def test_norms_are_those_of_each_view() -> None:
    features = np.array([[[3.0, 4]], [[0, 0]], [[0, 1]], [[2, 0]]])
    told = of(table(features))
    assert told.norms == (0, 1.5, 5)
    assert not told.unit_length
    assert told.zero_rows == 1


def test_unit_length_is_seen_through_half_precision() -> None:
    features = np.random.default_rng(0).standard_normal((4, 2, 64))
    features /= np.linalg.norm(features, axis=2, keepdims=True)
    assert of(table(features.astype(np.float16).astype(np.float32))).unit_length
    assert not of(table(features * 1.01)).unit_length


def test_rows_are_repeated_if_all_views_are_equal_to_the_bit() -> None:
    features = np.array([[[1.0, 2], [3, 4]], [[1, 2], [3, 5]], [[1, 2], [3, 4]], [[1, 2], [3, 4]]])
    assert of(table(features)).duplicate_rows == 2
    features[3, 0, 0] = np.nextafter(1.0, 2)
    assert of(table(features)).duplicate_rows == 1


def test_features_as_given_are_counted_by_role() -> None:
    roles = TABLE.assign(role=["gallery"] * 3 + ["query"])[["identity", "camera", "role"]]
    told = of(GivenFeatures(features=np.ones((4, 1, 2)), table=roles, metric="cosine"))
    assert [(each.kind, each.camera, each.images) for each in told.cameras] == [
        ("gallery", 1, 3),
        ("query", 3, 1),
    ]
    assert told.as_given
    assert told.training_split is None
