from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from bench_core.configuration import MethodChoice
from bench_core.datasets import Dataset
from bench_core.features.extraction import ExtractionSettings
from bench_core.loading import load_object
from bench_core.pipeline.methods import build_method
from bench_core.plugins import Registry
from bench_core.profiling import end_to_end
from bench_core.profiling.end_to_end import EndToEndSpeed, measure_end_to_end

SETTINGS = ExtractionSettings(device=torch.device("cpu"), batch_size=32)


@pytest.fixture
def dataset(registry: Registry, sysu_root: Path) -> Dataset:
    read: Dataset = load_object(registry.dataset("sysu-mm01").reader)().read(sysu_root)
    return read


def test_images_go_the_whole_way(
    choose: Callable[..., MethodChoice], dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(end_to_end, "MOST_IMAGES", 60)
    method = build_method(choose("xiv", "quick", "image_height=32", "image_width=16"), 4)
    speed = measure_end_to_end(method, dataset, (32, 16), SETTINGS)
    assert speed.num_images == 60
    assert speed.decoding_seconds > 0
    assert 0 <= speed.waited_seconds <= speed.extraction_seconds


def test_a_small_dataset_is_taken_whole(dataset: Dataset) -> None:
    assert end_to_end._some(dataset.images).equals(dataset.images.reset_index(drop=True))


@pytest.mark.parametrize(
    ("decoding", "extraction", "waited", "expected"),
    [
        (5.0, 1.0, 0.1, ("data", "model")),
        (0.5, 1.0, 0.1, ("model", "model")),
        (5.0, 1.0, 0.9, ("data", "data")),
    ],
)
def test_the_limit_is_what_takes_longer(
    decoding: float, extraction: float, waited: float, expected: tuple[str, str]
) -> None:
    speed = EndToEndSpeed(
        num_images=10,
        decoding_seconds=decoding,
        extraction_seconds=extraction,
        waited_seconds=waited,
    )
    assert (speed.limit_from_files, speed.limit_from_cache) == expected


def test_rates_are_images_per_second() -> None:
    speed = EndToEndSpeed(
        num_images=12, decoding_seconds=2.0, extraction_seconds=4.0, waited_seconds=1.0
    )
    assert speed.as_document() == {
        "images": 12,
        "decoding": 6.0,
        "files_to_features": 2.0,
        "cache_to_features": 3.0,
        "waiting_for_data": 0.25,
        "limit_from_files": "model",
        "limit_from_cache": "model",
    }
