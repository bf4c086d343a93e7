"""The same people everywhere: pinned fingerprints, and operations that no processor changes."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import bench_core.synthetic
from bench_core.data.fingerprint import fingerprint
from bench_core.loading import load_object
from bench_core.pipeline.stand_in import open_stand_in
from bench_core.plugins import Registry

SEED = 3
TINY = {
    "sysu-mm01": "754e9fec0db73dbcec4ca063597365db9f2a5aa8e7e1120420dc6f0b16c13797",
    "regdb": "eb2142f0b2a072bff3d4c3e84d1d1e380b2850188d46f9b2fbeb5dabf2d85346",
    "llcm": "6e294ee1c948b5c886e1164f4612d6a5cba18e9381e6eb31ea1c240c417d9be8",
}
"""Fingerprints at scale "tiny" and seed 3. A change needs another `GENERATOR_VERSION`."""

DEMO = {
    "sysu-mm01": "59c20229574486fdfd807a6c783ef59554033fbf1ac9252b871a61af796f9f1d",
    "regdb": "6f5af0ffea9a24f90971de7da91c86b527fcdc1649def0fc79fbf01b46cb851a",
    "llcm": "6cec5f5b0517b009e5e1efa1860d54a164aeed9114b6fcedbcac172ed64b3a2d",
}
"""Fingerprints of the stand-ins that runs without a dataset use: scale "demo", seed 0."""

LAYOUTS = tuple(DEMO)

EVERY = 24
"""Of the people of a stand-in, one in so many is rendered again on such a processor."""

PROGRAM = """
import sys
from pathlib import Path

import numpy as np

from bench_core.data.fingerprint import fingerprint
from bench_core.loading import load_object
from bench_core.plugins import load_registry
from bench_core.synthetic import generate, generation

folder, scale, seed, every, *layouts = sys.argv[1:]
print("processor features:", *np.show_config(mode="dicts")["SIMD Extensions"].get("found", []))
render_all = generation._render_all
generation._render_all = lambda jobs, *rest: render_all(jobs[:: int(every)], *rest)
for layout in layouts:
    root = Path(folder, layout)
    spec = load_registry().dataset(layout)
    generate(root, spec, scale=scale, seed=int(seed), workers=1)
    if every == "1":
        dataset = load_object(spec.reader)().read(root)
        print(layout, fingerprint(dataset, Path(folder, "cache")))
