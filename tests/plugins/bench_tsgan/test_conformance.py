"""TS-GAN and each of its variants hold to what every method must."""

from __future__ import annotations

from bench_core.testing import Check
from bench_tsgan import bench_register_methods

(SPEC,) = bench_register_methods()
SMALL = (
    "epochs=2",
    "teacher_epochs=1",
    "image_height=64",
    "image_width=32",
    "generator_width=2",
    "generator_blocks=1",
    "discriminator_width=2",
    "sampling.identities=3",
    "sampling.images=2",
    "sampling.steps_per_epoch=2",
    "teacher_sampling.identities=3",
    "teacher_sampling.images=2",
    "teacher_sampling.steps_per_epoch=2",
)
CONFORMING = ((SPEC, SMALL),)


def test_conformance(check: Check) -> None:
    check.run()
