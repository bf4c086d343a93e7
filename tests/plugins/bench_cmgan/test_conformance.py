"""cmGAN holds to what every method must; other tests see what its variants leave out."""

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


@pytest.mark.parametrize("check", method_checks(SPEC, SPEC.variants[0], SMALL), ids=str)
def test_conformance(check: Check) -> None:
    check.run()
