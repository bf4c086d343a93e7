"""What tests of every package share: a rendered dataset, and the cache kept apart."""

from __future__ import annotations

import functools
import gc
import os
import re
import shutil
import sys
from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from filelock import FileLock
from hypothesis import settings

from bench_core.configuration import MethodChoice
from bench_core.contracts.result import ResultRecord
from bench_core.plugins import Registry, load_registry
from bench_core.results.store import find_results
from bench_core.synthetic import generate
from bench_core.system.cache_folder import CACHE_VARIABLE, cache_directory
from bench_core.system.files import write_json

# Compiled loops stay where they are kept, as compiling takes long; all else has a cache of its own.
os.environ.setdefault("NUMBA_CACHE_DIR", str(cache_directory()))

OUR_PLUGINS = r"bench_(?!core\b)"
"""How our plugins begin; a method of a test may be another one under the name of one before."""

# How long an example takes says more about what else the machine does than about the code.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect no garbage meanwhile: ten thousand tests come and stay."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the training that takes longest, so that no process ends long after the others."""
    items.sort(key=lambda item: item.path.name != "test_demo.py")


@pytest.fixture(scope="session")
def registry() -> Registry:
    """The installed plugins."""
    return load_registry()


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of the tests share."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture(scope="session")
def render_once(registry: Registry, shared_folder: Path) -> Callable[[str, int], Path]:
    """Render "tiny" people of a seed in a dataset's tree, where no process has done so yet."""

    def render(dataset: str, seed: int) -> Path:
        root = shared_folder / f"tiny-{seed}" / dataset
        root.parent.mkdir(exist_ok=True)
        with FileLock(f"{root}.lock"):
            if not root.exists():  # it appears when it is complete
                generate(root, registry.dataset(dataset), scale="tiny", seed=seed, workers=1)
        return root

    return render


@pytest.fixture(scope="session")
def sysu_root(render_once: Callable[[str, int], Path]) -> Path:
    """A small synthetic SYSU-MM01; tests must not change it."""
    return render_once("sysu-mm01", 0)


@pytest.fixture(scope="session")
def tiny_people(render_once: Callable[[str, int], Path]) -> Callable[[str], Path]:
    """Render "tiny" people of seed 3 in a dataset's tree, once; tests must not change them."""
    return functools.partial(render_once, seed=3)


@pytest.fixture(autouse=True, scope="session")
def counted_once() -> Iterator[None]:
    """Count what a configuration of ours costs once: hundreds of tests run the same small one."""
    from bench_core.pipeline import benchmark, estimates
    from bench_core.pipeline.costs import MethodCost, count_cost

    counted: dict[tuple[object, ...], MethodCost] = {}

    def count(choice: MethodChoice, device: torch.device, **options: Any) -> MethodCost:
        if not re.match(OUR_PLUGINS, choice.spec.method):
            return count_cost(choice, device, **options)
        key = choice.name, choice.config, device, *sorted(options.items())
        if key not in counted:
            counted[key] = count_cost(choice, device, **options)
        return replace(counted[key], choice=choice)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(benchmark, "count_cost", count)
        patch.setattr(estimates, "count_cost", count)
        yield


@pytest.fixture(autouse=True, scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache folder of the tests' own."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(folder))
        yield folder


@pytest.fixture(scope="session")
def stand_ins(shared_folder: Path) -> Path:
    """A cache folder with the stand-ins of full size, which all processes of the tests share."""
    return shared_folder / "stand-ins"


@pytest.fixture(scope="session")
def read_results() -> Callable[[Path], list[ResultRecord]]:
    """Read all records below a results folder, sorted by path; none may have a defect."""

    def read(folder: Path) -> list[ResultRecord]:
        found = find_results(folder)
        for defect in found.defects:
            raise defect
        return list(found.records.values())

    return read


@pytest.fixture
def jobs_in_this_process(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> list[tuple[str, ...]]:
    """Let the jobs of a matrix run without a process of their own; return their arguments."""
    from bench_core.cli.main import build_cli
    from bench_core.pipeline.matrix import jobs, local

    began: list[tuple[str, ...]] = []

    def run_job(job: jobs.Job) -> jobs.Outcome:
        began.append(job.arguments)
        result = CliRunner().invoke(build_cli(registry), list(job.arguments))
        job.folder.mkdir(parents=True, exist_ok=True)
        job.log.write_text(result.output)
        error = jobs._error(job.log, 0, result.exit_code) if result.exit_code else None
        outcome = jobs.Outcome(
            host="here", process=1, started="now", exit_code=result.exit_code, error=error
        )
        write_json(job.outcome_file, asdict(outcome))
        return outcome

    monkeypatch.setattr(local, "run_job", run_job)
    return began


@pytest.fixture
def released_model(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A folder with somebody's code (tests/released_model).

    Afterwards Python has none of its modules, and the registry none of its methods.
    """
    folder = tmp_path / "released"
    shutil.copytree(Path(__file__).with_name("released_model"), folder)
    monkeypatch.setattr(registry, "_methods", {**registry._methods})
    monkeypatch.syspath_prepend(tmp_path / "nothing")  # which notes the path as it is now
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]
