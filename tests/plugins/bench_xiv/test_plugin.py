"""What the plugin registers of its paper."""

from __future__ import annotations

import bench_xiv


def test_registers_one_method() -> None:
    (spec,) = bench_xiv.bench_register_methods()
    assert spec.id == "xiv"
    assert (spec.paper.venue, spec.paper.year) == ("AAAI", 2020)


def test_the_variants_are_the_ablations_of_tables_4_and_5_with_the_full_method_first() -> None:
    (spec,) = bench_xiv.bench_register_methods()
    densenet = {"backbone": "densenet121", "stem_relu": True}
    assert {variant.name: dict(variant.values) for variant in spec.variants} == {
        "full": {},
        "baseline": {"x_source": "none", "cross_modality_gap": False},
        "baseline-x": {"x_source": "learned", "cross_modality_gap": False},
        "densenet": densenet,
        "densenet-baseline": {**densenet, "x_source": "none", "cross_modality_gap": False},
        "densenet-baseline-x": {**densenet, "x_source": "learned", "cross_modality_gap": False},
        "mean": {"x_source": "mean", "cross_modality_gap": False},
        "gray": {"x_source": "gray", "cross_modality_gap": False},
        "v": {"x_source": "v", "cross_modality_gap": False},
        "y": {"x_source": "y", "cross_modality_gap": False},
    }


def test_the_presets() -> None:
    (spec,) = bench_xiv.bench_register_methods()
    names = [preset.name for preset in spec.presets]
    assert names == ["paper", "strong-baseline", "quick"]
