"""The 20 corruptions: their constants, their statistics, and the same bits everywhere."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from bench_core.contracts.errors import UsageError
from bench_core.corrupted_twins import CORRUPTIONS, GROUPS, SEVERITIES
from bench_core.corruption.blur import _disk
from bench_core.corruption.degrading import corrupt, degrade, drawn
from bench_core.corruption.fog_map import fog_map
from bench_core.corruption.frost_texture import frost_texture
from bench_core.corruption.planes import motion_blurred, zoomed
from bench_core.synthetic.randomness import Randomness

Pixels = NDArray[np.uint8]
FIXED = {
    *("defocus_blur", "zoom_blur", "brightness", "contrast"),
    *("pixelate", "jpeg_compression", "gaussian_blur", "saturate"),
}
"""Corruptions without chance."""
FINGERPRINT = "eb6b56d32933ae9f0cede32a4203affb128989966c31401a8ac63f27f97ea14c"
"""SHA-256 of the pixels of all cells but JPEG's, whose bits are those of its library."""


def picture(height: int = 64, width: int = 32) -> Pixels:
    """Make an image of slopes and edges in three different channels."""
    rows, columns = np.mgrid[:height, :width]
    red = 255 * rows // height
    green = 255 * columns // width
    blue = 40 + 150 * ((rows // 8 + columns // 8) % 2)
    return np.stack([red, green, blue], axis=2).astype(np.uint8)


def flat(value: int, size: int = 128) -> Pixels:
    return np.full((size, size, 3), value, np.uint8)


def mean_and_deviation(pixels: Pixels) -> tuple[float, float]:
    return float(pixels.mean()), float(pixels.std())


def test_there_are_twenty_of_which_each_is_of_one_kind() -> None:
    assert len(CORRUPTIONS) == 20
    assert Counter(name for names in GROUPS.values() for name in names) == Counter(CORRUPTIONS)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_an_image_stays_an_image_and_the_given_one_is_not_changed(name: str) -> None:
    pixels = picture()
    pixels.flags.writeable = False
    for severity in SEVERITIES:
        corrupted = corrupt(pixels, name, severity, name="a.jpg")
        assert corrupted.shape == pixels.shape
        assert corrupted.dtype == np.uint8
        assert not np.array_equal(corrupted, pixels)
        np.testing.assert_array_equal(corrupted, corrupt(pixels, name, severity, name="a.jpg"))


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_random_numbers_are_those_of_the_image_and_the_seed(name: str) -> None:
    first, other = (corrupt(picture(), name, 3, name=image) for image in ("a.jpg", "b.jpg"))
    again = corrupt(picture(), name, 3, name="a.jpg", seed=1)
    assert np.array_equal(first, other) == (name in FIXED)
    assert np.array_equal(first, again) == (name in FIXED)


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (20, 90)])
def test_images_of_any_size_are_corrupted(size: tuple[int, int]) -> None:
    for name in CORRUPTIONS:
        assert corrupt(picture(*size), name, 5, name="a").shape == (*size, 3)


def test_order_and_threads_change_nothing() -> None:
    cells = [(name, severity) for name in CORRUPTIONS for severity in (1, 5)]
    pixels = picture()

    def work(cell: tuple[str, int]) -> bytes:
        return corrupt(pixels, *cell, name="a.jpg").tobytes()

    alone = [work(cell) for cell in cells]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, cells[::-1])) == alone[::-1]


def test_the_pixels_are_those_that_every_machine_makes() -> None:
    digest = hashlib.sha256()
    for name in CORRUPTIONS:
        if name != "jpeg_compression":
            for severity in SEVERITIES:
                digest.update(corrupt(picture(96, 48), name, severity, name="a.jpg").tobytes())
    assert digest.hexdigest() == FINGERPRINT


def test_what_is_unknown_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown corruption 'fogg'; did you mean 'fog'"):
        corrupt(picture(), "fogg", 1, name="a")
    with pytest.raises(UsageError, match="severities 1 to 5"):
        corrupt(picture(), "fog", 6, name="a")


def test_each_of_the_hundred_pairs_is_drawn_as_often() -> None:
    counts = Counter(drawn(f"cam1/{number:05}.jpg") for number in range(6000))
    assert len(counts) == 100
    assert sum((count - 60) ** 2 / 60 for count in counts.values()) < 150  # 99.9 % of chi-square


def test_the_draw_follows_from_the_name_alone() -> None:
    assert [drawn(name) for name in ("cam1/0001/0001.jpg", "cam1/0001/0002.jpg")] == [
        ("shot_noise", 5),
        ("jpeg_compression", 5),
    ]
    name, severity = drawn("x.jpg")
    expected = corrupt(picture(), name, severity, name="x.jpg")
    np.testing.assert_array_equal(degrade(picture(), "x.jpg", {"seed": 0}), expected)
    chosen = {"seed": 0, "corruption": "fog", "severity": 2}
    expected = corrupt(picture(), "fog", 2, name="x.jpg")
    np.testing.assert_array_equal(degrade(picture(), "x.jpg", chosen), expected)


