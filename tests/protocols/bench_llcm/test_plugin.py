"""What the plugin registers of its dataset."""

from __future__ import annotations

import bench_llcm
from bench_core import INFRARED, VISIBLE


def test_registers_the_dataset() -> None:
    (spec,) = bench_llcm.bench_register_datasets()
    assert spec.id == "llcm"
    assert set(spec.folders) == {"vis", "nir", "test_vis", "test_nir", "idx"}
    assert not spec.camera_modalities  # cameras see both


def test_published_counts_add_up() -> None:
    (spec,) = bench_llcm.bench_register_datasets()
    counts = {(count.subset, count.modality): count for count in spec.published}
    parts = [counts[key].images for key in counts if key[0] != "all"]
    assert sum(parts) == counts["all", None].images == 46767
    people = [counts[subset, VISIBLE].identities for subset in ("training", "test")]
    assert people == [713, 351]
    assert counts["all", None].identities == 713 + 351


def test_registers_both_directions() -> None:
    specs = {spec.id: spec for spec in bench_llcm.bench_register_protocols()}
    assert set(specs) == {"llcm-visible-to-infrared", "llcm-infrared-to-visible"}
    there, back = specs["llcm-visible-to-infrared"], specs["llcm-infrared-to-visible"]
    assert (there.query_modality, there.gallery_modality) == (VISIBLE, INFRARED)
    assert (back.query_modality, back.gallery_modality) == (INFRARED, VISIBLE)
    for spec in (there, back):
        assert (spec.cmc, spec.num_trials, spec.dataset) == ("identity", 10, "llcm")
        assert spec.conventions == ("official",)


def test_only_images_of_the_querys_own_person_and_camera_are_excluded() -> None:
    for spec in bench_llcm.bench_register_protocols():
        assert not spec.excluded_camera_pairs
        pairs = [(camera, camera) for camera in (1, 2, 4, 5, 6, 7, 8, 9)]
        assert sorted(spec.excluded_match_camera_pairs) == pairs
