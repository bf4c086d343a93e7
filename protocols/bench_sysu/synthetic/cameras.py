"""The six cameras of SYSU-MM01: four visible, two infrared; 2 and 3 in one room."""

from __future__ import annotations

from bench_core import INFRARED, VISIBLE
from bench_core.synthetic import Camera, Light, direction_to


def _light(right: float, up: float, towards: float, ambient: float) -> Light:
    return Light(direction_to(right, up, towards), ambient)


SYSU_CAMERAS = {
    1: Camera(
        band=VISIBLE,
        scene="room",
        pitch=(0.20, 0.30),
        light=_light(-0.5, 0.6, 0.7, 0.42),
        tint=(1.06, 1.0, 0.86),
        exposure=(0.95, 1.25),
        gamma=0.85,
        falloff=0.15,
        blur=(0.001, 0.004),
        noise=0.012,
        heights=(0.35, 1.0),
        margin=0.025,
        quality=(88, 95),
    ),
    2: Camera(
        band=VISIBLE,
        scene="room",
        place=2,
        pitch=(0.16, 0.24),
        light=_light(0.6, 0.5, 0.6, 0.5),
        tint=(0.92, 1.0, 1.07),
        exposure=(0.75, 1.0),
        gamma=0.85,
        falloff=0.2,
        blur=(0.002, 0.005),
        noise=0.018,
        heights=(0.25, 0.9),
        quality=(86, 93),
    ),
    3: Camera(
        band=INFRARED,
        scene="room",
        place=2,
        pitch=(0.16, 0.24),
        light=_light(0.05, 0.25, 1.0, 0.12),
        exposure=(1.0, 1.4),
        falloff=0.5,
        background=0.62,
        noise=0.022,
        heights=(0.2, 0.85),
    ),
    4: Camera(
        band=VISIBLE,
        place=4,
        pitch=(0.10, 0.18),
        light=_light(0.3, 0.9, 0.3, 0.45),
        blur=(0.001, 0.005),
        noise=0.012,
        heights=(0.1, 0.75),
        quality=(88, 95),
    ),
    5: Camera(
        band=VISIBLE,
        place=5,
        pitch=(0.22, 0.34),
        light=_light(-0.7, 0.7, 0.2, 0.55),
        tint=(1.1, 1.02, 0.82),
        exposure=(0.8, 1.2),
        gamma=0.9,
        heights=(0.0, 0.6),
        margin=0.035,
    ),
    6: Camera(
        band=INFRARED,
        place=6,
        pitch=(0.12, 0.22),
        light=_light(-0.1, 0.15, 1.0, 0.08),
        exposure=(0.95, 1.45),
        gamma=0.75,
        falloff=0.6,
        background=0.4,
        noise=0.028,
        heights=(0.1, 0.8),
    ),
}
