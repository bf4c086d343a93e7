"""Decoding: from a file to RGB pixels of one size, or an error that names the file."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from bench_core.contracts.errors import DataError
from bench_core.data.decoding import decode_image

SIZE = (24, 12)


def noise(height: int, width: int, channels: int = 3) -> Image.Image:
    shape = (height, width, channels) if channels > 1 else (height, width)
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))


def encoded(kind: str) -> bytes:
    file = io.BytesIO()
    noise(40, 30).save(file, kind)
    return file.getvalue()


FILES = {kind: encoded(kind) for kind in ("JPEG", "PNG")}


def test_pixels_are_rgb_bytes_height_first(tmp_path: Path) -> None:
    noise(50, 30).save(tmp_path / "image.jpg")
    pixels = decode_image(tmp_path / "image.jpg", SIZE)
    assert (pixels.shape, pixels.dtype) == ((24, 12, 3), np.uint8)


def test_an_image_of_the_right_size_is_not_changed(tmp_path: Path) -> None:
    image = noise(*SIZE)
    image.save(tmp_path / "image.png")
    np.testing.assert_array_equal(decode_image(tmp_path / "image.png", SIZE), np.asarray(image))


def test_top_stays_top_and_left_stays_left(tmp_path: Path) -> None:
    picture = np.zeros((40, 20, 3), np.uint8)
    picture[:20, :10] = (200, 0, 0)
    picture[20:, 10:] = (0, 0, 100)
    Image.fromarray(picture).save(tmp_path / "image.png")
    pixels = decode_image(tmp_path / "image.png", (8, 4))
    assert pixels[0, 0].tolist() == [200, 0, 0]
    assert pixels[7, 3].tolist() == [0, 0, 100]
    assert pixels[0, 3].tolist() == pixels[7, 0].tolist() == [0, 0, 0]


def test_one_channel_is_repeated(tmp_path: Path) -> None:
    image = noise(*SIZE, channels=1)
    image.save(tmp_path / "image.png")
    pixels = decode_image(tmp_path / "image.png", SIZE)
    for channel in range(3):
        np.testing.assert_array_equal(pixels[..., channel], np.asarray(image))


def test_shrinking_averages(tmp_path: Path) -> None:
    """A fine chequerboard becomes gray, where sampling would keep black and white."""
    board = (np.indices((64, 32)).sum(0) % 2 * 255).astype(np.uint8)
    Image.fromarray(board).save(tmp_path / "image.png")
    pixels = decode_image(tmp_path / "image.png", (16, 8)).astype(int)
    assert np.abs(pixels - 127.5).max() < 3


@pytest.mark.parametrize("kind", sorted(FILES))
@pytest.mark.parametrize(
    ("share", "reason"),
    [
        (0.0, r"is empty \(0 bytes\)"),
        (0.02, "(not an image|cannot be decoded)"),
        (0.5, "truncated"),
    ],
)
def test_a_file_cut_short_is_named(tmp_path: Path, kind: str, share: float, reason: str) -> None:
    path = tmp_path / f"image.{kind.lower()}"
    content = FILES[kind]
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(DataError, match=f"^{path} .*{reason}.*; restore it from the dataset's"):
        decode_image(path, SIZE)


def test_a_file_that_is_no_image_is_named(tmp_path: Path) -> None:
    path = tmp_path / "image.jpg"
    path.write_text("<html>404 not found</html>")
    with pytest.raises(DataError, match=f"{path} is not an image; restore it"):
        decode_image(path, SIZE)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "image.jpg"
    with pytest.raises(DataError, match=rf"{path} cannot be decoded \(No such file or directory\)"):
        decode_image(path, SIZE)


def test_a_folder_is_no_image(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"{tmp_path} cannot be decoded \(Is a directory\)"):
        decode_image(tmp_path, SIZE)


def test_a_damaged_header_is_named(tmp_path: Path) -> None:
    """PIL raises a ValueError for a PNG whose header claims to have no length."""
    path = tmp_path / "image.png"
    path.write_bytes(FILES["PNG"][:11] + b"\0" + FILES["PNG"][12:])
    with pytest.raises(DataError, match=f"{path} cannot be decoded"):
        decode_image(path, SIZE)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), kind=st.sampled_from(sorted(FILES)))
def test_a_damaged_file_gives_pixels_or_one_clear_error(
    data: st.DataObject, kind: str, tmp_path: Path
) -> None:
    content = bytearray(FILES[kind])
    places = st.integers(0, len(content) - 1)
    for position in data.draw(st.lists(places | st.integers(0, 60), min_size=1, max_size=8)):
        content[position] = data.draw(st.integers(0, 255))
    path = tmp_path / "image"
    path.write_bytes(content[: data.draw(places | st.just(len(content)))])
    try:
        pixels = decode_image(path, SIZE)
    except DataError as error:
        assert str(error).startswith(str(path))  # either outcome is right
    else:
        assert (pixels.shape, pixels.dtype) == ((*SIZE, 3), np.uint8)
