"""What the plugin registers of its paper."""

from __future__ import annotations

import bench_tsgan


def test_registers_one_method() -> None:
    (spec,) = bench_tsgan.bench_register_methods()
    assert spec.id == "ts-gan"
    assert (spec.paper.venue, spec.paper.year) == ("Pattern Recognition Letters", 2021)


def test_the_variants_are_the_rows_of_tables_2_and_3_with_the_full_method_first() -> None:
    """The row with re-ranking is no training of its own: `bench run --rerank`."""
    (spec,) = bench_tsgan.bench_register_methods()
    no_maps = {"discriminator": "ordinary", "gan_weight": 0.0}
    no_gan = {
        "discriminator": "none",
        "gan_weight": 0.0,
        "cross_domain_weight": 0.0,
        "same_domain_weight": 0.0,
    }
    assert {variant.name: dict(variant.values) for variant in spec.variants} == {
        "full": {},
        "backbone": no_gan,
        "od-single-ts": {**no_maps, "same_domain_weight": 0.0},
        "od-all-ts": no_maps,
        "infrared": {**no_gan, "learner": "infrared"},
        "visible": {**no_gan, "learner": "visible"},
    }


def test_the_presets() -> None:
    (spec,) = bench_tsgan.bench_register_methods()
    assert [preset.name for preset in spec.presets] == ["paper", "strong-baseline", "quick"]
