"""docs/dropin.md: each of its programs runs as it stands; the functions that it names are there."""

from __future__ import annotations

import re
from importlib import import_module
from inspect import signature
from pathlib import Path

import numpy as np
import pytest

from bench_sysu.dataset import SysuMM01Reader

PAGE = (Path(__file__).parents[3] / "docs" / "dropin.md").read_text()
PROGRAMS = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_runs(
    program: str, sysu_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    here = program.replace("/data/SYSU-MM01", str(sysu_root))
    exec(here, {"extract": lambda trial: search_of(sysu_root, trial)})  # noqa: S102  # it is ours
    assert bool(list(tmp_path.rglob("*.json"))) == ("record.write()" in program)


def search_of(root: Path, trial: int) -> tuple[np.ndarray, ...]:
    """Return random distances of a single-shot trial, with the labels of the images."""
    dataset = SysuMM01Reader().read(root)
    tested = dataset.images["identity"].isin(dataset.splits.test)  # type: ignore[attr-defined]
    images = dataset.images[tested]
    query = images[images["modality"] == "infrared"]
    gallery = images[images["modality"] == "visible"].groupby(["identity", "camera"]).head(1)
    distances = np.random.default_rng(trial).random((len(query), len(gallery)))
    labels = [part[name].to_numpy() for name in ("identity", "camera") for part in (query, gallery)]
    return distances, *labels


def test_the_calls_of_the_page_are_those_of_the_functions() -> None:
    rows = re.findall(r"^\| `(eval_\w+)` \| `\((.*?)\)`", PAGE, re.MULTILINE)
    assert len(rows) == 3
    for name, call in rows:
        parameters = signature(getattr(import_module("bench_core.dropin"), name)).parameters
        shown = [
            key if value.default is value.empty else f"{key}={value.default}"
            for key, value in parameters.items()
        ]
        assert call == ", ".join(shown)
