"""AlignGAN and each of its variants hold to what every method must."""

from __future__ import annotations

from bench_aligngan import bench_register_methods
from bench_core.testing import Check

(SPEC,) = bench_register_methods()
SMALL = (
    "encoder_warmup_epochs=1",
    "pixel_warmup_epochs=1",
    "epochs=2",
    "image_height=64",
    "image_width=32",
    "feature_height=32",
    "feature_width=16",
    "generator_width=4",
    "generator_blocks=1",
    "discriminator_width=4",
    "sampling.identities=3",
    "sampling.images=2",
    "sampling.steps_per_epoch=2",
    "pixel_identities=2",
    "pixel_images=1",
)
CONFORMING = ((SPEC, SMALL),)


def test_conformance(check: Check) -> None:
    check.run()
