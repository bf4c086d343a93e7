"""What every plugin of the project registers, and that registering stays light."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from bench_core import DatasetSpec, MethodSpec
from bench_core.plugins import load_registry

REGISTRY = load_registry()
METHODS, DATASETS = REGISTRY.methods.values(), REGISTRY.datasets.values()
RERANKERS = REGISTRY.rerankers.values()
PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
MODULES = sorted(PROJECT["entry-points"]["bench"].values())
OBSERVERS = ["bench_tensorboard"]
"""They register nothing, but are told of runs."""

PROGRAM = """
import importlib, sys
module = importlib.import_module(sys.argv[1])
hooks = [value for name, value in vars(module).items() if name.startswith("bench_register_")]
registered = [spec for hook in hooks for spec in hook()]
heavy = {"numpy", "pandas", "pydantic", "scipy", "torch"} & set(sys.modules)
observes = hasattr(module, "bench_epoch_finished")
nothing = None if registered or observes else "nothing is registered"
sys.exit(", ".join(sorted(heavy)) or nothing)
"""


def test_each_entry_point_registers_something_or_observes() -> None:
    packages = [spec.method.split(".")[0] for spec in METHODS]
    packages += [spec.reader.split(".")[0] for spec in DATASETS]
    packages += [spec.reranker.split(".")[0] for spec in RERANKERS]
    assert sorted({*packages, *OBSERVERS}) == MODULES  # a paper may have several methods


@pytest.mark.parametrize("module", MODULES)
def test_registering_imports_no_heavy_library(module: str) -> None:
    path = f"import sys; sys.path[:0] = {sys.path!r}\n"
    done = subprocess.run(
        [sys.executable, "-c", path + PROGRAM, module], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("spec", METHODS, ids=lambda spec: spec.id)
def test_a_method_has_the_variants_and_presets_that_all_have(spec: MethodSpec) -> None:
    presets = [preset.name for preset in spec.presets]
    assert (presets[0], presets[-1]) == ("paper", "quick")
    assert [variant.name for variant in spec.variants].count("full") == 1
    full = spec.variants[0]
    assert full.name == "full"
    assert not full.values
    assert all(variant.values for variant in spec.variants[1:])
    assert all(part.summary for part in (*spec.variants, *spec.presets))


@pytest.mark.parametrize("spec", METHODS, ids=lambda spec: spec.id)
def test_a_method_names_its_paper(spec: MethodSpec) -> None:
    paper = spec.paper
    assert all((paper.title, paper.authors, paper.venue))
    assert 2000 < paper.year < 2100


@pytest.mark.parametrize("spec", DATASETS, ids=lambda spec: spec.id)
def test_a_dataset_names_its_paper_its_source_and_its_layout(spec: DatasetSpec) -> None:
    assert all((spec.title, spec.paper, spec.source, spec.published, spec.folders))
    assert spec.synthetic == f"{spec.reader.split('.')[0]}.synthetic:LAYOUT"
    assert [known for known in REGISTRY.protocols.values() if known.dataset == spec.id]
