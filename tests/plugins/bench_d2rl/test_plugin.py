"""What the plugin registers of its paper."""

from __future__ import annotations

import bench_d2rl

(SPEC,) = bench_d2rl.bench_register_methods()


def test_registers_one_method_from_a_description() -> None:
    assert (SPEC.id, SPEC.fidelity) == ("d2rl", "from description")
    assert (SPEC.paper.venue, SPEC.paper.year, SPEC.paper.pages) == ("CVPR", 2019, "618-626")


def test_the_variants_take_the_joint_training_and_then_the_image_level_away() -> None:
    assert {variant.name: dict(variant.values) for variant in SPEC.variants} == {
        "full": {},
        "separate": {"joint": False},
        "without-translation": {"joint": False, "counterpart": "grey"},
    }


def test_the_presets() -> None:
    assert [preset.name for preset in SPEC.presets] == ["paper", "quick"]
