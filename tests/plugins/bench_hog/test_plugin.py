"""What the plugin registers."""

from __future__ import annotations

import bench_hog


def test_registers_one_method_with_its_metrics() -> None:
    (spec,) = bench_hog.bench_register_methods()
    assert (spec.id, spec.fidelity) == ("hog", "from paper")
    assert spec.paper.venue == "CVPR"
    assert [variant.name for variant in spec.variants] == ["full", "kissme", "lfda"]
    assert [preset.name for preset in spec.presets] == ["paper", "quick"]