@pytest.mark.parametrize(("severity", "sigma"), [(1, 0.08), (2, 0.12), (3, 0.18)])
def test_gaussian_noise_has_its_deviation(severity: int, sigma: float) -> None:
    mean, deviation = mean_and_deviation(corrupt(flat(128), "gaussian_noise", severity, name="a"))
    assert mean == pytest.approx(127.5, abs=0.8)  # values are cut off, not rounded
    assert deviation == pytest.approx(255 * sigma, rel=0.03)


@pytest.mark.parametrize(("severity", "strength"), [(1, 0.15), (2, 0.2), (3, 0.35)])
@pytest.mark.parametrize("value", [60, 100])
def test_speckle_noise_is_as_strong_as_the_light(
    severity: int, strength: float, value: int
) -> None:
    _, deviation = mean_and_deviation(corrupt(flat(value), "speckle_noise", severity, name="a"))
    assert deviation == pytest.approx(value * strength, rel=0.03)


@pytest.mark.parametrize(("severity", "photons"), [(1, 60), (2, 25), (3, 12), (4, 5), (5, 3)])
@pytest.mark.parametrize("value", [10, 51])
def test_shot_noise_is_poisson_noise(severity: int, photons: int, value: int) -> None:
    mean, deviation = mean_and_deviation(corrupt(flat(value), "shot_noise", severity, name="a"))
    assert mean == pytest.approx(value, abs=1.3)
    assert deviation == pytest.approx(255 * np.sqrt(value / 255 / photons), rel=0.05)


@pytest.mark.parametrize(
    ("severity", "amount"), [(1, 0.03), (2, 0.06), (3, 0.09), (4, 0.17), (5, 0.27)]
)
def test_impulse_noise_is_half_salt_and_half_pepper(severity: int, amount: float) -> None:
    noisy = corrupt(flat(128), "impulse_noise", severity, name="a")
    shares = [float((noisy == value).mean()) for value in (0, 128, 255)]
    assert shares == pytest.approx([amount / 2, 1 - amount, amount / 2], abs=0.006)


@pytest.mark.parametrize(("severity", "sigma"), [(1, 1), (2, 2), (3, 3), (4, 4), (5, 6)])
def test_gaussian_blur_is_that_of_scipy(severity: int, sigma: int) -> None:
    expected = ndimage.gaussian_filter(
        picture().astype(float), (sigma, sigma, 0), mode="nearest", truncate=4
    )
    blurred = corrupt(picture(), "gaussian_blur", severity, name="a")
    assert np.abs(blurred - expected).max() < 1.2


@pytest.mark.parametrize("severity", SEVERITIES)
def test_defocus_blur_is_a_convolution_with_its_disk(severity: int) -> None:
    radius, sigma = ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5))[severity - 1]
    kernel = _disk(radius, sigma)
    expected = ndimage.convolve(picture().astype(float), kernel[:, :, None], mode="mirror")
    blurred = corrupt(picture(), "defocus_blur", severity, name="a")
    assert np.abs(blurred - np.minimum(expected, 255)).max() < 1.2


def test_a_defocused_point_is_a_disk_with_a_soft_edge() -> None:
    sharp = _disk(3, 0.1)
    rows, columns = np.mgrid[-8:9, -8:9]
    inside = rows**2 + columns**2 <= 9
    np.testing.assert_allclose(sharp, inside / 29, atol=1e-12)  # 29 pixels lie within 3 of one
    soft = _disk(4, 0.5)
    assert soft.sum() == pytest.approx(1)
    assert 0 < soft[8, 8 + 5] < soft[8, 8 + 4] < soft[8, 8]


def test_glass_blur_moves_pixels_by_no_more_than_its_shift_in_a_round() -> None:
    columns = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (64, 1))
    ramp = np.repeat(columns[:, :, None], 3, axis=2)
    moved = corrupt(ramp, "glass_blur", 2, name="a").astype(int)  # one round, shift 2
    inner = np.abs(moved - ramp)[8:-8, 8:-8]
    assert 0 < inner.mean() < inner.max() <= 4 * 4  # copies of copies may come from twice as far


def test_motion_blur_weighs_the_pixels_of_a_line_by_half_a_gaussian() -> None:
    line = np.zeros((1, 41, 41), np.float32)
    line[0, 20, 20] = 1
    blurred = motion_blurred(line, 10, 3.0, 0.0)
    weights = np.exp(-(np.arange(21) ** 2) / 18)
    expected = np.zeros(41)
    expected[:21] = (weights / weights.sum())[::-1]
    np.testing.assert_allclose(blurred[0, 20], expected, atol=2e-3)
    upright = motion_blurred(line, 10, 3.0, 90.0)
    np.testing.assert_array_equal(upright[0, :, 20], blurred[0, 20])


