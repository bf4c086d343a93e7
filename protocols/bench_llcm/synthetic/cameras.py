"""The nine cameras of LLCM, at dusk and at night: each sees in dim light, all but one in infrared.

The authors publish neither the places nor the lights; these are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench_core import INFRARED, VISIBLE
from bench_core.synthetic import Camera, Lamp, Light, direction_to
from bench_llcm.layout import CAMERAS

INFRARED_OFFSET = 10
"""Number 10 + c is camera c in infrared."""

SODIUM = (1.3, 0.85, 0.35)
TUNGSTEN = (1.2, 0.95, 0.65)
WHITE = (1.0, 1.0, 1.0)
COLD = (0.8, 1.0, 1.25)
GREENISH = (0.85, 1.15, 0.9)


@dataclass(frozen=True)
class _Station:
    """Where a camera hangs, and the light there."""

    scene: str
    pitch: tuple[float, float]
    cast: tuple[float, float, float]
    exposure: tuple[float, float]
    lamps: tuple[Lamp, ...]


_STATIONS = {
    1: _Station(
        "street at night",
        (0.14, 0.24),
        (0.95, 1.0, 1.1),
        (0.13, 0.22),
        (Lamp((-0.5, -0.7), 0.6, 6.4, SODIUM), Lamp((0.7, -0.6), 0.4, 4.8, WHITE)),
    ),
    2: _Station(
        "street at night",
        (0.20, 0.32),
        (1.0, 0.96, 0.9),
        (0.11, 0.20),
        (Lamp((0.1, -0.8), 0.7, 5.6, TUNGSTEN),),
    ),
    3: _Station(
        "room at night",
        (0.18, 0.28),
        (1.05, 1.0, 0.88),
        (0.20, 0.34),
        (Lamp((0.6, -0.9), 0.8, 4.0, WHITE),),
    ),
    4: _Station(
        "street at night",
        (0.10, 0.20),
        (0.9, 1.0, 1.1),
        (0.14, 0.26),
        (Lamp((-0.8, -0.5), 0.5, 6.4, COLD), Lamp((0.3, -0.6), 0.35, 5.6, SODIUM)),
    ),
    5: _Station(
        "room at night",
        (0.22, 0.34),
        (0.95, 1.06, 0.95),
        (0.18, 0.31),
        (Lamp((-0.3, -0.9), 0.6, 4.8, GREENISH),),
    ),
    6: _Station(
        "street at night",
        (0.16, 0.26),
        (1.1, 0.98, 0.8),
        (0.10, 0.17),
        (Lamp((0.0, -0.6), 0.5, 8.0, SODIUM),),
    ),
    7: _Station(
        "street at night",
        (0.12, 0.22),
        (0.92, 0.98, 1.12),
        (0.16, 0.27),
        (Lamp((0.8, -0.7), 0.7, 4.8, COLD), Lamp((-0.6, -0.8), 0.4, 4.0, TUNGSTEN)),
    ),
    8: _Station(
        "room at night",
        (0.18, 0.30),
        (1.08, 1.0, 0.85),
        (0.16, 0.26),
        (Lamp((0.2, -0.9), 0.5, 5.6, TUNGSTEN),),
    ),
    9: _Station(
        "street at night",
        (0.24, 0.36),
        (1.0, 1.0, 1.0),
        (0.12, 0.24),
        (Lamp((-0.2, -0.7), 0.6, 6.4, WHITE), Lamp((0.9, -0.4), 0.3, 6.4, SODIUM)),
    ),
}


def _in_dim_light(number: int) -> Camera:
    station = _STATIONS[number]
    return Camera(
        band=VISIBLE,
        scene=station.scene,
        place=number,
        pitch=station.pitch,
        light=Light(direction_to(0.0, 0.8, 0.5), ambient=0.38),
        tint=station.cast,
        exposure=station.exposure,
        gamma=0.75,
        falloff=0.25,
        background=1.7,
        blur=(0.002, 0.008),
        noise=0.035,
        quality=(80, 92),
        lamps=station.lamps,
    )


def _in_infrared(number: int) -> Camera:
    station = _STATIONS[number]
    return Camera(
        band=INFRARED,
        scene=station.scene,
        place=number,
        pitch=station.pitch,
        light=Light(direction_to(0.05, 0.2, 1.0), ambient=0.1),
        exposure=(0.85, 1.35),
        falloff=0.75,
        noise=0.026,
        quality=(80, 92),
    )


LLCM_CAMERAS = {
    **{number: _in_dim_light(number) for number in CAMERAS[VISIBLE]},
    **{INFRARED_OFFSET + number: _in_infrared(number) for number in CAMERAS[INFRARED]},
}
