"""What the plugin registers of its paper."""

from __future__ import annotations

import bench_deen

(SPEC,) = bench_deen.bench_register_methods()


def test_registers_one_method() -> None:
    assert SPEC.id == "deen"
    assert (SPEC.paper.venue, SPEC.paper.year) == ("CVPR", 2023)


def test_the_variants_leave_out_parts_and_losses() -> None:
    assert {variant.name: dict(variant.values) for variant in SPEC.variants} == {
        "full": {},
        "baseline": {"embedding_expansion": False, "feature_aggregation": False},
        "dee": {"feature_aggregation": False},
        "mfa": {"embedding_expansion": False},
        "without-cpm": {"pair_mining_weight": 0.0},
        "without-orthogonality": {"orthogonality_weight": 0.0},
        "without-dee-losses": {"pair_mining_weight": 0.0, "orthogonality_weight": 0.0},
    }


def test_the_presets_are_one_for_each_data_set_and_a_quick_one() -> None:
    names = [preset.name for preset in SPEC.presets]
    assert names == ["paper", "paper-llcm", "paper-regdb", "quick"]