def test_what_of_a_line_is_longer_than_the_image_is_lost() -> None:
    blurred = motion_blurred(np.ones((6, 4)), 10, 3.0, 0.0)
    weights = np.exp(-((np.arange(21) / 3.0) ** 2) / 2)
    np.testing.assert_allclose(blurred, weights[:4].sum() / weights.sum(), rtol=1e-5)


def test_zoom_blur_averages_the_image_and_its_zooms() -> None:
    planes = picture().transpose(2, 0, 1).astype(np.float32) / 255
    zooms = [1 + 0.02 * place for place in range(11)]  # severity 3: 1, 1.02, ..., 1.2
    expected = (planes + sum(zoomed(planes, factor) for factor in zooms)) / 12
    blurred = corrupt(picture(), "zoom_blur", 3, name="a").transpose(2, 0, 1)
    assert np.abs(blurred - 255 * expected).max() < 1.01


def test_a_zoom_shows_the_middle_larger() -> None:
    ramp = np.tile(np.arange(100, dtype=np.float32), (1, 100, 1))
    np.testing.assert_array_equal(zoomed(ramp, 1.0), ramp)
    twice = zoomed(ramp, 2.0)  # the middle 50 columns, 25 to 74, from edge to edge
    np.testing.assert_allclose(twice[0, 0], 25 + np.arange(100) * 49 / 99, atol=1e-4)


@pytest.mark.parametrize(
    ("severity", "expected"), [(1, (125, 62, 25)), (2, (151, 75, 30)), (5, (227, 113, 45))]
)
def test_brightness_raises_the_value(severity: int, expected: tuple[int, int, int]) -> None:
    pixels = np.full((32, 32, 3), (100, 50, 20), np.uint8)
    pixels[0, 0] = 0
    bright = corrupt(pixels, "brightness", severity, name="a")
    # The value 100 becomes 100 + severity * 25.5, and the others grow by the same factor.
    assert tuple(bright[1, 1]) == expected
    assert tuple(bright[0, 0]) == (int(25.5 * severity),) * 3


@pytest.mark.parametrize(
    ("severity", "factor"), [(1, 0.4), (2, 0.3), (3, 0.2), (4, 0.1), (5, 0.05)]
)
def test_contrast_draws_each_channel_to_its_mean(severity: int, factor: float) -> None:
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[:16] = (200, 100, 0)
    low = corrupt(pixels, "contrast", severity, name="a")
    assert tuple(low[0, 0]) == (int(100 + 100 * factor + 1e-3), int(50 + 50 * factor + 1e-3), 0)
    assert tuple(low[31, 0]) == (int(100 - 100 * factor + 1e-3), int(50 - 50 * factor + 1e-3), 0)


@pytest.mark.parametrize(
    ("severity", "expected"),
    [(1, (200, 170, 182)), (2, (200, 190, 194)), (3, (200, 0, 80)), (4, (200, 0, 80))],
)
def test_saturate_scales_the_distance_from_gray(
    severity: int, expected: tuple[int, int, int]
) -> None:
    pixels = np.full((32, 32, 3), (200, 100, 140), np.uint8)  # a saturation of one half
    changed = corrupt(pixels, "saturate", severity, name="a")
    assert tuple(changed[0, 0]) == expected


def test_saturate_makes_gray_red_where_it_adds() -> None:
    assert tuple(corrupt(flat(100), "saturate", 2, name="a")[0, 0]) == (100, 100, 100)
    assert tuple(corrupt(flat(100), "saturate", 4, name="a")[0, 0]) == (100, 90, 90)
    assert tuple(corrupt(flat(100), "saturate", 5, name="a")[0, 0]) == (100, 80, 80)


def test_pixelate_averages_and_repeats() -> None:
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[::4] = 200  # a row of four
    coarse = corrupt(pixels, "pixelate", 5, name="a")  # a quarter of the size
    assert np.unique(coarse).tolist() == [50]


@pytest.mark.parametrize(("severity", "quality"), [(1, 25), (2, 18), (3, 15), (4, 10), (5, 7)])
def test_jpeg_compression_is_that_of_the_library(severity: int, quality: int) -> None:
    file = io.BytesIO()
    Image.fromarray(picture()).save(file, "JPEG", quality=quality)
    expected = np.asarray(Image.open(file))
    np.testing.assert_array_equal(
        corrupt(picture(), "jpeg_compression", severity, name="a"), expected
    )