"""


def rendered_elsewhere(
    folder: Path, scale: str, seed: int, layouts: tuple[str, ...], every: int = 1
) -> dict[str, str]:
    """Render datasets on a processor without extensions, and return their fingerprints.

    It has what NumPy demands and no more, and libjpeg-turbo runs in plain C.

    Args:
        folder: Where to.
        scale: Of the datasets.
        seed: Of the datasets.
        layouts: Of the datasets.
        every: One in so many people is rendered; with less than all, there is no fingerprint.
    """
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])  # type: ignore[index]
    disabled = {"NPY_DISABLE_CPU_FEATURES": " ".join(found), "JSIMD_FORCENONE": "1"}
    environment = {**os.environ, **disabled}
    command = [sys.executable, "-c", PROGRAM, str(folder), scale, str(seed), str(every)]
    command += layouts
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    first, *lines = done.stdout.splitlines()
    assert first == "processor features:"
    return dict(line.split() for line in lines)  # type: ignore[misc]


def test_the_people_of_every_layout_are_pinned(registry: Registry) -> None:
    assert {spec.id for spec in registry.datasets.values() if spec.synthetic} == set(LAYOUTS)
    assert set(TINY) == set(LAYOUTS)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_same_people_are_rendered_by_every_version(
    layout: str, tiny_people: Callable[[str], Path], registry: Registry, cache: Path
) -> None:
    dataset = load_object(registry.dataset(layout).reader)().read(tiny_people(layout))
    assert fingerprint(dataset, cache) == TINY[layout]


@pytest.mark.slow
def test_the_same_people_are_rendered_on_processors_without_extensions(tmp_path: Path) -> None:
    assert rendered_elsewhere(tmp_path, "tiny", SEED, LAYOUTS) == TINY


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "layout",
    [
        # The demo's; the others are rendered for this test alone.
        pytest.param(layout, marks=[] if layout == "sysu-mm01" else pytest.mark.exhaustive)
        for layout in LAYOUTS
    ],
)
def test_stand_ins_are_rendered_the_same_by_every_version(
    layout: str, registry: Registry, stand_ins: Path
) -> None:
    _, content = open_stand_in(registry.dataset(layout), stand_ins)
    assert content == DEMO[layout]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_stand_in_is_rendered_the_same_on_a_processor_without_extensions(
    registry: Registry, stand_ins: Path, tmp_path: Path
) -> None:
    """More and larger people than the tiny ones, by the same operations in every layout."""
    layout = "sysu-mm01"
    root = open_stand_in(registry.dataset(layout), stand_ins)[0].root
    rendered_elsewhere(tmp_path, "demo", 0, (layout,), EVERY)
    pictures = sorted((tmp_path / layout).rglob("*.jpg"))
    assert len(pictures) > 60
    for picture in pictures:
        stand_in = root / picture.relative_to(tmp_path / layout)
        assert picture.read_bytes() == stand_in.read_bytes(), picture


def test_the_documentation_names_the_fingerprints() -> None:
    page = (Path(__file__).parents[3] / "docs" / "synthetic.md").read_text()
    for layout, value in DEMO.items():
        assert f"| `{layout}` | `{value[:8]}…` |" in page


SAFE_LIBRARIES = {
    *("bench_core", "bench_llcm", "bench_regdb", "bench_sysu"),
    *("__future__", "collections", "concurrent", "dataclasses", "functools"),
    *("importlib", "io", "itertools", "pathlib", "shutil", "typing"),
    *("colorsys", "math", "numpy", "PIL", "scipy"),
}
SAFE_MATH = {"ceil", "comb", "copysign", "floor", "fsum", "sqrt"}
"""Of `math`: what C libraries must not round in their own way."""

SAFE_NUMPY = {
    # types
    *("asarray", "array", "ascontiguousarray", "bool_", "empty", "float32", "float64", "floating"),
    *("int32", "int64", "object_", "uint16", "uint64", "uint8"),
    # exact, or rounded correctly one at a time
    *("abs", "arange", "clip", "copysign", "floor", "maximum", "minimum", "rint", "sqrt", "where"),
    # places and order
    *("argsort", "bincount", "insert", "ones_like", "pad", "repeat", "searchsorted", "stack"),
    *("zeros", "ones"),
    # one after another by definition
    "cumsum",
    # bits only
    "random.PCG64",
    "random.SeedSequence",
}
SAFE_SCIPY, SAFE_PILLOW = {"savemat"}, {"Image"}
UNSAFE_METHODS = {"cumprod", "dot", "mean", "prod", "resize", "round", "std", "sum", "trace", "var"}


def unsafe_operations(source: str) -> Iterator[str]:
    """Find what may give other results on another processor, or with another library."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow | ast.MatMult):
            yield ast.unparse(node)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name not in SAFE_LIBRARIES)
        elif isinstance(node, ast.ImportFrom):
            yield from _unsafe_imports(node)
        elif isinstance(node, ast.Name) and node.id == "pow":
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield from _unsafe_attribute(node)


def _unsafe_imports(node: ast.ImportFrom) -> Iterator[str]:
    library = (node.module or "").split(".")[0]
    if library not in SAFE_LIBRARIES:
        yield library
    safe = {"math": SAFE_MATH, "scipy": SAFE_SCIPY, "PIL": SAFE_PILLOW}.get(library)
    if safe is not None:
        yield from (f"{library}.{name.name}" for name in node.names if name.name not in safe)


def _unsafe_attribute(node: ast.Attribute) -> Iterator[str]:
    name = ast.unparse(node)
    if re.fullmatch(r"np[.\w]+", name):
        if name not in {"np.random", *(f"np.{safe}" for safe in SAFE_NUMPY)}:
            yield name
    elif re.fullmatch(r"math\.\w+", name):
        if node.attr not in SAFE_MATH:
            yield name
    elif node.attr in UNSAFE_METHODS:
        yield name


RENDERING = [
    *Path(bench_core.synthetic.__file__).parent.glob("*.py"),
    *(Path(__file__).parents[3] / "protocols").glob("*/synthetic/*.py"),
]


@pytest.mark.parametrize("module", sorted(RENDERING), ids=lambda p: f"{p.parts[-3]}/{p.name}")
def test_people_are_made_of_operations_that_are_the_same_everywhere(module: Path) -> None:
    assert list(unsafe_operations(module.read_text())) == []


@pytest.mark.parametrize(
    "statement",
    [
        "np.exp(x)",
        "np.random.default_rng(0)",
        "x ** 2",
        "pow(x, 2)",
        "a @ b",
        "pixels.sum()",
        "from math import sin",
        "math.pow(2, 3)",
        "from scipy.ndimage import gaussian_filter",
        "from PIL import ImageDraw",
        "import random",
        "scene.resize(size)",
    ],
)
def test_other_operations_are_found(statement: str) -> None:
    assert list(unsafe_operations(statement)) != []
