"""What the plugin registers of its paper."""

from __future__ import annotations

import bench_caj

(SPEC,) = bench_caj.bench_register_methods()
PARTS = ("channel_exchange", "channel_erasing", "triplet")


def test_registers_one_method() -> None:
    assert SPEC.id == "caj"
    assert (SPEC.paper.venue, SPEC.paper.year) == ("ICCV", 2021)


def test_the_variants_switch_exchange_erasing_and_square() -> None:
    on = {
        variant.name: tuple(key not in variant.values for key in PARTS) for variant in SPEC.variants
    }
    assert on == {
        "full": (True, True, True),
        "baseline": (False, False, False),
        "erasing": (False, True, False),
        "exchange": (True, False, False),
        "exchange-erasing": (True, True, False),
        "squared-triplet": (False, False, True),
    }


def test_the_presets() -> None:
    assert [preset.name for preset in SPEC.presets] == ["paper", "official-code", "quick"]
