"""One image: a person before a camera, seen through its optics."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from PIL import Image

from bench_core.synthetic.cameras import Camera, Lamp, Range
from bench_core.synthetic.canvas import Canvas, Light, direction_to
from bench_core.synthetic.elementary import PI, Field, cosine, power, sine
from bench_core.synthetic.figure import Figure, build_figure
from bench_core.synthetic.filters import blurred, resampled
from bench_core.synthetic.people import Person
from bench_core.synthetic.pose import sample_pose
from bench_core.synthetic.randomness import Randomness
from bench_core.synthetic.scenes import HEIGHT, WIDTH, build_scene, pixels_per_metre

SHOT_STREAM = 4
SENSOR_STREAM = 6
NOISE_STREAM = 7
FEET_ROWS = (0.53, 0.90)
"""Where people stand in a scene, as shares of its height."""

NARROWEST = 0.36
"""Least width of a box as a share of its height."""

ShotKey = tuple[int, int, int, int]


@dataclass(frozen=True)
class Picture:
    """A rendered image.

    Attributes:
        image: 8-bit RGB image; its channels are equal unless the camera sees colour.
        quality: JPEG quality to save it with, where it becomes a JPEG file.
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
    shot, sensor, noise = _sources(camera, key)
    pose = sample_pose(person, _within(camera.pitch, shot), shot)
    if camera.mount:
        phase = pose.phase + key[3] * camera.mount.gait
        pose = replace(pose, phase=phase, yaw=pose.yaw + camera.parallax)
    figure = build_figure(person, pose)
    box = _loose_box(figure, camera, shot)
    height = round(_within(heights, shot, camera.heights))
    size = (max(16, round(height * box.width / box.height)), height)
    pixels, middle = _background(camera, box, size, key[0], shot)
    canvas = Canvas(
        pixels,
        camera.band,
        _light_at(camera, middle),
        scale=height / box.height,
        origin=(box.left, box.top),
    )
    canvas.shade_ground((0.0, 0.0), (0.42, 0.12), 0.5)
    for tube in figure.tubes:
        canvas.draw(tube)
    low, high = camera.quality
    quality = low + shot.below(high - low + 1)
    return Picture(_develop(canvas.pixels, camera, middle, sensor, noise), quality)


class _Sources(NamedTuple):
    """Randomness of an image."""

    shot: Randomness  # what happens before the camera
    sensor: Randomness  # how it is exposed
    noise: Randomness


def _sources(camera: Camera, key: ShotKey) -> _Sources:
    seed, identity, number, _ = key
    if camera.mount is None:
        alone = Randomness(seed, SHOT_STREAM, *key[1:])
        return _Sources(alone, alone, alone)
    return _Sources(
        Randomness(seed, SHOT_STREAM, identity, camera.mount.number),
        Randomness(seed, SENSOR_STREAM, identity, number),
        Randomness(seed, NOISE_STREAM, *key[1:]),
    )


def _within(limits: Range, rng: Randomness, part: Range = (0.0, 1.0)) -> float:
    """Draw from a part of a range."""
    low, high = limits
    return low + (high - low) * rng.uniform(*part)


def _loose_box(figure: Figure, camera: Camera, rng: Randomness) -> _Box:
    """Return the figure's box with edges that miss it a little, as a detector's do."""
    height = figure.top - figure.bottom
    left, right, top, bottom = (rng.normal(0.018, camera.margin) * height for _ in range(4))
    width = max(figure.right - figure.left + left + right, NARROWEST * height)
    centre = (figure.left + figure.right - left + right) / 2
    box = _Box(centre - width / 2, figure.top + top, width, height + top + bottom)
    return box if camera.aspect is None else _widened(box, camera.aspect)


def _widened(box: _Box, aspect: float) -> _Box:
    """Return a box of an aspect that has the given one in its middle."""
    width = max(box.width, box.height * aspect)
    height = width / aspect
    return _Box(
        box.left - (width - box.width) / 2, box.top + (height - box.height) / 2, width, height
    )


