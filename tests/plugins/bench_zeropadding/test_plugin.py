"""What the plugin registers of its paper."""

from __future__ import annotations

import bench_zeropadding

SPECS = {spec.id: spec for spec in bench_zeropadding.bench_register_methods()}


def test_registers_the_three_networks_of_one_paper() -> None:
    assert list(SPECS) == ["one-stream", "two-stream", "zero-padding"]
    assert {(spec.paper.venue, spec.paper.year) for spec in SPECS.values()} == {("ICCV", 2017)}


def test_none_of_them_claims_to_be_a_reproduction() -> None:
    assert {spec.fidelity for spec in SPECS.values()} == {"from description"}


def test_variants_and_presets() -> None:
    variants = {name: [each.name for each in spec.variants] for name, spec in SPECS.items()}
    presets = {name: [each.name for each in spec.presets] for name, spec in SPECS.items()}
    assert variants == {
        "one-stream": ["full", "asymmetric-fc"],
        "two-stream": ["full"],
        "zero-padding": ["full"],
    }
    assert presets == {
        "one-stream": ["paper", "quick"],
        "two-stream": ["paper", "quick"],
        "zero-padding": ["paper", "third-party-code", "quick"],
    }
