"""What the plugin registers of its paper."""

from __future__ import annotations

import bench_ddag

(SPEC,) = bench_ddag.bench_register_methods()


def test_registers_one_method() -> None:
    assert SPEC.id == "ddag"
    assert (SPEC.paper.venue, SPEC.paper.year) == ("ECCV", 2020)


def test_the_variants_are_the_rows_of_the_ablation_with_the_full_method_first() -> None:
    """Each attention alone, both, and neither; without IWPA there is but the global feature."""
    without_parts = {"weighted_parts": False, "scored_by": "global"}
    assert {variant.name: dict(variant.values) for variant in SPEC.variants} == {
        "full": {},
        "baseline": {**without_parts, "graph_attention": False},
        "iwpa": {"graph_attention": False},
        "cgsa": without_parts,
    }


def test_the_presets() -> None:
    assert [preset.name for preset in SPEC.presets] == ["paper", "quick"]