def _background(
    camera: Camera, box: _Box, size: tuple[int, int], seed: int, rng: Randomness
) -> tuple[Field, tuple[float, float]]:
    """Cut what lies behind the box out of the camera's scene.

    Returns:
        Pixels, float32 (C, H, W), and the middle of the box in the scene: shares of its width and
        height from the scene's centre, in [-1, 1].
    """
    scene = build_scene(camera.scene, camera.place, camera.band, seed)
    feet = rng.uniform(*FEET_ROWS) * HEIGHT
    scale = pixels_per_metre(feet)
    width, height = box.width * scale, box.height * scale
    top = min(max(feet - box.top * scale, 0.0), HEIGHT - height)
    left = rng.uniform(0, WIDTH - width)
    pixels = resampled(scene, (top, left), (height, width), (size[1], size[0]))
    pixels *= camera.background / 255
    middle = ((left + width / 2) / WIDTH * 2 - 1, (top + height / 2) / HEIGHT * 2 - 1)
    return pixels, middle


def _develop(
    light: Field,
    camera: Camera,
    middle: tuple[float, float],
    rng: Randomness,
    noise: Randomness,
) -> Image.Image:
    """Turn reflected light into what the sensor delivers."""
    channels, height, _ = light.shape
    light = light * _illumination(light.shape[1:], camera, middle, rng)
    if camera.lamps:
        light *= _lamp_gain(light.shape, camera.lamps, middle)
    tint = [gain * rng.normal(1, 0.025) for gain in camera.tint[:channels]]
    exposure = _within(camera.exposure, rng)
    light *= np.asarray([gain * exposure for gain in tint], dtype=np.float32)[:, None, None]
    sigma = _within(camera.blur, rng) * height
    light = blurred(light, (sigma, sigma), truncate=2.5)
    values = power(np.clip(light, 1e-4, None), camera.gamma)
    values += camera.noise * noise.noise(*values.shape)
    pixels = (np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)
    if channels == 1:
        pixels = np.repeat(pixels, 3, axis=0)
    return Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))


def _illumination(
    shape: tuple[int, ...], camera: Camera, middle: tuple[float, float], rng: Randomness
) -> Field:
    """Return the light on the crop: falling off from the scene's middle, and uneven by chance."""
    x, y = middle
    columns, rows = _places(shape, middle)
    direction = rng.uniform(0, 2 * PI)
    slope = rng.uniform(0, camera.unevenness)
    across, down = slope * cosine(direction) * 2, slope * sine(direction)
    gradient = across * (columns - x) + down * (rows - y)
    distance = 0.55 * (columns * columns) + 0.45 * (rows * rows)
    light: Field = (1 - camera.falloff * np.clip(distance, 0, 1)) * (1 + gradient)
    return light


def _places(shape: tuple[int, ...], middle: tuple[float, float]) -> tuple[Field, Field]:
    """Return where the pixels of a crop lie in the scene: columns (1, W) and rows (H, 1)."""
    height, width = shape
    columns = _spread(width, 0.12) + middle[0]
    rows = _spread(height, 0.35) + middle[1]
    return columns[None, :], rows[:, None]


def _spread(count: int, reach: float) -> Field:
    """Return even steps from -reach to reach, float32 (count,)."""
    return (np.arange(count, dtype=np.float32) * (2 / max(count - 1, 1)) - 1) * reach


def _lamp_gain(
    shape: tuple[int, ...], lamps: tuple[Lamp, ...], middle: tuple[float, float]
) -> Field:
    """Return the light on the crop with lamps against that without, float32 (C, H, W)."""
    columns, rows = _places(shape[1:], middle)
    gain = np.ones(shape, dtype=np.float32)
    for lamp in lamps:
        tint = np.asarray(lamp.tint[: shape[0]], dtype=np.float32)[:, None, None]
        gain += tint * _lamp_light(lamp, columns, rows)
    return gain


def _lamp_light(lamp: Lamp, columns: Field, rows: Field) -> Field:
    across, down = (columns - lamp.place[0]) * (WIDTH / HEIGHT), rows - lamp.place[1]
    distance = across * across + down * down
    return lamp.power / (1 + distance / (lamp.reach * lamp.reach))


def _light_at(camera: Camera, middle: tuple[float, float]) -> Light:
    """Return the light on a person: where there are lamps, from the strongest at their place."""
    if not camera.lamps:
        return camera.light
    columns, rows = _places((1, 1), middle)
    lamp = max(camera.lamps, key=lambda lamp: float(_lamp_light(lamp, columns, rows)[0, 0]))
    right, down = lamp.place[0] - middle[0], lamp.place[1] - middle[1]
    return replace(camera.light, direction=direction_to(right * WIDTH / HEIGHT, -down, 0.5))
