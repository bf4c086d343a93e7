"""What the plugin registers of its paper."""

from __future__ import annotations

import bench_pmt


def test_registers_one_method() -> None:
    (spec,) = bench_pmt.bench_register_methods()
    assert spec.id == "pmt"
    assert (spec.paper.venue, spec.paper.year) == ("AAAI", 2023)
    assert [preset.name for preset in spec.presets] == ["paper", "regdb", "quick"]


def test_the_variants_are_the_parts_of_the_method_with_the_full_method_first() -> None:
    (spec,) = bench_pmt.bench_register_methods()
    assert {variant.name: dict(variant.values) for variant in spec.variants} == {
        "full": {},
        "baseline": {"gray_epochs": 0, "enhancement_weight": 0, "center_weight": 0},
        "progressive": {"enhancement_weight": 0, "center_weight": 0},
        "msel": {"center_weight": 0},
        "dcl": {"enhancement_weight": 0},
        "without-progressive": {"gray_epochs": 0},
    }