def test_elastic_transform_moves_and_makes_nothing() -> None:
    assert np.unique(corrupt(flat(90), "elastic_transform", 5, name="a")).tolist() == [90]
    ramp = np.tile(np.arange(0, 192, 2, dtype=np.uint8)[:, None, None], (1, 96, 3))
    moves = [
        np.abs(corrupt(ramp, "elastic_transform", severity, name="a").astype(int) - ramp).mean() / 2
        for severity in SEVERITIES
    ]
    assert moves == sorted(moves)
    # A sum of uniform moves of 0.48 pixels, smoothed over 0.96 pixels and 12.5 to 30 times as far.
    assert 0.3 < moves[0] < moves[-1] < 5


def test_fog_keeps_the_brightest_and_adds_clouds() -> None:
    clouds = fog_map(100, 60, 2.0, Randomness(1))
    assert clouds.shape == (100, 60)
    assert clouds.min() >= 0
    assert clouds.max() <= 1
    pixels = picture()
    pixels[0, 0] = 255
    foggy = corrupt(pixels, "fog", 3, name="a")
    assert foggy.max() <= 255
    assert foggy.std() < pixels.std()


def test_a_rougher_fog_has_more_detail() -> None:
    def detail(decay: float) -> float:
        return float(np.abs(np.diff(fog_map(128, 128, decay, Randomness(1)), axis=0)).mean())

    assert detail(1.4) > 1.5 * detail(2.0)


def test_snow_whitens_from_both_sides() -> None:
    # The white of gray 20 is 1.5 * 20 + 127.5, of which 0.2 are mixed in; what falls is added.
    snowy = corrupt(flat(20, 300), "snow", 1, name="a")
    assert snowy.min() == int(20 * 0.8 + (20 * 1.5 + 127.5) * 0.2)
    assert snowy.max() > 150
    np.testing.assert_array_equal(snowy, snowy[::-1, ::-1])


@pytest.mark.parametrize(("number", "mean", "deviation"), [(0, 0.51, 0.17), (4, 0.48, 0.17)])
def test_panes_of_frost_are_as_light_as_the_photographs(
    number: int, mean: float, deviation: float
) -> None:
    pane = frost_texture(number)
    assert pane.min() >= 0
    assert pane.max() <= 1
    assert pane.mean() == pytest.approx(mean, abs=0.03)
    assert pane.mean(axis=0).std() == pytest.approx(deviation, abs=0.04)


def test_frost_mixes_image_and_pane() -> None:
    black, gray = (corrupt(flat(value), "frost", 2, name="a").astype(int) for value in (0, 50))
    assert black.std() > 3
    assert set(np.unique((gray - black)[gray < 255])) <= {39, 40, 41}  # 0.8 of 50
    large = corrupt(flat(0, 700), "frost", 1, name="a")  # larger than a pane
    assert large.shape == (700, 700, 3)


def test_spatter_is_light_of_water_or_mud() -> None:
    wet = corrupt(flat(100), "spatter", 1, name="a").astype(int)
    assert wet.min() == 100
    lit = wet[(wet > 110).any(axis=2)] - 100
    assert len(lit)
    assert lit.mean(axis=0)[1] == pytest.approx(lit.mean(axis=0)[0] * 238 / 175, rel=0.05)
    muddy = corrupt(flat(100), "spatter", 4, name="a").reshape(-1, 3)
    assert (muddy == 100).all(axis=1).mean() > 0.5
    assert np.abs(muddy.astype(int) - (63, 42, 20)).sum(axis=1).min() <= 10


def test_spatter_without_a_drop_changes_nothing() -> None:
    tiny = np.full((4, 4, 3), 100, np.uint8)
    found = [corrupt(tiny, "spatter", 1, name=str(number)) for number in range(8)]
    assert any(np.array_equal(one, tiny) for one in found)


@pytest.mark.parametrize(("severity", "darker"), [(1, 25.5), (3, 51.0), (5, 76.5)])
def test_rain_darkens_and_draws_drops(severity: int, darker: float) -> None:
    rainy = corrupt(flat(100), "rain", severity, name="a")
    assert rainy.min() == int(100 - darker)
    assert rainy.max() > 100 - darker + 10


def test_rain_has_a_drop_for_so_many_pixels() -> None:
    light, heavy = (corrupt(flat(60), "rain", s, name="a") for s in (1, 2))
    # 21 drops of 11 pixels that are 3 x 3 blurred, and 27 of 31 pixels that are 4 x 4 blurred.
    total = [(one.astype(float).mean(axis=2) - one.min()).sum() for one in (light, heavy)]
    assert total[0] == pytest.approx(21 * 11 * (200 - 60), rel=0.25)
    assert total[1] == pytest.approx(27 * 31 * (200 - 60), rel=0.25)
