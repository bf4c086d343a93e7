"""Opening images: their bytes, their colours, their faults."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench_core.data.verification.inspection import inspect_images
from bench_core.system.files import hash_file

RNG = np.random.default_rng(0)


def save(pixels: np.ndarray, path: Path) -> None:
    Image.fromarray(pixels.astype(np.uint8)).save(path)


def test_facts_come_in_the_order_of_the_paths(tmp_path: Path) -> None:
    for name in ("b.png", "a.png"):
        save(RNG.integers(0, 256, (9, 7, 3)), tmp_path / name)
    facts = inspect_images(tmp_path, ["b.png", "a.png"])
    assert [fact.path for fact in facts] == ["b.png", "a.png"]
    assert [fact.content for fact in facts] == [
        hash_file(tmp_path / name) for name in ("b.png", "a.png")
    ]


def test_colour_is_the_mean_spread_of_the_channels(tmp_path: Path) -> None:
    pixels = RNG.integers(0, 256, (9, 7, 3))
    save(pixels, tmp_path / "colour.png")
    save(pixels[..., 0], tmp_path / "gray.png")
    save(np.repeat(pixels[..., :1], 3, axis=2), tmp_path / "gray.jpg")
    colour, gray, gray_jpeg = inspect_images(tmp_path, ["colour.png", "gray.png", "gray.jpg"])
    assert colour.colour == pytest.approx(np.ptp(pixels, axis=2).mean())
    assert gray.colour == gray_jpeg.colour == 0


def test_a_fault_keeps_the_hash_where_there_are_bytes(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("text")
    empty, text, missing = inspect_images(tmp_path, ["empty.jpg", "text.jpg", "missing.jpg"])
    assert (empty.fault, empty.reason, empty.colour) == ("empty", "is empty (0 bytes)", None)
    assert (text.fault, text.content) == ("damaged", hash_file(tmp_path / "text.jpg"))
    assert (missing.fault, missing.content) == ("unreadable", None)
    assert missing.reason == "cannot be decoded (No such file or directory)"
