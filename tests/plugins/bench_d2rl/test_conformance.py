"""D2RL and each of its variants hold to what every method must."""

from __future__ import annotations

from bench_core.testing import Check
from bench_d2rl import bench_register_methods

(SPEC,) = bench_register_methods()
SMALL = (
    "translation_epochs=1",
    "feature_epochs=1",
    "epochs=1",
    "image_height=32",
    "image_width=16",
    "translation_height=16",
    "translation_width=16",
    "translator_width=2",
    "discriminator_width=2",
    "sampling.identities=3",
    "sampling.images=2",
    "sampling.steps_per_epoch=2",
    "translation_sampling.identities=2",
    "translation_sampling.steps_per_epoch=2",
)
CONFORMING = ((SPEC, SMALL),)


def test_conformance(check: Check) -> None:
    check.run()
