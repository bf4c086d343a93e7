"""The hash of what a training runs: edits that change it, and edits that do not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import bench_core
from bench_core import PluginError
from bench_core.training.code import training_code_hash

METHOD = '''"""A method."""

from stranger_package.losses import gap
from bench_core.methods import StagedMethod, batch_hard_triplet


class Stranger(StagedMethod):
    """It learns."""

    def step(self, batch):
        """Take a step."""
        return gap(batch) + batch_hard_triplet(batch)  # the sum
'''
LOSSES = """def gap(batch):
    return 2 * batch
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stranger's package, and a copy of this program's sources that may be edited."""
    folder = tmp_path / "stranger_package"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "method.py").write_text(METHOD)
    (folder / "losses.py").write_text(LOSSES)
    monkeypatch.syspath_prepend(tmp_path)
    core = tmp_path / "core"
    shutil.copytree(next(iter(bench_core.__path__)), core)
    monkeypatch.setattr(bench_core, "__path__", [str(core)])
    return folder


def digest() -> str:
    return training_code_hash("stranger_package.method:Stranger")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("stranger_package/losses.py", "2 * batch", "3 * batch"),
        (
            "core/pipeline/methods.py",
            "seed_global_generators((seed,))",
            "seed_global_generators((1,))",
        ),
        ("core/system/devices.py", "num_threads(threads)", "num_threads(1)"),
        (
            "core/system/devices.py",
            "fill_uninitialized_memory = False",
            "fill_uninitialized_memory = True",
        ),
        ("core/modeling/losses.py", "relu", "softplus"),
        ("core/modeling/weights_files.py", "weights_only=True", "weights_only=not False"),
    ],
)
def test_an_edit_of_what_is_trained_by_gives_another_hash(
    package: Path, file: str, old: str, new: str
) -> None:
    before = digest()
    edit(package.parent / file, old, new)
    assert digest() != before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("stranger_package/method.py", "Take a step.", "Take one step."),
        ("stranger_package/method.py", '        """Take a step."""\n', ""),
        ("stranger_package/method.py", "  # the sum", ""),
        ("stranger_package/losses.py", "    return", "\n\n    return"),
        ("core/modeling/losses.py", '"""', '"""In other words. '),
        ("core/modeling/discriminators.py", "nn.", "other."),
        ("core/leaderboard/rows.py", "rank", "place"),
    ],
)
def test_an_edit_that_trains_the_same_gives_the_same_hash(
    package: Path, file: str, old: str, new: str
) -> None:
    before = digest()
    edit(package.parent / file, old, new)
    assert digest() == before


def test_what_only_a_type_checker_sees_does_not_count(package: Path) -> None:
    before = digest()
    edit(
        package / "losses.py",
        "def gap",
        "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    import bench_core\n\n\ndef gap",
    )
    with_import = digest()
    edit(package / "losses.py", "    import bench_core\n", "    import other\n")
    assert before != digest() == with_import


@pytest.mark.parametrize(
    "line",
    [
        "import bench_core.methods",
        "import bench_core.methods as door",
        "from bench_core import methods",
        "from bench_core.methods import *",
    ],
)
def test_relative_imports_and_the_whole_door_are_followed(package: Path, line: str) -> None:
    (package / "method.py").write_text(f"{line}\nfrom . import losses\n")
    before = digest()
    edit(package.parent / "core/modeling/discriminators.py", "nn.", "other.")
    other_network = digest()
    edit(package / "losses.py", "2 * batch", "3 * batch")
    assert len({before, other_network, digest()}) == 3


def test_a_file_that_is_no_python_counts_by_its_bytes(package: Path) -> None:
    (package / "template.py").write_text("{{ name }} = (")
    before = digest()
    edit(package / "template.py", "name", "title")
    assert digest() != before


def test_a_package_that_is_not_there_is_named() -> None:
    with pytest.raises(PluginError, match="cannot find the package no_such_package"):
        training_code_hash("no_such_package.method:Method")
