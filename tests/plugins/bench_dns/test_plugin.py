"""What the plugin registers of its paper."""

from __future__ import annotations

import bench_dns

PARTS = ("spatial_shift", "channel_shift", "alignment", "distillation")


def test_registers_one_method() -> None:
    (spec,) = bench_dns.bench_register_methods()
    assert spec.id == "dns"
    assert (spec.paper.venue, spec.paper.year) == ("ECCV", 2024)


def test_the_variants_say_of_each_part_whether_it_is_there() -> None:
    (spec,) = bench_dns.bench_register_methods()
    there = {
        variant.name: tuple(variant.values[part] for part in PARTS) for variant in spec.variants[1:]
    }
    assert there == {
        "baseline": (False, False, False, False),
        "hss": (True, False, False, False),
        "hss-css-da": (True, True, True, False),
        "hss-css-dd": (True, True, False, True),
        "without-css": (True, False, True, True),
    }


def test_the_presets() -> None:
    (spec,) = bench_dns.bench_register_methods()
    names = [preset.name for preset in spec.presets]
    assert names == ["paper", "official-code", "llcm", "regdb", "quick"]
