"""What the plugin registers of its paper."""

from __future__ import annotations

import bench_distbased

(SPEC,) = bench_distbased.bench_register_methods()


def test_registers_one_method_that_is_no_reproduction() -> None:
    assert (SPEC.id, SPEC.fidelity) == ("dist-based", "from description")
    assert (SPEC.paper.venue, SPEC.paper.year) == ("ICCV Workshops", 2019)


def test_variants_and_presets() -> None:
    assert [variant.name for variant in SPEC.variants] == ["full", "linear", "triplet"]
    assert [preset.name for preset in SPEC.presets] == ["paper", "quick"]
