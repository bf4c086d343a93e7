"""D2RL holds to what every method must, with its image level and without it.

The variant `separate` takes steps of the whole method alone, as other tests see.
"""

from __future__ import annotations

import pytest

from bench_core.testing import Check, method_checks
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


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(check, marks=[pytest.mark.slow] if place else [])
        for place, variant in enumerate((SPEC.variants[0], SPEC.variants[-1]))
        for check in method_checks(SPEC, variant, SMALL)
    ],
    ids=str,
)
def test_conformance(check: Check) -> None:
    check.run()
