from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from bench_core import DataError, Modality
from bench_core.data.cache import ImageStore
from bench_core.features.extraction import ExtractionSettings, batch_limit, extract_features
from bench_core.methods import MethodConfig, Stage, StagedMethod, build_backbone
from bench_core.training.batches import to_float

CPU = torch.device("cpu")
NUM_IMAGES = 40
SETTINGS = ExtractionSettings(device=CPU, batch_size=7)


class Marked(StagedMethod):
    """Embeds images as two views, and marks those of visible images by their sign."""

    metric = "cosine"

    def __init__(self) -> None:
        super().__init__(MethodConfig(), num_identities=2)
        torch.manual_seed(0)
        self.networks = nn.ModuleDict({"backbone": build_backbone("small")})
        self.batch_sizes: list[int] = []

    def stages(self) -> Sequence[Stage]:
        return []

    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        self.batch_sizes.append(len(images))
        features: torch.Tensor = self.networks["backbone"](images)
        sign = -1 if modality == "visible" else 1
        return torch.stack([sign * features, features], dim=1)


class Uncopied(Marked):
    """Refuses to be copied."""

    def __deepcopy__(self, memo: object) -> Marked:
        raise TypeError("this method is one of its kind")


@pytest.fixture
def store() -> ImageStore:
    pixels = np.random.default_rng(0).integers(0, 256, (NUM_IMAGES, 64, 32, 3), dtype=np.uint8)
    return ImageStore(pixels)


@pytest.fixture
def images() -> pd.DataFrame:
    modality = np.random.default_rng(1).choice(["visible", "infrared"], NUM_IMAGES)
    return pd.DataFrame(
        {
            "path": [f"{number}.jpg" for number in range(NUM_IMAGES)],
            "identity": np.arange(NUM_IMAGES) // 4,
            "camera": np.where(modality == "visible", 1, 3),
            "modality": modality,
            "index": np.arange(NUM_IMAGES) % 4,
        }
    )


ROWS = np.random.default_rng(2).permutation(NUM_IMAGES)[:25]


@torch.inference_mode()
def embedded_one_by_one(
    method: StagedMethod, images: pd.DataFrame, store: ImageStore
) -> np.ndarray:
    method.networks.eval()
    return np.concatenate(
        [
            method.extract(
                to_float(torch.from_numpy(store.pixels[row : row + 1])),
                images["modality"].iloc[row],
            ).numpy()
            for row in ROWS
        ]
    )


@pytest.mark.parametrize("method", [Marked(), Uncopied()], ids=["fast", "plain"])
def test_features_are_those_of_the_rows_in_their_order(
    method: StagedMethod, images: pd.DataFrame, store: ImageStore
) -> None:
    extraction = extract_features(method, images, ROWS, store, SETTINGS)
    expected = embedded_one_by_one(method, images, store)
    features = extraction.features
    assert features.features.dtype == np.float32
    np.testing.assert_allclose(features.features, expected, rtol=1e-4, atol=1e-5)
    assert features.table["identity"].tolist() == images["identity"].iloc[ROWS].tolist()
    assert features.table["modality"].tolist() == images["modality"].iloc[ROWS].tolist()
    assert features.metric == "cosine"
    assert 0 <= extraction.waited_seconds <= extraction.seconds


def test_two_extractions_on_a_processor_give_the_same_bits(
    images: pd.DataFrame, store: ImageStore
) -> None:
    first, second = (
        extract_features(Marked(), images, ROWS, store, SETTINGS).features.features
        for _ in range(2)
    )
    assert np.array_equal(first, second)


def test_the_fast_path_is_taken_without_a_note(images: pd.DataFrame, store: ImageStore) -> None:
    method = Marked()
    extraction = extract_features(method, images, ROWS, store, SETTINGS)
    assert (extraction.note, extraction.precision) == ("", "float32")


def test_the_fast_path_is_held_to_the_method_on_a_batch_of_each_modality_and_size(
    images: pd.DataFrame, store: ImageStore
) -> None:
    method = Marked()
    extract_features(method, images, ROWS, store, SETTINGS)
    counts = images["modality"].iloc[ROWS].value_counts()
    # Each is extracted once, and half of it again.
    expected = [
        size for count in counts for last in (7, count % 7) for size in (last, -(-last // 2))
    ]
    assert sorted(method.batch_sizes) == sorted(expected)


def test_the_slow_path_says_why(images: pd.DataFrame, store: ImageStore) -> None:
    method = Uncopied()
    extraction = extract_features(method, images, ROWS, store, SETTINGS)
    assert extraction.note == "the fast path failed: this method is one of its kind"
    assert max(method.batch_sizes) == SETTINGS.batch_size


def test_bfloat16_gives_nearly_the_same_features(images: pd.DataFrame, store: ImageStore) -> None:
    settings = ExtractionSettings(device=CPU, batch_size=7, precision="bfloat16")
    extraction = extract_features(Marked(), images, ROWS, store, settings)
    assert (extraction.note, extraction.precision) == ("", "bfloat16")
    expected = embedded_one_by_one(Marked(), images, store)
    difference = np.linalg.norm(extraction.features.features - expected)
    assert 0 < difference <= 1e-2 * np.linalg.norm(expected)


def test_there_must_be_an_image(images: pd.DataFrame, store: ImageStore) -> None:
    with pytest.raises(DataError, match="there is no image to extract features of"):
        extract_features(Marked(), images, ROWS[:0], store, SETTINGS)


def test_images_of_one_modality_alone_are_extracted(
    images: pd.DataFrame, store: ImageStore
) -> None:
    rows = np.flatnonzero(images["modality"] == "infrared")
    extraction = extract_features(Marked(), images, rows, store, SETTINGS)
    assert len(extraction.features.features) == len(rows)


@pytest.mark.parametrize(
    ("size", "batch_size", "expected"),
    [((256, 128), 128, 8), ((256, 128), 4, 4), ((96, 48), 128, 56), ((1024, 1024), 128, 1)],
)
def test_a_processor_takes_batches_that_its_caches_hold(
    monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], batch_size: int, expected: int
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert batch_limit(ExtractionSettings(device=CPU, batch_size=batch_size), size) == expected


def test_a_processor_takes_an_image_a_thread_at_least(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 32)
    assert batch_limit(ExtractionSettings(device=CPU, batch_size=128), (256, 128)) == 32


def test_an_accelerator_takes_batches_as_they_are_configured() -> None:
    settings = ExtractionSettings(device=torch.device("cuda"), batch_size=128)
    assert batch_limit(settings, (256, 128)) == 128


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_gives_the_features_of_a_processor(images: pd.DataFrame, store: ImageStore) -> None:
    settings = ExtractionSettings(device=torch.device("cuda"), batch_size=3)
    extraction = extract_features(Marked(), images, ROWS, store, settings)
    assert extraction.note == ""
    expected = embedded_one_by_one(Marked(), images, store)
    difference = np.linalg.norm(extraction.features.features - expected)
    assert difference <= 1e-5 * np.linalg.norm(expected)
