"""What the plugin registers, and that registering stays light."""

from __future__ import annotations

import subprocess
import sys

import bench_aligngan


def test_registers_one_method() -> None:
    (spec,) = bench_aligngan.bench_register_methods()
    assert spec.id == "aligngan"
    assert (spec.paper.venue, spec.paper.year) == ("ICCV", 2019)


def test_the_variants_are_the_rows_of_table_4_with_the_full_method_first() -> None:
    (spec,) = bench_aligngan.bench_register_methods()
    without_pixels = {"pixel_alignment": False, "discriminators": "separate"}
    assert {variant.name: dict(variant.values) for variant in spec.variants} == {
        "full": {},
        "baseline": {**without_pixels, "feature_gan_weight": 0.0},
        "pixalign": {"pixel_alignment": True, "feature_gan_weight": 0.0},
        "featalign": without_pixels,
        "aligngan-minus": {"pixel_alignment": True, "discriminators": "separate"},
    }
    assert spec.variants[0].name == "full"


def test_the_presets() -> None:
    (spec,) = bench_aligngan.bench_register_methods()
    assert [preset.name for preset in spec.presets] == ["paper", "official-code", "quick"]


def test_registering_imports_no_heavy_library() -> None:
    code = (
        "import sys, bench_aligngan\n"
        "bench_aligngan.bench_register_methods()\n"
        "heavy = {'numpy', 'pandas', 'pydantic', 'torch'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(heavy)) or None)"
    )
    path = f"import sys; sys.path[:0] = {sys.path!r}\n"
    done = subprocess.run(
        [sys.executable, "-c", path + code], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
