"""What the plugin registers of its paper."""

from __future__ import annotations

import bench_msr

(SPEC,) = bench_msr.bench_register_methods()


def test_registers_one_method_that_rests_on_a_description() -> None:
    assert SPEC.id == "msr"
    assert (SPEC.paper.venue, SPEC.paper.year) == ("TIP", 2020)
    assert SPEC.fidelity == "from description"


def test_each_variant_takes_a_part_away_or_adds_the_metric() -> None:
    assert {variant.name: dict(variant.values) for variant in SPEC.variants} == {
        "full": {},
        "shared-only": {"specific": False, "constraint_weight": 0.0},
        "without-cmec": {"constraint_weight": 0.0},
        "xqda": {"metric": "xqda"},
    }


def test_the_presets() -> None:
    assert [preset.name for preset in SPEC.presets] == ["paper", "quick"]
