"""What the plugin registers of its paper."""

from __future__ import annotations

import bench_cmgan

(SPEC,) = bench_cmgan.bench_register_methods()


def test_registers_one_method_from_a_description() -> None:
    assert (SPEC.id, SPEC.fidelity) == ("cmgan", "from description")
    assert (SPEC.paper.venue, SPEC.paper.year) == ("IJCAI", 2018)


def test_the_variants_take_the_game_and_then_the_triplets_away() -> None:
    alone = {"adversarial_weight": 0.0}
    assert {variant.name: dict(variant.values) for variant in SPEC.variants} == {
        "full": {},
        "without-discriminator": alone,
        "identity-only": {**alone, "triplets": False},
    }


def test_the_presets() -> None:
    assert [preset.name for preset in SPEC.presets] == ["paper", "quick"]
