"""Cameras: everything that belongs to a camera and is alike in all of its images."""

from __future__ import annotations

from dataclasses import dataclass

from bench_core.synthetic.bands import Band
from bench_core.synthetic.canvas import Light, direction_to

Range = tuple[float, float]

DAYLIGHT = Light(direction_to(0.3, 0.9, 0.3), ambient=0.45)


@dataclass(frozen=True)
class Lamp:
    """A lamp that lights a part of a camera's view.

    Attributes:
        place: Where it hangs: shares of the scene's half width and half height from its centre,
            right and down, in [-1, 1].
        reach: Distance at which half of its light is left, in half heights of the scene.
        power: Light right below it, against the light everywhere.
        tint: Its colour: gain of red, green and blue.
    """

    place: tuple[float, float]
    reach: float
    power: float
    tint: tuple[float, float, float]


@dataclass(frozen=True)
class Mount:
    """What holds several cameras, which follow each person on one pass.

    Image i of a person is of the same moment in all of them: in one pose, box and place.

    Attributes:
        number: Number of the mount.
        gait: Phase of the gait (radians) from one image to the next.
    """

    number: int
    gait: float


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A camera in its place; a range is what its shots vary in. By default it hangs in a street.

    Attributes:
        band: What it is sensitive to.
        scene: Kind of place, a key of `bench_core.synthetic.scenes.SCENES`.
        place: Number of the place; cameras with equal `scene` and `place` look at the same one.
        pitch: Angle at which it looks down, in radians.
        light: Where light comes from.
        tint: Gain of red, green and blue; a single channel uses the first.
        exposure: Gain of all channels.
        gamma: Exponent from reflected light to pixel values.
        falloff: Loss of light from the middle of the view to its edges, in [0, 1].
        background: Gain of what is behind the person: an illuminator does not reach far.
        blur: Standard deviation of the blur as a share of the image height.
        noise: Standard deviation of the sensor noise, of full scale.
        heights: Part of the range of image heights that it uses, in [0, 1].
        margin: Standard deviation of the edges of the person's box, as a share of its height.
        quality: JPEG quality, where images are stored as JPEG.
        unevenness: Greatest change of the light across the view by chance, as a share.
        aspect: Width of all of its boxes as a share of their height; None fits them to people.
        mount: What it shares with other cameras; None stands alone, and sees a person anew in each
            image.
        parallax: Angle (radians) by which it sees people turned against the others on its mount.
        lamps: Lamps that add to its light; people are lit from the strongest at their place.
    """

    band: Band
    scene: str = "street"
    place: int = 1
    pitch: Range = (0.16, 0.26)
    light: Light = DAYLIGHT
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    exposure: Range = (0.9, 1.35)
    gamma: float = 0.8
    falloff: float = 0.1
    background: float = 1.0
    blur: Range = (0.002, 0.006)
    noise: float = 0.016
    heights: Range = (0.0, 1.0)
    margin: float = 0.03
    quality: tuple[int, int] = (85, 92)
    unevenness: float = 0.5
    aspect: float | None = None
    mount: Mount | None = None
    parallax: float = 0.0
    lamps: tuple[Lamp, ...] = ()
