"""The leaderboard of a large folder of results, seen before and seen for the first time.

Targets for 10,000 records that were seen before, on a machine that does nothing else: 5 seconds and
500 MiB for the whole process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench_core.leaderboard.paired import PairedTests
from bench_core.leaderboard.render import render
from bench_core.results.remembered import RememberedAnswers
from bench_core.results.store import find_results, query_scores_path, result_path, with_digest
from bench_core.system.files import write_json

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

Compare = Callable[..., None]

RESULTS = Path(__file__).parents[2] / "results"
MOST_BYTES = 500 * 2**20
PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
"""


def write_copies(folder: Path, number: int) -> None:
    """Write the committed records again and again, with other seeds and method ids."""
    found = find_results(RESULTS).records
    sources = [(record, query_scores_path(path).read_bytes()) for path, record in found.items()]
    for copy in range(number):
        record, query_scores = sources[copy % len(sources)]
        turn = copy // len(sources)
        method = record.method.model_copy(
            update={"seed": turn, "id": f"{record.method.id}{turn % 20}"}
        )
        other = record.model_copy(update={"method": method, "digest": None})
        path = result_path(folder, other)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, with_digest(other.as_document()))
        query_scores_path(path).write_bytes(query_scores)


def regenerate(folder: Path, remembered: RememberedAnswers | None) -> str:
    found = find_results(folder, remembered).records
    return render(found.values(), "json", PairedTests(found, remembered))


def test_a_folder_seen_before_beside_one_seen_for_the_first_time(
    compare: Compare, tmp_path: Path
) -> None:
    write_copies(tmp_path / "results", 600)
    remembered = RememberedAnswers(tmp_path / "answers.bin")
    first = regenerate(tmp_path / "results", remembered)
    assert regenerate(tmp_path / "results", remembered) == first
    compare(
        lambda: regenerate(tmp_path / "results", remembered),
        lambda: regenerate(tmp_path / "results", None),
        rounds=5,
    )


@pytest.mark.timeout(600)
def test_ten_thousand_records(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    write_copies(tmp_path / "results", 10_000)
    environment = os.environ | {"VIREID_BENCH_CACHE": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "bench_core", "leaderboard", "--json", "--results"]
    arguments = [sys.executable, "-c", PEAK, *command, str(tmp_path / "results")]
    peaks: list[int] = []

    def run() -> None:
        done = subprocess.run(
            arguments, env=environment, check=True, capture_output=True, text=True
        )
        peaks.append(int(done.stdout.splitlines()[-1]))

    started = time.perf_counter()
    run()
    benchmark.extra_info["first_seconds"] = time.perf_counter() - started
    benchmark.pedantic(run, rounds=3)
    benchmark.extra_info["peak_mib"] = max(peaks) / 2**20
    assert max(peaks) <= MOST_BYTES
