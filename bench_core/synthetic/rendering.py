"""One image: a person before a camera, seen through its optics."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from bench_core.contracts.images import INFRARED
from bench_core.synthetic.cameras import Camera, Range
from bench_core.synthetic.canvas import Canvas
from bench_core.synthetic.figure import Figure, build_figure
from bench_core.synthetic.patterns import Field
from bench_core.synthetic.people import Person
from bench_core.synthetic.pose import sample_pose
from bench_core.synthetic.scenes import HEIGHT, WIDTH, build_scene, pixels_per_metre

SHOT_STREAM = 4
FEET_ROWS = (0.53, 0.90)
"""Where people stand in a scene, as shares of its height."""

NARROWEST = 0.36
"""Least width of a box as a share of its height."""

ShotKey = tuple[int, int, int, int]


@dataclass(frozen=True)
class Picture:
    """A rendered image.

    Attributes:
        image: 8-bit RGB image; the channels of an infrared image are equal.
        quality: JPEG quality to save it with.
    """

    image: Image.Image
    quality: int


@dataclass(frozen=True)
class _Box:
    """A person's box, in metres around their place on the ground."""

    left: float
    top: float
    width: float
    height: float


def render(person: Person, camera: Camera, heights: tuple[int, int], key: ShotKey) -> Picture:
    """Render one image of a person.

    Args:
        person: The identity.
        camera: The camera.
        heights: Range of image heights (pixels) of the dataset; the camera uses a part of it.
        key: (seed, identity, camera number, index of the shot); decides everything else.

    Returns:
        The image, cropped to an imperfect box around the person.
    """
    rng = np.random.default_rng([key[0], SHOT_STREAM, *key[1:]])
    pose = sample_pose(person, _within(camera.pitch, rng), rng)
    figure = build_figure(person, pose)
    box = _loose_box(figure, camera, rng)
    height = round(_within(heights, rng, camera.heights))
    size = (max(16, round(height * box.width / box.height)), height)
    pixels, middle = _background(camera, box, size, key[0], rng)
    canvas = Canvas(
        pixels,
        camera.modality,
        camera.light,
        scale=height / box.height,
        origin=(box.left, box.top),
    )
    canvas.shade_ground((0.0, 0.0), (0.42, 0.12), 0.5)
    for tube in figure.tubes:
        canvas.draw(tube)
    quality = int(rng.integers(camera.quality[0], camera.quality[1] + 1))
    return Picture(_develop(canvas.pixels, camera, middle, rng), quality)


def _within(limits: Range, rng: np.random.Generator, part: Range = (0.0, 1.0)) -> float:
    """Draw from a part of a range."""
    low, high = limits
    return float(low + (high - low) * rng.uniform(*part))


def _loose_box(figure: Figure, camera: Camera, rng: np.random.Generator) -> _Box:
    """Return the figure's box with edges that miss it a little, as a detector's do."""
    height = figure.top - figure.bottom
    left, right, top, bottom = rng.normal(0.018, camera.margin, size=4) * height
    width = max(figure.right - figure.left + left + right, NARROWEST * height)
    centre = (figure.left + figure.right - left + right) / 2
    return _Box(centre - width / 2, figure.top + top, width, height + top + bottom)


def _background(
    camera: Camera, box: _Box, size: tuple[int, int], seed: int, rng: np.random.Generator
) -> tuple[Field, tuple[float, float]]:
    """Cut what lies behind the box out of the camera's scene.

    Returns:
        Pixels, float32 (C, H, W), and the middle of the box in the scene: shares of its width and
        height from the scene's centre, in [-1, 1].
    """
    scene = build_scene(camera.scene, camera.place, camera.modality, seed)
    feet = rng.uniform(*FEET_ROWS) * HEIGHT
    scale = pixels_per_metre(feet)
    width, height = box.width * scale, box.height * scale
    top = float(np.clip(feet - box.top * scale, 0, HEIGHT - height))
    left = rng.uniform(0, WIDTH - width)
    crop = scene.resize(size, Image.Resampling.BILINEAR, (left, top, left + width, top + height))
    pixels = np.asarray(crop, dtype=np.float32) * np.float32(camera.background / 255)
    channels = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1).copy()
    middle = ((left + width / 2) / WIDTH * 2 - 1, (top + height / 2) / HEIGHT * 2 - 1)
    return channels, middle


def _develop(
    light: Field, camera: Camera, middle: tuple[float, float], rng: np.random.Generator
) -> Image.Image:
    """Turn reflected light into what the sensor delivers."""
    channels, height, _ = light.shape
    light = light * _illumination(light.shape[1:], camera, middle, rng)
    tint = np.asarray(camera.tint[:channels]) * rng.normal(1, 0.025, size=channels)
    light *= (tint * _within(camera.exposure, rng)).astype(np.float32)[:, None, None]
    sigma = _within(camera.blur, rng) * height
    light = gaussian_filter(light, (0, sigma, sigma), truncate=2.5)
    values = np.clip(light, 1e-4, None) ** np.float32(camera.gamma)
    values += camera.noise * rng.standard_normal(values.shape, dtype=np.float32)
    pixels = (np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)
    if camera.modality == INFRARED:
        pixels = np.repeat(pixels, 3, axis=0)
    return Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))


def _illumination(
    shape: tuple[int, ...], camera: Camera, middle: tuple[float, float], rng: np.random.Generator
) -> Field:
    """Return the light on the crop: falling off from the scene's middle, and uneven by chance."""
    height, width = shape
    x, y = middle
    columns = np.linspace(-0.12, 0.12, width, dtype=np.float32)[None, :] + np.float32(x)
    rows = np.linspace(-0.35, 0.35, height, dtype=np.float32)[:, None] + np.float32(y)
    direction = rng.uniform(0, 2 * pi)
    slope = rng.uniform(0, 0.5)
    gradient = slope * (np.cos(direction) * (columns - x) * 2 + np.sin(direction) * (rows - y))
    falloff = 1 - camera.falloff * np.clip(0.55 * columns**2 + 0.45 * rows**2, 0, 1)
    return np.asarray(falloff * (1 + gradient), dtype=np.float32)
