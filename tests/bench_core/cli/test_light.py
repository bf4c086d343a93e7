"""Help and lists start fast because they load no numerical library; long texts stay readable."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import pytest
from click.testing import Result

Bench = Callable[..., Result]

HEAVY = ("torch", "torchvision", "numpy", "pandas", "scipy", "PIL", "pydantic", "matplotlib")


@pytest.mark.parametrize(
    "command",
    [
        "--help",
        "run --help",
        "profile --help",
        "report --help",
        "verify --help",
        "submit --help",
        "data verify --help",
        "xray --help",
        "plugin new --help",
        "plugin check --help",
        "data synth --help",
        "features info --help",
        "matrix --help",
        "export onnx --help",
        "search --help",
        "lint-table --help",
        "published list --help",
        "list methods",
        "list variants",
        "list protocols",
        "list plugins",
    ],
)
def test_no_heavy_library_is_loaded(command: str) -> None:
    code = (
        "import sys\n"
        "from bench_start import main\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        f"    print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code, *command.split()], capture_output=True, text=True, check=True
    )
    assert finished.stderr.strip() == "[]"


@pytest.mark.parametrize("kind", ["methods", "variants", "protocols", "datasets", "plugins"])
def test_every_list_has_a_table_and_json(bench: Bench, kind: str) -> None:
    rows = json.loads(bench("list", kind, "--json").stdout)
    table = bench("list", kind).stdout
    assert rows
    assert all(str(next(iter(row.values()))) in table for row in rows)


def test_every_command_has_help_with_each_option_explained(bench: Bench) -> None:
    commands = (
        "run train matrix extract eval features profile compare verify submit report list show "
        "leaderboard data doctor"
    ).split()
    listed = bench("--help").stdout
    for command in commands:
        assert command in listed
        assert bench(command, "--help").exit_code == 0


def test_the_version_is_that_of_the_package(bench: Bench) -> None:
    from importlib.metadata import version

    assert version("vireid-bench") in bench("--version").stdout


def test_doctor_reports_the_installation(bench: Bench) -> None:
    result = bench("doctor", "--json")
    findings = {finding["subject"]: finding for finding in json.loads(result.stdout)}
    assert result.exit_code == 0
    assert findings["plugin xiv"]["state"] == "ok"
    assert findings["torchvision"]["state"] == "ok"


@pytest.mark.slow
def test_synth_writes_a_dataset_that_can_be_read(bench: Bench) -> None:
    result = bench("data", "synth", "people", "--scale", "tiny", "--workers", "1", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["root"] == "people"
    again = bench("data", "synth", "people", "--scale", "tiny")
    assert again.exit_code == 2
    assert "people" in again.stderr
