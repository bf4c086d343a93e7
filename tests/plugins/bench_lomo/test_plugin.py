"""What the plugin registers."""

from __future__ import annotations

import bench_lomo


def test_registers_one_method_with_its_metrics() -> None:
    (spec,) = bench_lomo.bench_register_methods()
    assert (spec.id, spec.fidelity) == ("lomo", "from paper")
    assert spec.paper.venue == "CVPR"
    assert [variant.name for variant in spec.variants] == ["full", "xqda", "cdfe"]
    assert [preset.name for preset in spec.presets] == ["paper", "quick"]
