"""What the plugin registers."""

from __future__ import annotations

import bench_vit


def test_registers_one_method_of_one_variant() -> None:
    (spec,) = bench_vit.bench_register_methods()
    assert spec.id == "vit"
    assert (spec.paper.venue, spec.paper.year) == ("ICLR", 2021)
    assert [variant.name for variant in spec.variants] == ["full"]
    assert [preset.name for preset in spec.presets] == ["paper", "quick"]
