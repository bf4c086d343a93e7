"""XIV and each of its variants hold to what every method must."""

from __future__ import annotations

import pytest

from bench_core.testing import Check, method_checks
from bench_xiv import bench_register_methods

(SPEC,) = bench_register_methods()
SMALL = (
    "epochs=2",
    "image_height=32",
    "sampling.identities=3",
    "sampling.images=2",
    "sampling.steps_per_epoch=2",
)


# DenseNet-121 takes no images of 16 pixels; its ablations are those that the small backbone has.
OPTIONS = {
    variant.name: (*SMALL, f"image_width={32 if variant.name == 'densenet' else 16}")
    for variant in SPEC.variants
    if not variant.name.startswith("densenet-")
}


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(check, marks=[pytest.mark.slow] if place else [])
        for place, variant in enumerate(SPEC.variants)
        if variant.name in OPTIONS
        for check in method_checks(SPEC, variant, OPTIONS[variant.name])
    ],
    ids=str,
)
def test_conformance(check: Check) -> None:
    check.run()
