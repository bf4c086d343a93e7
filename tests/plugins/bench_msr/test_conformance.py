"""MSR holds to what every method must; other tests see how its rows differ."""

from __future__ import annotations

import pytest

from bench_core.testing import Check, method_checks
from bench_msr import bench_register_methods

(SPEC,) = bench_register_methods()
SMALL = (
    "epochs=2",
    "embedding_size=16",
    "image_height=32",
    "image_width=16",
    "sampling.identities=3",
    "sampling.images=2",
    "sampling.steps_per_epoch=1",
)


@pytest.mark.parametrize("check", method_checks(SPEC, SPEC.variants[0], SMALL), ids=str)
def test_conformance(check: Check) -> None:
    check.run()
