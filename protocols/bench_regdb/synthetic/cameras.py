"""The two cameras of RegDB: a visible and a far-infrared one, side by side on one mount.

The ten images of a person are about a second of one video, as the frame numbers in the real file
names tell; both cameras have the same frames.
"""

from __future__ import annotations

from dataclasses import replace

from bench_core import VISIBLE
from bench_core.synthetic import THERMAL, Camera, Light, Mount

VISIBLE_CAMERA, THERMAL_CAMERA = 1, 2
PARALLAX = 0.03
"""Angle (radians) between the cameras: they hang a hand's breadth apart."""

_VISIBLE = Camera(
    band=VISIBLE,
    light=Light((0.37, 0.84, 0.40), ambient=0.5),
    tint=(1.0, 1.0, 1.02),
    exposure=(0.85, 1.3),
    gamma=0.85,
    blur=(0.002, 0.005),
    noise=0.014,
    margin=0.012,
    quality=(95, 95),
    aspect=0.5,
    mount=Mount(1, gait=0.55),
)

# Warmth is radiated by the surfaces themselves: it has no direction, no shadows and hardly a fold.
_THERMAL = replace(
    _VISIBLE,
    band=THERMAL,
    light=Light((0.0, 0.0, 1.0), ambient=0.72, relief=0.7),
    tint=(1.0, 1.0, 1.0),
    exposure=(0.88, 1.1),
    gamma=1.0,
    falloff=0.0,
    blur=(0.007, 0.012),
    noise=0.008,
    unevenness=0.12,
    parallax=PARALLAX,
)

REGDB_CAMERAS = {VISIBLE_CAMERA: _VISIBLE, THERMAL_CAMERA: _THERMAL}
