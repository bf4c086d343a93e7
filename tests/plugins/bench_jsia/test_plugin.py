"""What the plugin registers of its paper."""

from __future__ import annotations

import re

import bench_jsia


def test_registers_one_method() -> None:
    (spec,) = bench_jsia.bench_register_methods()
    assert spec.id == "jsia"
    assert (spec.paper.venue, spec.paper.year) == ("Neural Networks", 2020)


def test_the_variants_are_the_rows_of_table_3_with_the_full_method_first() -> None:
    (spec,) = bench_jsia.bench_register_methods()
    switches = ("set_level", "instance_level", "local_regions", "unseen_identities")
    rows = {
        variant.name: tuple(variant.values[name] for name in switches)
        for variant in spec.variants[1:]
    }
    assert rows == {
        "baseline": ("separate", False, "none", False),
        "sl": ("shared", False, "none", False),
        "il": ("separate", True, "none", False),
        "sl-il": ("shared", True, "none", False),
        "sl-il-lr": ("shared", True, "paired", False),
        "without-disentanglement": ("adversarial", True, "paired", True),
        "unpaired-regions": ("shared", True, "unpaired", True),
        "il-without-disentanglement": ("adversarial", True, "none", False),
    }


def test_the_summaries_name_the_rows_of_the_table() -> None:
    (spec,) = bench_jsia.bench_register_methods()
    found = {
        variant.name: re.search(r"Table 3, index (\d)", variant.summary)
        for variant in spec.variants
    }
    named = {int(index[1]): name for name, index in found.items() if index}
    assert [named[index] for index in range(1, 9)] == [
        "baseline",
        "sl",
        "il",
        "sl-il",
        "sl-il-lr",
        "full",
        "without-disentanglement",
        "unpaired-regions",
    ]


def test_the_presets() -> None:
    (spec,) = bench_jsia.bench_register_methods()
    names = [preset.name for preset in spec.presets]
    assert names == ["paper", "paper-aaai", "official-code", "quick"]
