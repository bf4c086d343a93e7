"""What the plugin registers of its paper."""

from __future__ import annotations

import bench_mpanet


def test_registers_one_method() -> None:
    (spec,) = bench_mpanet.bench_register_methods()
    assert spec.id == "mpanet"
    assert (spec.paper.venue, spec.paper.year) == ("CVPR", 2021)


def test_the_variants_add_one_part_after_another_up_to_the_full_method() -> None:
    (spec,) = bench_mpanet.bench_register_methods()
    names = ("modality_alleviation", "patterns", "mutual_learning")
    assert {variant.name: dict(variant.values) for variant in spec.variants} == {
        "full": {},
        "baseline": dict(zip(names, (False, 0, False), strict=True)),
        "mam": dict(zip(names, (True, 0, False), strict=True)),
        "mam-pam": dict(zip(names, (True, 6, False), strict=True)),
    }


def test_the_presets() -> None:
    (spec,) = bench_mpanet.bench_register_methods()
    names = [preset.name for preset in spec.presets]
    assert names == ["paper", "official-code", "regdb", "quick"]
