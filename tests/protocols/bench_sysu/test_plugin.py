"""What the plugin registers, and that registering stays light."""

from __future__ import annotations

import subprocess
import sys

import bench_sysu
from bench_core import INFRARED, VISIBLE


def test_registers_the_dataset() -> None:
    (spec,) = bench_sysu.bench_register_datasets()
    assert (spec.id, spec.synthetic_layout) == ("sysu-mm01", "sysu-mm01")
    infrared = {camera for camera, seen in spec.camera_modalities.items() if seen == INFRARED}
    assert (set(spec.camera_modalities), infrared) == ({1, 2, 3, 4, 5, 6}, {3, 6})


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
        assert (spec.cmc, spec.num_trials, spec.dataset) == ("identity", 10, "sysu-mm01")


def test_registering_imports_no_heavy_library() -> None:
    code = (
        "import sys, bench_sysu\n"
        "bench_sysu.bench_register_datasets(), bench_sysu.bench_register_protocols()\n"
        "heavy = {'numpy', 'pandas', 'scipy', 'torch'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(heavy)) or None)"
    )
    path = f"import sys; sys.path[:0] = {sys.path!r}\n"
    done = subprocess.run(
        [sys.executable, "-c", path + code], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
