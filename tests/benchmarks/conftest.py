"""What the benchmarks measure on, and how they are compared with the stored baselines.

A time means nothing on another machine, or on this one while it is busy. So each benchmark runs in
turns with a reference that does the same work in the plain way, and the ratio of the two is held to
the one that is stored in baselines.json. `make benchmark` prints the table of ratios.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest
import torch
from tabulate import tabulate

from bench_core.datasets import Dataset
from bench_core.loading import load_object
from bench_core.plugins import Registry
from bench_core.system.files import write_json

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

BASELINES = Path(__file__).with_name("baselines.json")
TOLERANCE = 1.5
"""How many times its stored ratio a benchmark may reach, where baselines.json says no other."""

Compare: TypeAlias = Callable[..., None]


@dataclass(frozen=True)
class Comparison:
    """A benchmark beside its reference: medians in seconds, and the median of the ratios."""

    seconds: float
    reference_seconds: float
    ratio: float


COMPARISONS = pytest.StashKey[dict[str, Comparison]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--refresh-baselines",
        action="store_true",
        help="Store the ratios of this run in tests/benchmarks/baselines.json.",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[COMPARISONS] = {}


@pytest.fixture(scope="session")
def dataset(registry: Registry, sysu_root: Path) -> Dataset:
    """The small synthetic SYSU-MM01."""
    read: Dataset = load_object(registry.dataset("sysu-mm01").reader)().read(sysu_root)
    return read


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Compute with one thread: more of them wait for each other where a core is taken."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def compare(benchmark: BenchmarkFixture, request: pytest.FixtureRequest) -> Compare:
    """Time work in turns with a reference, and fail where it became slower against it."""
    name = f"{request.node.path.stem}::{request.node.name}"

    def run(work: Callable[[], object], reference: Callable[[], object], rounds: int = 9) -> None:
        reference_seconds: list[float] = []

        def run_reference() -> None:
            started = time.perf_counter()
            reference()
            reference_seconds.append(time.perf_counter() - started)

        benchmark.pedantic(work, setup=run_reference, rounds=rounds, warmup_rounds=1)
        if benchmark.stats is None:  # with --benchmark-disable it ran, and was not timed
            return
        seconds = benchmark.stats.stats.data
        others = reference_seconds[1 : 1 + rounds]  # the first warmed up
        comparison = Comparison(
            statistics.median(seconds),
            statistics.median(others),
            statistics.median(own / other for own, other in zip(seconds, others, strict=True)),
        )
        request.config.stash[COMPARISONS][name] = comparison
        if not request.config.getoption("--refresh-baselines"):
            check(name, comparison.ratio)

    return run


def check(name: str, ratio: float) -> None:
    """Fail where no ratio is stored, or the stored one, times its tolerance, is exceeded."""
    baseline = read_baselines().get(name)
    if baseline is None:
        pytest.fail(f"{name} has no baseline; store one with --refresh-baselines")
    if ratio > baseline["ratio"] * baseline["tolerance"]:
        pytest.fail(
            f"{name} takes {ratio:.3g} times as long as its reference; the baseline is "
            f"{baseline['ratio']:.3g}, of which it may take {baseline['tolerance']:.3g} times"
        )


def read_baselines() -> dict[str, dict[str, float]]:
    """Return ratio and tolerance of each benchmark."""
    stored: dict[str, dict[str, float]] = json.loads(BASELINES.read_text())
    return stored


def pytest_sessionfinish(session: pytest.Session) -> None:
    comparisons = session.config.stash[COMPARISONS]
    if session.config.getoption("--refresh-baselines"):
        baselines = read_baselines()
        for name, comparison in comparisons.items():
            tolerance = baselines.get(name, {}).get("tolerance", TOLERANCE)
            baselines[name] = {"ratio": float(f"{comparison.ratio:.3g}"), "tolerance": tolerance}
        write_json(BASELINES, baselines)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    baselines = read_baselines()
    rows = [
        [
            name,
            f"{1000 * comparison.seconds:,.2f}",
            f"{1000 * comparison.reference_seconds:,.2f}",
            f"{comparison.ratio:.3g}",
            baselines.get(name, {}).get("ratio", ""),
            baselines.get(name, {}).get("tolerance", ""),
        ]
        for name, comparison in sorted(config.stash[COMPARISONS].items())
    ]
    if rows:
        columns = ["benchmark", "ms", "reference (ms)", "ratio", "baseline", "may be times"]
        terminalreporter.section("benchmarks beside their references")
        terminalreporter.write_line(tabulate(rows, columns, tablefmt="simple"))
