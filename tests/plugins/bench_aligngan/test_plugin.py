"""What the plugin registers of its paper."""

from __future__ import annotations

import bench_aligngan


def test_registers_one_method() -> None:
    (spec,) = bench_aligngan.bench_register_methods()
    assert spec.id == "aligngan"
    assert (spec.paper.venue, spec.paper.year) == ("ICCV", 2019)


def test_the_variants_are_the_rows_of_table_4_with_the_full_method_first() -> None:
    (spec,) = bench_aligngan.bench_register_methods()
    without_pixels = {"pixel_alignment": False, "discriminators": "separate"}
    assert {variant.name: dict(variant.values) for variant in spec.variants} == {
        "full": {},
        "baseline": {**without_pixels, "feature_gan_weight": 0.0},
        "pixalign": {"pixel_alignment": True, "feature_gan_weight": 0.0},
        "featalign": without_pixels,
        "aligngan-minus": {"pixel_alignment": True, "discriminators": "separate"},
    }


def test_the_presets() -> None:
    (spec,) = bench_aligngan.bench_register_methods()
    assert [preset.name for preset in spec.presets] == ["paper", "official-code", "quick"]
