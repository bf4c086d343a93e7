"""JSIA and each of its variants hold to what every method must."""

from __future__ import annotations

from bench_core.testing import Check
from bench_jsia import bench_register_methods

(SPEC,) = bench_register_methods()
SMALL = (
    "generation_epochs=1",
    "epochs=1",
    "image_height=32",
    "image_width=32",
    "style_width=2",
    "latent_channels=2",
    "num_regions=2",
    "sampling.identities=3",
    "sampling.images=2",
    "sampling.steps_per_epoch=2",
    "generation_sampling.identities=2",
    "generation_sampling.images=2",
    "generation_sampling.steps_per_epoch=2",
)
CONFORMING = ((SPEC, SMALL),)


def test_conformance(check: Check) -> None:
    check.run()
