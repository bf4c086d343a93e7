"""BCTR and BDTR hold to what every method must."""

from __future__ import annotations

import pytest

from bench_bdtr import bench_register_methods
from bench_core.testing import Check, method_checks

BCTR, BDTR = bench_register_methods()
SMALL = (
    *("image_height=32", "image_width=16", "fc6_width=32", "fc7_width=16"),
    *("epochs=2", "sampling.identities=4", "sampling.images=1", "sampling.steps_per_epoch=2"),
)
SUBJECTS = [(BDTR, BDTR.variants[0]), (BCTR, BCTR.variants[0]), (BDTR, BDTR.variants[1])]
WITHOUT_TRAINING = {
    *("the-configuration-round-trips", "features-have-the-contracted-shape"),
    *("features-are-independent-of-the-batch", "the-cost-can-be-counted"),
    *("the-loss-falls-on-one-batch",),
}
"""Of the variant on ResNet-50, whose trainings are those of the small network and take a minute."""


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(check, marks=[pytest.mark.slow] if place else [])
        for place, subject in enumerate(SUBJECTS)
        for check in method_checks(*subject, SMALL)
        if subject[1].name == "full" or check.rule in WITHOUT_TRAINING
    ],
    ids=str,
)
def test_conformance(check: Check) -> None:
    check.run()
