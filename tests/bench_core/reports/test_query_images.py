"""Images of queries are those that were scored, or there is a reason why there are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench_core.contracts.errors import DataError
from bench_core.contracts.result import ResultRecord
from bench_core.data.decoding import decode_image
from bench_core.pipeline.inputs import open_inputs
from bench_core.plugins import Registry
from bench_core.reports.query_images import SIZE, open_queries, query_pixels

RECORDS = Path(__file__).parents[1] / "contracts" / "records"


def record(name: str) -> ResultRecord:
    return ResultRecord.from_json((RECORDS / name).read_text())


def test_of_features_from_outside_nothing_shows_the_images(
    registry: Registry, sysu_root: Path, tmp_path: Path
) -> None:
    found = open_queries(registry, record("schema-3-features.json"), sysu_root, tmp_path)
    assert found == "the result is of features from outside: nothing shows which images they are of"


def test_a_protocol_that_is_not_installed_is_named(
    registry: Registry, sysu_root: Path, tmp_path: Path
) -> None:
    known = record("schema-1.json")
    protocol = known.protocol.model_copy(update={"id": "elsewhere"})
    other = known.model_copy(update={"protocol": protocol})
    found = open_queries(registry, other, sysu_root, tmp_path)
    assert found == "no installed plugin has the protocol 'elsewhere'; install it"


def test_an_image_is_found_by_person_camera_and_index(
    registry: Registry, sysu_root: Path, tmp_path: Path
) -> None:
    inputs = open_inputs(registry, registry.protocol("sysu-all-single"), sysu_root, tmp_path)
    images = inputs.dataset.images
    own = images[images["modality"] == "infrared"].iloc[-3:]
    keys = list(zip(own["identity"], own["camera"], own["index"], strict=True))
    expected = [decode_image(sysu_root / path, SIZE) for path in own["path"]]
    assert np.array_equal(query_pixels(inputs, keys), np.stack(expected))
    with pytest.raises(DataError, match="has no image 999 of person 1 and camera 3"):
        query_pixels(inputs, [(1, 3, 999)])
