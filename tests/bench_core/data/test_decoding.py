"""Decoding: from a file to RGB pixels of one size, or an error that names the file."""

from __future__ import annotations

import io
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from bench_core.contracts.errors import DataError
from bench_core.contracts.images import ResizeFilter
from bench_core.data.decoding import ImageFileError, decode, decode_image

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


@pytest.mark.parametrize(
    ("name", "method"),
    [("bilinear", Image.Resampling.BILINEAR), ("bicubic", Image.Resampling.BICUBIC)],
)
def test_an_image_is_resized_as_asked(
    name: ResizeFilter, method: Image.Resampling, tmp_path: Path
) -> None:
    image = noise(50, 30)
    image.save(tmp_path / "image.png")
    expected = np.asarray(image.resize((SIZE[1], SIZE[0]), method))
    np.testing.assert_array_equal(decode_image(tmp_path / "image.png", SIZE, name), expected)


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


def saved(image: Image.Image, path: Path, **options: object) -> Path:
    image.save(path, **options)
    return path


@pytest.mark.parametrize("quality", [30, 95])
def test_an_ordinary_jpeg_is_what_pil_makes_of_it(tmp_path: Path, quality: int) -> None:
    """Every committed result was scored on these pixels."""
    path = saved(noise(50, 30), tmp_path / "image.jpg", quality=quality)
    expected = Image.open(path).convert("RGB").resize((12, 24), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(decode_image(path, SIZE), np.asarray(expected))


def sixteen_bits() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 1 << 16, SIZE).astype(np.uint16)


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_gray_of_16_bits_keeps_its_high_byte(tmp_path: Path, suffix: str) -> None:
    values = sixteen_bits()
    path = saved(Image.fromarray(values), tmp_path / f"image.{suffix}")
    pixels = decode_image(path, SIZE)
    for channel in range(3):
        np.testing.assert_array_equal(pixels[..., channel], values >> 8)


def test_big_endian_gray_of_16_bits_does_too(tmp_path: Path) -> None:
    values = sixteen_bits()
    image = Image.frombytes("I;16B", (SIZE[1], SIZE[0]), values.astype(">u2").tobytes())
    pixels = decode_image(saved(image, tmp_path / "image.tiff"), SIZE)
    np.testing.assert_array_equal(pixels[..., 0], values >> 8)


def test_eight_bits_stored_as_16_are_the_same_as_8(tmp_path: Path) -> None:
    """A converter stretches 8 bits over 16 by repeating the byte."""
    eight = np.asarray(noise(*SIZE, channels=1))
    path = saved(Image.fromarray(eight.astype(np.uint16) * 257), tmp_path / "image.png")
    np.testing.assert_array_equal(decode_image(path, SIZE)[..., 0], eight)


def test_32_bits_that_hold_16_are_accepted(tmp_path: Path) -> None:
    values = sixteen_bits()
    path = saved(Image.fromarray(values.astype(np.int32)), tmp_path / "image.tiff")
    np.testing.assert_array_equal(decode_image(path, SIZE)[..., 0], values >> 8)


@pytest.mark.parametrize("values", [np.full(SIZE, 1 << 16), np.full(SIZE, -1)])
def test_more_than_16_bits_are_refused(tmp_path: Path, values: np.ndarray) -> None:
    path = saved(Image.fromarray(values.astype(np.int32)), tmp_path / "image.tiff")
    with pytest.raises(DataError, match=r"pixels of 32 bits have no fixed range; save it with 8"):
        decode_image(path, SIZE)


def test_floating_point_pixels_are_refused(tmp_path: Path) -> None:
    path = saved(Image.fromarray(np.ones(SIZE, np.float32)), tmp_path / "image.tiff")
    with pytest.raises(DataError, match="floating-point pixels have no fixed range"):
        decode_image(path, SIZE)


@pytest.mark.parametrize(
    ("mode", "suffix"), [("RGBA", "png"), ("LA", "png"), ("RGBA", "tiff"), ("LA", "tiff")]
)
def test_transparency_is_dropped(tmp_path: Path, mode: str, suffix: str) -> None:
    image = noise(*SIZE).convert(mode)
    opaque = np.asarray(image.convert("RGB"))
    image.putalpha(Image.fromarray(np.asarray(noise(*SIZE, channels=1))))
    path = saved(image, tmp_path / f"image.{suffix}")
    np.testing.assert_array_equal(decode_image(path, SIZE), opaque)


@pytest.mark.parametrize("transparency", [None, 3, bytes(range(16))])
def test_a_palette_is_looked_up(tmp_path: Path, transparency: int | bytes | None) -> None:
    image = noise(*SIZE).quantize(16)
    options = {} if transparency is None else {"transparency": transparency}
    path = saved(image, tmp_path / "image.png", **options)
    np.testing.assert_array_equal(decode_image(path, SIZE), np.asarray(image.convert("RGB")))


