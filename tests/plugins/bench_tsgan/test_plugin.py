"""What the plugin registers, and that registering stays light."""

from __future__ import annotations

import subprocess
import sys

import bench_tsgan


def test_registers_one_method() -> None:
    (spec,) = bench_tsgan.bench_register_methods()
    assert spec.id == "ts-gan"
    assert (spec.paper.venue, spec.paper.year) == ("Pattern Recognition Letters", 2021)


def test_the_variants_are_the_rows_of_tables_2_and_3_with_the_full_method_first() -> None:
    """The row with re-ranking is no training of its own: `bench run --rerank`."""
    (spec,) = bench_tsgan.bench_register_methods()
    no_maps = {"discriminator": "ordinary", "gan_weight": 0.0}
    no_gan = {
        "discriminator": "none",
        "gan_weight": 0.0,
        "cross_domain_weight": 0.0,
        "same_domain_weight": 0.0,
    }
    assert {variant.name: dict(variant.values) for variant in spec.variants} == {
        "full": {},
        "backbone": no_gan,
        "od-single-ts": {**no_maps, "same_domain_weight": 0.0},
        "od-all-ts": no_maps,
        "infrared": {**no_gan, "learner": "infrared"},
        "visible": {**no_gan, "learner": "visible"},
    }
    assert spec.variants[0].name == "full"


def test_the_presets() -> None:
    (spec,) = bench_tsgan.bench_register_methods()
    assert [preset.name for preset in spec.presets] == ["paper", "strong-baseline", "quick"]


def test_registering_imports_no_heavy_library() -> None:
    code = (
        "import sys, bench_tsgan\n"
        "bench_tsgan.bench_register_methods()\n"
        "heavy = {'numpy', 'pandas', 'pydantic', 'torch'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(heavy)) or None)"
    )
    path = f"import sys; sys.path[:0] = {sys.path!r}\n"
    done = subprocess.run(
        [sys.executable, "-c", path + code], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
