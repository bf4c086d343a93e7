"""What the plugin registers of its dataset."""

from __future__ import annotations

import bench_regdb
from bench_core import INFRARED, VISIBLE


def test_registers_the_dataset() -> None:
    (spec,) = bench_regdb.bench_register_datasets()
    assert spec.id == "regdb"
    assert spec.camera_modalities == {1: VISIBLE, 2: INFRARED}
    assert spec.folders == ("Visible", "Thermal", "idx")


def test_the_published_counts_are_412_people_of_whom_half_train_in_each_trial() -> None:
    (spec,) = bench_regdb.bench_register_datasets()
    counts = {
        (count.subset, count.modality): (count.images, count.identities) for count in spec.published
    }
    assert len(counts) == len(spec.published) == 2 * (1 + 2 * 10)
    for modality in (VISIBLE, INFRARED):
        assert counts.pop(("all", modality)) == (4120, 412)
        assert counts["trial 10 training", modality] == (2060, 206)
        assert counts["trial 1 test", modality] == (2060, 206)
    assert set(counts.values()) == {(2060, 206)}


def test_registers_both_directions() -> None:
    specs = {spec.id: spec for spec in bench_regdb.bench_register_protocols()}
    directions = {id_: (spec.query_modality, spec.gallery_modality) for id_, spec in specs.items()}
    assert directions == {
        "regdb-visible-to-thermal": (VISIBLE, INFRARED),
        "regdb-thermal-to-visible": (INFRARED, VISIBLE),
    }
    for spec in specs.values():
        assert (spec.cmc, spec.num_trials, spec.dataset) == ("image", 10, "regdb")
        assert (spec.conventions, spec.excluded_camera_pairs) == (("official",), ())
