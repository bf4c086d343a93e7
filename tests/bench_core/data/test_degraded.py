"""Degraded images: only those of the modality, made once, and whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from bench_core.contracts.dataset import Dataset
from bench_core.contracts.degradation import DegradationSpec
from bench_core.contracts.errors import DataError, PluginError
from bench_core.corrupted_twins import corruption
from bench_core.corruption.degrading import degrade
from bench_core.data import degraded as module
from bench_core.data.cache import open_images
from bench_core.data.cache_listing import clear_caches, list_caches
from bench_core.data.decoding import decode_image
from bench_core.data.degraded import ImageSource, open_degraded
from bench_sysu.dataset import SysuMM01Reader

SIZE = (32, 16)
Pixels = NDArray[np.uint8]
Function = Callable[[Pixels, str, Mapping[str, str | int]], object]


@pytest.fixture
def source(sysu_root: Path, tmp_path: Path) -> ImageSource:
    dataset: Dataset = SysuMM01Reader().read(sysu_root)
    return ImageSource(dataset=dataset, fingerprint="f" * 64, size=SIZE, cache=tmp_path)


@pytest.fixture
def rows(source: ImageSource) -> NDArray[np.int64]:
    """Some visible and some infrared images, not in order."""
    modality = source.dataset.images["modality"].to_numpy()
    return np.concatenate([np.flatnonzero(modality == one)[5:0:-1] for one in np.unique(modality)])


@pytest.fixture
def degrading_by(monkeypatch: pytest.MonkeyPatch) -> Callable[[Function], DegradationSpec]:
    """Make a degradation of a function."""

    def make(function: Function) -> DegradationSpec:
        monkeypatch.setattr(module, "load_object", lambda _: function)
        return DegradationSpec(id="mine", title="Mine", version=1, definition="mine:function")

    return make


def decoded(source: ImageSource) -> Pixels:
    return open_images(source.dataset, source.fingerprint, SIZE, source.cache).pixels


def test_images_of_the_modality_are_degraded_and_the_others_are_not(
    source: ImageSource, rows: NDArray[np.int64]
) -> None:
    pixels = open_degraded(source, rows, corruption("resized")).pixels
    images, clean = source.dataset.images, decoded(source)
    assert pixels.shape == (len(rows), *SIZE, 3)
    for place, row in enumerate(rows):
        expected = clean[row]
        if images["modality"][row] == "visible":
            expected = degrade(expected, images["path"][row], {"seed": 0})
        np.testing.assert_array_equal(pixels[place], expected)


def test_the_original_is_degraded_before_it_is_resized(
    source: ImageSource, rows: NDArray[np.int64]
) -> None:
    pixels = open_degraded(source, rows, corruption("original")).pixels
    images = source.dataset.images
    for place, row in enumerate(rows):
        path = source.dataset.root / images["path"][row]
        expected = decode_image(path, SIZE)
        if images["modality"][row] == "visible":
            whole = np.asarray(Image.open(path).convert("RGB"))
            changed = Image.fromarray(degrade(whole, images["path"][row], {"seed": 0}))
            expected = np.asarray(changed.resize(SIZE[::-1], Image.Resampling.BILINEAR))
        np.testing.assert_array_equal(pixels[place], expected)


def test_they_are_made_once_and_listed_and_cleared_with_the_decoded_ones(
    source: ImageSource,
    rows: NDArray[np.int64],
    degrading_by: Callable[[Function], DegradationSpec],
) -> None:
    calls: list[str] = []

    def invert(pixels: Pixels, name: str, settings: Mapping[str, str | int]) -> Pixels:
        calls.append(name)
        return 255 - pixels

    degradation = degrading_by(invert)
    first = open_degraded(source, rows, degradation).pixels
    again = open_degraded(source, rows, degradation).pixels
    np.testing.assert_array_equal(first, again)
    assert len(calls) == 5
    open_degraded(source, rows[:3], degradation)
    open_degraded(source, rows, replace(degradation, version=2))
    open_degraded(source, rows, replace(degradation, settings={"seed": 1}))
    assert len(calls) > 5
    known = [entry.description for entry in list_caches(source.cache)]
    assert {one.dataset for one in known if one} == {"sysu-mm01", "sysu-mm01, mine"}
    assert len(clear_caches(source.cache, ["all"])) == len(known) == 5


def test_the_images_given_to_a_degradation_are_its_own(
    source: ImageSource,
    rows: NDArray[np.int64],
    degrading_by: Callable[[Function], DegradationSpec],
) -> None:
    before = decoded(source).copy()

    def paint(pixels: Pixels, name: str, settings: Mapping[str, str | int]) -> Pixels:
        pixels[:] = 0
        return pixels

    assert not open_degraded(source, rows[-5:], degrading_by(paint)).pixels.any()
    np.testing.assert_array_equal(decoded(source), before)


@pytest.mark.parametrize(
    ("returned", "found"),
    [
        (lambda pixels: pixels[:5], r"uint8 \(5, 16, 3\)"),
        (lambda pixels: pixels / 255, r"float64 \(32, 16, 3\)"),
        (len, "not none"),
    ],
)
def test_what_is_no_image_of_that_size_is_refused(
    source: ImageSource,
    rows: NDArray[np.int64],
    degrading_by: Callable[[Function], DegradationSpec],
    returned: Callable[[Pixels], object],
    found: str,
) -> None:
    degradation = degrading_by(lambda *arguments: returned(arguments[0]))
    with pytest.raises(PluginError, match=rf"mine:function must return .*{found}"):
        open_degraded(source, rows, degradation)
    assert [entry.description.dataset for entry in list_caches(source.cache) if entry.description]


def test_what_a_degradation_raises_is_told_with_the_image(
    source: ImageSource,
    rows: NDArray[np.int64],
    degrading_by: Callable[[Function], DegradationSpec],
) -> None:
    def fail(pixels: Pixels, name: str, settings: Mapping[str, str | int]) -> Pixels:
        raise ValueError("too dark")

    with pytest.raises(PluginError, match=r"mine:function failed for cam\d.*too dark"):
        open_degraded(source, rows, degrading_by(fail))


def test_a_damaged_image_is_named(source: ImageSource, rows: NDArray[np.int64]) -> None:
    images = source.dataset.images.copy()
    images.loc[rows[-1], "path"] = "cam1/0001/missing.jpg"
    missing = replace(source, dataset=replace(source.dataset, images=images))
    with pytest.raises(DataError, match=r"missing\.jpg"):
        open_degraded(missing, rows[-1:], corruption("original"))
