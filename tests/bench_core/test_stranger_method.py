"""A method by somebody else: the package that is written, as documented, installed and used."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
from click.testing import CliRunner, Result

from bench_core.cli.main import build_cli
from bench_core.plugin_check.child import Job, documents
from bench_core.plugins import load_registry
from bench_core.system.cache_folder import CACHE_VARIABLE

Bench: TypeAlias = Callable[..., Result]

PAGE = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text()
COMMANDS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)[0].splitlines()
SMALL = [
    "--set=epochs=1",
    "--set=sampling.steps_per_epoch=1",
    "--set=sampling.identities=4",
    "--set=sampling.images=2",
    "--set=image_height=32",
    "--set=image_width=16",
]


@pytest.fixture
def bench(tmp_path: Path, stand_ins: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Run a command with what is installed by then, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(CACHE_VARIABLE, str(stand_ins))

    def run(*words: str) -> Result:
        result = CliRunner().invoke(build_cli(load_registry()), list(words), catch_exceptions=False)
        assert result.exit_code == 0, result.stderr
        return result

    return run


@pytest.fixture
def package(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Write the package by the page's first command, and install it as pip would."""
    bench(*shlex.split(COMMANDS[0])[1:])
    folder = tmp_path / "my-method"
    notes = folder / "my_method-0.1.0.dist-info"
    notes.mkdir()
    (notes / "METADATA").write_text("Metadata-Version: 2.1\nName: my-method\nVersion: 0.1.0\n")
    (notes / "entry_points.txt").write_text("[bench]\nmy-method = my_method\n")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_method"]:
        del sys.modules[name]


def test_the_page_shows_the_files_that_are_written(package: Path) -> None:
    method, _, _ = PAGE.partition("\n## A re-ranker")
    shown = dict(
        re.findall(r"```python\n# ((?:my_method|tests)/\w+\.py)\n(.*?)```", method, re.DOTALL)
    )
    assert len(shown) == 4
    for name, text in shown.items():
        written = (package / name).read_text()
        assert re.sub(r"year=\d+", "", text) == re.sub(r"year=\d+", "", written)
    lines = sum(len(text.splitlines()) for name, text in shown.items() if "tests" not in name)
    assert lines <= 110  # a method is quickly read


@pytest.mark.slow
def test_it_passes_every_check(package: Path) -> None:
    job = Job(
        module="my_method",
        methods=("my-method",),
        variants=(),
        assignments=(),
        answers="",
        stack="",
        timeout_seconds=60,
    )
    results = [one["result"] for one in documents(job) if "result" in one]
    assert len(results) > 20
    assert [result for result in results if result["state"] != "passed"] == []


@pytest.mark.slow
def test_the_pages_commands_lead_to_a_row_in_the_leaderboard(
    bench: Bench, package: Path, sysu_root: Path
) -> None:
    new, install, check, run, leaderboard = map(shlex.split, COMMANDS)
    assert new[:3] == ["bench", "plugin", "new"]
    assert install == ["pip", "install", "--editable", "./my-method"]
    assert check == ["bench", "plugin", "check", "my-method"]  # the test above, in this process
    bench(*run[1:], *SMALL, "--data", str(sysu_root))
    assert "my-method" in bench(*leaderboard[1:]).stdout
    (record,) = Path("results").rglob("*.json")
    assert json.loads(record.read_text())["provenance"]["versions"]["my-method"] == "0.1.0"
