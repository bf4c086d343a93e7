"""Every method and its training steps are counted on tensors without data.

That its other variants can be counted is a check of the conformance suite.
"""

from __future__ import annotations

import pytest
import torch

from bench_core.configuration import choose_method
from bench_core.loading import load_object
from bench_core.pipeline.costs import count_cost
from bench_core.plugins import load_registry
from bench_core.testing.conformance import is_handcrafted

REGISTRY = load_registry()
OFTEN = ("agw", "hcml", "hog", "pmt", "xiv")
"""Others have a step of larger networks, and of the same kinds."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in OFTEN else pytest.mark.exhaustive)
        for name in (*REGISTRY.methods, "xiv:densenet")
    ],
)
def test_a_method_is_counted_without_running_it(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spec, variant = REGISTRY.method(name)
    choice = choose_method(spec, variant, "quick", ())
    cost = count_cost(choice, torch.device("cpu"), num_identities=8)
    handcrafted = is_handcrafted(load_object(spec.method))
    assert bool(cost.training_macs) is not handcrafted  # whose training has no steps
    assert cost.inference.macs["visible"] > 0
    assert capsys.readouterr().err == ""
