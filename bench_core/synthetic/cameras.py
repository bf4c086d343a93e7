"""Cameras: everything that belongs to a camera and is alike in all of its images."""

from __future__ import annotations

from dataclasses import dataclass

from bench_core.contracts.images import Modality
from bench_core.synthetic.canvas import Light

Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A camera in its place; a range is what its shots vary in.

    Attributes:
        modality: "visible" or "infrared".
        scene: Kind of place, a key of `bench_core.synthetic.scenes.SCENES`.
        place: Number of the place; cameras with equal `scene` and `place` look at the same one.
        pitch: Angle at which it looks down, in radians.
        light: Where light comes from.
        tint: Gain of red, green and blue; the first is used for infrared.
        exposure: Gain of all channels.
        gamma: Exponent from reflected light to pixel values.
        falloff: Loss of light from the middle of the view to its edges, in [0, 1].
        background: Gain of what is behind the person: an illuminator does not reach far.
        blur: Standard deviation of the blur as a share of the image height.
        noise: Standard deviation of the sensor noise, of full scale.
        heights: Part of the range of image heights that it uses, in [0, 1].
        margin: Standard deviation of the edges of the person's box, as a share of its height.
        quality: JPEG quality.
    """

    modality: Modality
    scene: str
    place: int
    pitch: Range
    light: Light
    tint: tuple[float, float, float]
    exposure: Range
    gamma: float
    falloff: float
    background: float
    blur: Range
    noise: float
    heights: Range
    margin: float
    quality: tuple[int, int]
