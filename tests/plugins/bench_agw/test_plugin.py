"""What the plugin registers of its paper."""

from __future__ import annotations

import bench_agw

(SPEC,) = bench_agw.bench_register_methods()


def test_registers_one_method() -> None:
    assert SPEC.id == "agw"
    assert (SPEC.paper.venue, SPEC.paper.year) == ("TPAMI", 2022)


def test_the_variants_switch_the_three_letters_of_the_name() -> None:
    on = {
        variant.name: "".join(
            letter
            for letter, key in (("A", "attention"), ("G", "pooling"), ("W", "triplet"))
            if key not in variant.values
        )
        for variant in SPEC.variants
    }
    assert on == {
        "full": "AGW",
        "base": "",
        "attention": "A",
        "weighted-triplet": "W",
        "generalized-mean": "G",
        "without-attention": "GW",
    }


def test_the_presets() -> None:
    assert [preset.name for preset in SPEC.presets] == ["paper", "official-code", "quick"]
