"""cmGAN holds to what every method must; its variants leave parts out, as other tests see."""

from __future__ import annotations

import pytest

from bench_cmgan import bench_register_methods
from bench_core.testing import Check, method_checks

(SPEC,) = bench_register_methods()
SMALL = (
    "epochs=2",
    "alternation=2",
    "image_height=32",
    "image_width=16",
    "sampling.identities=3",
    "sampling.images=2",
    "sampling.steps_per_epoch=3",
)


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(check, marks=[pytest.mark.slow] if place else [])
        for place, variant in enumerate(SPEC.variants[:2])
        for check in method_checks(SPEC, variant, SMALL[:1] + SMALL[2:] if place else SMALL)
    ],
    ids=str,
)
def test_conformance(check: Check) -> None:
    check.run()
