"""The example of a stranger's package: installed into an environment of its own, and used there."""

from __future__ import annotations

import json
import os
import runpy
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "third_party_method"
SETTINGS = (
    "epochs=1",
    "sampling.steps_per_epoch=1",
    "sampling.identities=4",
    "sampling.images=2",
    "image_height=32",
    "image_width=16",
)


class Environment:
    """An environment over the packages of this one, and a folder to work in."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder / "env", symlinks=True)
        self._python = folder / "env" / "bin" / "python"
        (site,) = (folder / "env").glob("lib/python*/site-packages")
        own = [path for path in map(Path, sys.path) if path.is_dir() and path != Path.cwd()]
        standard = Path(os.__file__).parent
        kept = [path for path in own if path not in (standard, standard / "lib-dynload")]
        needed = [*kept, ROOT, ROOT / "plugins", ROOT / "protocols"]
        (site / "below.pth").write_text("".join(f"{path}\n" for path in needed))
        self.folder = folder

    def run(self, *words: str) -> str:
        """Run a module of Python, and return what it prints."""
        done = subprocess.run(
            [str(self._python), "-m", *words],
            cwd=self.folder,
            env={**os.environ, "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def bench(self, *words: str) -> Any:
        """Run a command, and return its JSON document."""
        return json.loads(self.run("bench_core", *words, "--json"))


@pytest.mark.slow
def test_the_example_goes_from_its_sources_to_a_row_in_the_leaderboard(
    tmp_path: Path, sysu_root: Path
) -> None:
    unwanted = shutil.ignore_patterns("__pycache__", ".*_cache", "dist")
    shutil.copytree(EXAMPLE, tmp_path / "package", ignore=unwanted)
    environment = Environment(tmp_path)
    install = ["pip", "install", "--quiet", "--no-build-isolation", "--no-deps"]
    environment.run(*install, "--editable", "./package")

    checked = environment.bench("plugin", "check", "hetero-center", "--variant", "full")
    assert checked["passed"]
    assert checked["package"] == "hetero-center 1.0.0"
    assert len(checked["checks"]) > 20

    settings = [f"--set={setting}" for setting in SETTINGS]
    options = ["--protocol", "sysu-all-single", "--data", str(sysu_root), *settings]
    record = environment.bench("run", "--method", "hetero-center", *options)
    assert record["provenance"]["versions"]["hetero-center"] == "1.0.0"
    rows = environment.run("bench_core", "leaderboard", "--format", "csv")
    assert "hetero-center" in rows


@pytest.mark.parametrize("file", ["test_losses.py", "test_method.py"])
def test_the_examples_own_tests_pass(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(EXAMPLE)
    names = runpy.run_path(str(EXAMPLE / "tests" / file))
    tests = [test for name, test in names.items() if name.startswith("test_")]
    assert len(tests) >= 3
    for test in tests:
        test()
    for module in [name for name in sys.modules if name.partition(".")[0] == "hetero_center"]:
        monkeypatch.delitem(sys.modules, module)