def test_black_and_white_become_0_and_255(tmp_path: Path) -> None:
    image = noise(*SIZE, channels=1).convert("1")
    pixels = decode_image(saved(image, tmp_path / "image.png"), SIZE)
    np.testing.assert_array_equal(pixels[..., 2], np.asarray(image) * np.uint8(255))


def test_cmyk_is_converted_by_pil(tmp_path: Path) -> None:
    path = saved(noise(*SIZE).convert("CMYK"), tmp_path / "image.jpg")
    np.testing.assert_array_equal(
        decode_image(path, SIZE), np.asarray(Image.open(path).convert("RGB"))
    )


def test_an_orientation_is_ignored(tmp_path: Path) -> None:
    plain = saved(noise(*SIZE), tmp_path / "plain.jpg")
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn by 90 degrees to show it"
    turned = saved(noise(*SIZE), tmp_path / "turned.jpg", exif=exif)
    np.testing.assert_array_equal(decode_image(turned, SIZE), decode_image(plain, SIZE))


def test_names_in_other_scripts_are_files_like_any(tmp_path: Path) -> None:
    path = saved(noise(*SIZE), tmp_path / "行人 é ж.png")
    np.testing.assert_array_equal(decode_image(path, SIZE), np.asarray(noise(*SIZE)))


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


@pytest.mark.parametrize("share", [0.5, 0.7, 0.95])
def test_a_jpeg_whose_end_is_zeros_is_truncated(tmp_path: Path, share: float) -> None:
    """PIL reads some of them without an error: a download that broke in a file of full size."""
    content = FILES["JPEG"]
    kept = int(len(content) * share)
    path = tmp_path / "image.jpg"
    path.write_bytes(content[:kept] + bytes(len(content) - kept))
    with pytest.raises(ImageFileError) as caught:
        decode_image(path, SIZE)
    assert caught.value.fault == "truncated"


def test_a_jpeg_with_more_behind_its_end_is_whole(tmp_path: Path) -> None:
    image = decode(FILES["JPEG"] + b"written by a camera", tmp_path)
    np.testing.assert_array_equal(np.asarray(image), np.asarray(decode(FILES["JPEG"], tmp_path)))


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "empty"),
        (b"text", "damaged"),
        (FILES["JPEG"][:-9], "truncated"),
        (FILES["PNG"][:-90], "truncated"),
    ],
)
def test_the_error_says_which_kind_of_fault_it_is(content: bytes, fault: str) -> None:
    with pytest.raises(ImageFileError) as caught:
        decode(content, Path("image.jpg"))
    error = caught.value
    assert (error.fault, str(error.path)) == (fault, "image.jpg")
    assert str(error) == f"image.jpg {error.reason}; restore it from the dataset's archive"


def test_the_error_crosses_processes() -> None:
    error = ImageFileError(Path("image.jpg"), "empty", "is empty (0 bytes)")
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own bytes
    assert (str(copy), copy.fault) == (str(error), "empty")


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "tiff", "webp"])
def test_five_formats_are_decoded(tmp_path: Path, suffix: str) -> None:
    path = saved(noise(*SIZE), tmp_path / f"image.{suffix}")
    expected = np.asarray(Image.open(path).convert("RGB"))
    np.testing.assert_array_equal(decode_image(path, SIZE), expected)


@pytest.mark.parametrize("suffix", ["gif", "ppm", "tga", "eps", "pcx", "sgi", "jp2", "ico", "dds"])
def test_no_other_format_is(tmp_path: Path, suffix: str) -> None:
    path = saved(noise(32, 32), tmp_path / f"image.{suffix}")
    with pytest.raises(DataError, match=r"is (a .+, )?not a JPEG, PNG, BMP, TIFF or WebP image"):
        decode_image(path, SIZE)


def test_a_few_bytes_that_claim_to_be_a_huge_image_are_refused(tmp_path: Path) -> None:
    path = saved(Image.new("1", (8000, 8000)), tmp_path / "image.png")
    assert path.stat().st_size < 20_000
    with pytest.raises(DataError, match=r"\(8000 x 8000 pixels are more than 33,554,432\)"):
        decode_image(path, SIZE)


def test_postscript_starts_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PIL would hand it to Ghostscript."""
    path = tmp_path / "image.jpg"
    path.write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"
    )
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", None)
    with pytest.raises(DataError, match=r"is a PostScript program, which is never run, not a JPEG"):
        decode_image(path, SIZE)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "image.jpg")
    with pytest.raises(DataError, match=r"image.jpg cannot be decoded \(It is a named pipe, not a"):
        decode_image(tmp_path / "image.jpg", SIZE)


def test_a_file_that_is_no_image_is_named(tmp_path: Path) -> None:
    path = tmp_path / "image.jpg"
    path.write_text("<html>404 not found</html>")
    with pytest.raises(DataError, match=f"{path} is a web page, not a JPEG, PNG, .+; restore it"):
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
