"""Every protocol with visible images has corrupted twins, a stranger's as well."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench_core.contracts.degradation import DegradationSpec
from bench_core.contracts.errors import UsageError
from bench_core.contracts.protocol import StatesAssumptions
from bench_core.corrupted_twins import original_id, twins, with_twins
from bench_core.loading import load_protocol
from bench_core.plugins import Registry
from bench_sysu.dataset import SysuMM01Reader


def test_every_protocol_with_visible_images_has_two(registry: Registry) -> None:
    without = {
        spec.id
        for spec in registry.protocols.values()
        if {f"{spec.id}-corrupted", f"{spec.id}-corrupted-original"}
        - set(registry.protocols_and_twins)
    }
    assert without == {"sysu-ir-to-ir"}
    assert len(registry.protocols_and_twins) == 3 * len(registry.protocols) - 2
    assert not any("corrupted" in name for name in registry.protocols)


def test_a_twin_is_its_protocol_but_for_the_pixels(registry: Registry) -> None:
    spec, twin = (registry.protocol(f"llcm-infrared-to-visible{end}") for end in ("", "-corrupted"))
    degradation = twin.degradation
    assert degradation is not None
    assert (degradation.modality, degradation.stage) == ("visible", "resized")
    assert degradation.label == "corruption 2, visible, resized, seed=0"
    title = f"{spec.title}, corrupted"
    assert twin == replace(spec, id=twin.id, title=title, degradation=degradation, twin_of=spec.id)
    assert original_id(twin.id) == original_id(f"{twin.id}-original") == spec.id
    other = registry.protocol(f"{twin.id}-original").degradation
    assert other is not None
    assert other.stage == "original"


def test_a_twin_trains_and_draws_as_its_protocol(registry: Registry, sysu_root: Path) -> None:
    dataset = SysuMM01Reader().read(sysu_root)
    spec, twin = (registry.protocol(f"sysu-all-single{end}") for end in ("", "-corrupted"))
    own, other = (load_protocol(one, dataset.splits) for one in (spec, twin))
    images = dataset.images
    assert other.spec is twin
    assert own.training_split(3) == other.training_split(3)
    for rows in ("training_rows", "test_rows"):
        np.testing.assert_array_equal(
            getattr(own, rows)(images, own.training_split(0)),
            getattr(other, rows)(images, own.training_split(0)),
        )
    for convention in spec.conventions:
        first, second = (one.trial(images, convention, 7) for one in (own, other))
        np.testing.assert_array_equal(first.query, second.query)
        np.testing.assert_array_equal(first.gallery, second.gallery)
    first, second = (one.validation_trial(images) for one in (own, other))
    np.testing.assert_array_equal(first.gallery, second.gallery)
    assert isinstance(other, StatesAssumptions)


def test_the_packages_of_a_twin_are_those_of_its_protocol(registry: Registry) -> None:
    own, other = (registry.participants(f"sysu-all-single{end}") for end in ("", "-corrupted"))
    assert own == other == ("vireid-bench",)


def test_a_misspelt_twin_is_told_apart_from_its_protocol(registry: Registry) -> None:
    with pytest.raises(UsageError, match="did you mean 'sysu-all-single-corrupted'"):
        registry.protocol("sysu-all-single-corupted")


def test_protocols_that_degrade_images_have_none_and_none_is_replaced(registry: Registry) -> None:
    spec = registry.protocol("sysu-all-single")
    dark = DegradationSpec(id="dark", title="Dark", version=1, definition="mine:darken")
    assert twins(replace(spec, degradation=dark)) == ()
    own = replace(spec, id="sysu-all-single-corrupted", degradation=dark)
    known = with_twins({spec.id: spec, own.id: own})
    assert known[own.id] is own
    assert set(known) == {spec.id, own.id, "sysu-all-single-corrupted-original"}
