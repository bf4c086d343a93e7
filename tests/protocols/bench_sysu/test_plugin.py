"""What the plugin registers of its dataset."""

from __future__ import annotations

from collections import Counter

import bench_sysu
from bench_core import INFRARED, VISIBLE
from bench_core.synthetic import Sizes
from bench_sysu.synthetic.plan import plan_sysu

SUBSETS = {
    "train": ("training",),
    "val": ("training", "validation"),
    "test": ("query", "gallery"),
    "unlisted": (),
}


def test_registers_the_dataset() -> None:
    (spec,) = bench_sysu.bench_register_datasets()
    assert spec.id == "sysu-mm01"
    infrared = {camera for camera, seen in spec.camera_modalities.items() if seen == INFRARED}
    assert (set(spec.camera_modalities), infrared) == ({1, 2, 3, 4, 5, 6}, {3, 6})


def test_the_published_counts_are_those_of_the_published_split_files() -> None:
    """The stand-in's plan was counted in them, camera by camera."""
    found: Counter[tuple[str, str]] = Counter()
    people: dict[tuple[str, str], set[int]] = {}
    sizes = Sizes(
        train_identities=296,
        val_identities=99,
        test_identities=96,
        images_per_camera=20,
        image_heights=(120, 400),
        real_counts=True,
    )
    for person in plan_sysu(sizes, seed=0):
        for camera, number in person.images.items():
            modality = "infrared" if camera in (3, 6) else "visible"
            for subset in SUBSETS[person.split]:
                found[subset, modality] += number
                people.setdefault((subset, modality), set()).add(person.identity)
    (spec,) = bench_sysu.bench_register_datasets()
    for count in spec.published:
        key = count.subset, str(count.modality)
        assert (count.images, count.identities) == (found[key], len(people[key]))


def test_a_root_is_recognised_by_its_cameras_and_split_files() -> None:
    (spec,) = bench_sysu.bench_register_datasets()
    assert set(spec.folders) == {"cam1", "cam2", "cam3", "cam4", "cam5", "cam6", "exp"}


STANDARD = {"sysu-all-single", "sysu-all-multi", "sysu-indoor-single", "sysu-indoor-multi"}
ANALYSIS = {"sysu-rgb-to-rgb", "sysu-ir-to-ir", "sysu-rgb-to-ir", "sysu-ir-to-rgb"}


def test_registers_four_protocols_and_four_for_analysis() -> None:
    specs = {spec.id: spec for spec in bench_sysu.bench_register_protocols()}
    assert set(specs) == STANDARD | ANALYSIS
    for id_ in STANDARD:
        spec = specs[id_]
        single = id_.endswith("single")
        assert spec.conventions == (("official", "agw") if single else ("official",))
        assert (spec.query_modality, spec.gallery_modality) == (INFRARED, VISIBLE)
        assert spec.excluded_camera_pairs == ((3, 2),)
        assert spec.query_cameras == (3, 6)
        assert spec.gallery_cameras == ((1, 2, 4, 5) if id_.startswith("sysu-all") else (1, 2))
        assert (spec.cmc, spec.num_trials, spec.dataset) == ("identity", 10, "sysu-mm01")
