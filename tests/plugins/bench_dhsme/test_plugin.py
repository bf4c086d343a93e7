"""What the plugin registers of its paper."""

from __future__ import annotations

import bench_dhsme

(SPEC,) = bench_dhsme.bench_register_methods()


def test_registers_one_method_that_rests_on_a_description() -> None:
    assert SPEC.id == "d-hsme"
    assert (SPEC.paper.venue, SPEC.paper.year) == ("AAAI", 2019)
    assert SPEC.fidelity == "from description"


def test_hsme_is_the_method_without_its_second_stage() -> None:
    values = {variant.name: dict(variant.values) for variant in SPEC.variants}
    assert values == {"full": {}, "hsme": {"decorrelation": False, "embedding": "neck-normalized"}}


def test_the_presets() -> None:
    assert [preset.name for preset in SPEC.presets] == ["paper", "quick"]
