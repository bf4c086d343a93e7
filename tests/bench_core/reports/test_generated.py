"""Generated images: which people are shown, what a method is asked, what it may return."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from bench_core.contracts.errors import PluginError
from bench_core.reports.generated import BATCH, Generated, Pairs, draw_pairs, generate, mix
from bench_core.reports.quality import measure_quality

CPU = torch.device("cpu")
HEIGHT, WIDTH = 6, 3


class Plain:
    """A method that generates nothing; its embedding of an image is its mean colour."""

    metric = "euclidean"

    def __init__(self) -> None:
        self.networks = nn.ModuleDict({"norm": nn.BatchNorm2d(3)})
        self.asked: list[str] = []

    def load_pretrained(self, weights: object) -> None: ...

    def train(self, data: object, run: object) -> None: ...

    def extract(self, images: torch.Tensor, modality: str) -> torch.Tensor:
        self.asked.append(modality)
        return 1 + images.mean((2, 3))[:, None]


class Painter(Plain):
    """Fake infrared is the negative of visible; "lit" is visible, brighter, and no modality."""

    def pictures(self, visible: torch.Tensor, infrared: torch.Tensor) -> Mapping[str, torch.Tensor]:
        assert not self.networks.training
        assert not torch.is_grad_enabled()
        return {
            "visible": visible,
            "fake infrared": 1 - visible,
            "infrared": infrared,
            "lit": visible.sqrt(),
        }

    def mixing_strip(
        self, images: torch.Tensor, modality: str, alphas: Sequence[float]
    ) -> torch.Tensor:
        mixed = [alpha * images[:1] + (1 - alpha) * images[1:] for alpha in alphas]
        return torch.cat([images[:1], *mixed, images[1:]])


class Shouting(Plain):
    def pictures(self, visible: torch.Tensor, infrared: torch.Tensor) -> Mapping[str, torch.Tensor]:
        return {"loud": 2 + visible}


class Cropping(Plain):
    def pictures(self, visible: torch.Tensor, infrared: torch.Tensor) -> Mapping[str, torch.Tensor]:
        return {"cropped": visible[:, :, 1:]}


class Silent(Plain):
    def pictures(self, visible: torch.Tensor, infrared: torch.Tensor) -> Mapping[str, torch.Tensor]:
        return {}


def random_pairs(number: int) -> Pairs:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (2, number, HEIGHT, WIDTH, 3), dtype=np.uint8)
    return Pairs(images[0], images[1])


def made_by(method: Plain, number: int = BATCH + 3) -> Generated:
    made = generate(method, random_pairs(number), CPU)  # type: ignore[arg-type]
    assert made is not None
    return made


def table_of(people: Mapping[int, tuple[int, int]]) -> pd.DataFrame:
    """A table of so many visible and infrared images of each person."""
    rows = [
        (identity, modality)
        for identity, numbers in people.items()
        for modality, number in zip(("visible", "infrared"), numbers, strict=True)
        for _ in range(number)
    ]
    return pd.DataFrame(rows, columns=["identity", "modality"])


def drawn(people: Mapping[int, tuple[int, int]]) -> tuple[pd.DataFrame, list[int], list[int]]:
    """Draw pairs of images whose pixels tell their row."""
    table = table_of(people)
    pixels = np.arange(len(table), dtype=np.uint8).reshape(-1, 1, 1, 1).repeat(3, axis=3)
    pairs = draw_pairs(table, np.arange(len(table)), pixels)
    return table, pairs.visible[:, 0, 0, 0].tolist(), pairs.infrared[:, 0, 0, 0].tolist()


def test_a_pair_shows_one_person_in_both_modalities() -> None:
    table, visible, infrared = drawn({1: (3, 2), 2: (2, 4), 3: (0, 5), 4: (5, 0)})
    assert (table["modality"].iloc[visible] == "visible").all()
    assert (table["modality"].iloc[infrared] == "infrared").all()
    assert table["identity"].iloc[visible].tolist() == table["identity"].iloc[infrared].tolist()


def test_no_image_is_in_two_pairs_and_the_first_pairs_show_everyone() -> None:
    table, visible, infrared = drawn({1: (3, 2), 2: (2, 4), 3: (1, 1)})
    assert len(visible) == 5
    assert len(set(visible)) == len(set(infrared)) == 5
    assert set(table["identity"].iloc[visible[:3]]) == {1, 2, 3}


def test_the_same_pairs_are_drawn_each_time() -> None:
    assert drawn({1: (9, 9), 2: (9, 9)})[1:] == drawn({1: (9, 9), 2: (9, 9)})[1:]


def test_there_may_be_no_pair() -> None:
    assert drawn({1: (3, 0), 2: (0, 4)})[1:] == ([], [])


def test_pictures_of_all_batches_come_in_the_order_of_the_pairs() -> None:
    pairs, made = random_pairs(BATCH + 3), made_by(Painter())
    assert list(made.pictures) == ["visible", "fake infrared", "infrared", "lit"]
    assert np.array_equal(made.pictures["visible"], pairs.visible)
    assert np.array_equal(made.pictures["fake infrared"], 255 - pairs.visible)


def test_real_and_fake_images_are_embedded_as_infrared_ones_with_length_1() -> None:
    method = Painter()
    made = made_by(method)
    assert set(made.embeddings) == {"visible", "infrared", "fake infrared"}
    assert set(method.asked) == {"infrared"}
    for embedded in made.embeddings.values():
        assert np.linalg.norm(embedded, axis=1) == pytest.approx(np.ones(BATCH + 3))


@pytest.mark.parametrize("kind", [Plain, Silent])
def test_a_method_need_not_generate(kind: type[Plain]) -> None:
    assert generate(kind(), random_pairs(2), CPU) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Shouting, r"Shouting.pictures\['loud'\] has values from 2.*; expected \[0, 1\]"),
        (Cropping, r"\['cropped'\] has shape \(2, 3, 5, 3\); expected \(2, 3, 6, 3\)"),
    ],
)
def test_what_is_no_picture_is_refused(kind: type[Plain], message: str) -> None:
    with pytest.raises(PluginError, match=message):
        made_by(kind(), 2)


def test_a_strip_begins_and_ends_with_the_two_images() -> None:
    images = random_pairs(2).visible
    strip = mix(Painter(), images, "visible", (0.5,), CPU)  # type: ignore[arg-type]
    assert strip.shape == (3, HEIGHT, WIDTH, 3)
    assert np.array_equal(strip[[0, 2]], images)
    assert np.abs(strip[1] - images.mean(0)).max() <= 0.5


def test_md_is_between_a_fake_and_its_source_and_fid_between_fakes_and_real_ones() -> None:
    made = made_by(Painter())
    (quality,) = measure_quality(made, None)
    source, fake = made.embeddings["visible"], made.embeddings["fake infrared"]
    assert (quality.images, quality.num_images) == ("fake infrared", BATCH + 3)
    assert quality.mean_distance == pytest.approx(np.linalg.norm(source - fake, axis=1).mean())
    assert quality.inception_fid is None
    perfect = Generated(
        made.pictures, {**made.embeddings, "fake infrared": made.embeddings["infrared"]}
    )
    assert measure_quality(perfect, None)[0].fid == pytest.approx(0, abs=1e-9)
    assert quality.fid > 1e-4


def test_fid_over_other_features_is_measured_where_they_are_given() -> None:
    def brightness(images: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> object:
        return images.mean((1, 2, 3))[:, None]

    (quality,) = measure_quality(made_by(Painter()), brightness)  # type: ignore[arg-type]
    assert quality.inception_fid is not None
    assert quality.inception_fid > 0
    assert quality.as_document()["inception_fid"] == quality.inception_fid


def test_two_images_are_the_least_that_can_be_measured() -> None:
    assert measure_quality(made_by(Painter(), 1), None) == []
