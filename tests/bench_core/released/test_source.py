"""Which code a network is: its file with all that it imports beside it, or an installed version."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

from bench_core.contracts.errors import UsageError
from bench_core.released.source import source_of


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stranger's package, with an import of every kind."""
    (tmp_path / "nets" / "parts").mkdir(parents=True)
    files = {
        "nets/__init__.py": "",
        "nets/agw.py": "import numpy\nfrom . import necks\nfrom .parts.pooling import gem\n",
        "nets/necks.py": "import helpers_of_theirs\n",
        "nets/parts/__init__.py": "",
        "nets/parts/pooling.py": "from ..losses import triplet\n",
        "nets/losses.py": "",
        "helpers_of_theirs.py": "",
        "train.py": "import nets.agw\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        "nets/__init__.py",
        "nets/agw.py",
        "nets/necks.py",
        "nets/parts/__init__.py",
        "nets/parts/pooling.py",
        "nets/losses.py",
        "helpers_of_theirs.py",
    ],
)
def test_a_change_of_any_file_that_it_imports_is_other_code(repository: Path, name: str) -> None:
    before = source_of("nets.agw:Net")
    assert before.startswith("sha256:")
    with (repository / name).open("a") as file:
        file.write("x = 1\n")
    assert source_of("nets.agw:Net") != before


def test_other_files_do_not_count(repository: Path) -> None:
    before = source_of("nets.agw:Net")
    (repository / "train.py").write_text("")
    assert source_of("nets.agw:Net") == before


def test_of_an_installed_package_it_is_the_version() -> None:
    assert source_of("torchvision.models:resnet18") == f"torchvision {version('torchvision')}"


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ("nets.absent:Net", "no module nets.absent"),
        ("absent:Net", "no module absent; 'code'"),
        ("broken:Net", "is no Python file"),
        ("sys:path", "module of Python itself"),
    ],
)
def test_what_is_no_module_is_told(repository: Path, network: str, message: str) -> None:
    (repository / "broken.py").write_text("print 'Python 2'\n")
    with pytest.raises(UsageError, match=message):
        source_of(network)
