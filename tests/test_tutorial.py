"""Whoever follows the tutorial, block by block, sees what it shows."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench_core.cli.main import build_cli
from bench_core.plugins import load_registry
from bench_core.system.cache_folder import CACHE_VARIABLE

PAGE = (Path(__file__).parents[1] / "docs" / "tutorial.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
INSTALLING = "python3 -m venv"
MEASURED = re.compile(r"\b[0-9a-f]{8,12}\b(?=[./])|(?<!\S)[-+]?\d[\d.+-]*")
"""What depends on the processor: hashes in names of files, and words that are numbers."""
TRAINED = ("bench run", "bench leaderboard", "bench compare", "bench report")
"""Of the output of these commands the page shows the form, of all others the very words."""


class Newcomer:
    """Somebody who types what the page says, in a folder of their own."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._patch = patch
        self.output = ""
        self.commands: list[str] = []

    def type_all(self, block: str) -> None:
        """Run the lines of a shell block; `output` is what they printed."""
        self.commands = block.splitlines()
        if not block.startswith(INSTALLING):  # this environment has it
            self.output = "".join(self._run(shlex.split(line)) for line in self.commands)

    def _run(self, words: list[str]) -> str:
        program, *arguments = words
        if program == "pip":
            assert arguments[:2] == ["install", "--editable"]
            self._install(self._folder / arguments[2])
            return ""
        assert program == "bench"
        found = [
            sorted(map(str, Path().glob(word))) if "*" in word else [word] for word in arguments
        ]
        assert all(len(names) == 1 for names in found), arguments
        cli = build_cli(load_registry())
        result = CliRunner().invoke(cli, [name for (name,) in found])
        assert result.exit_code == 0, f"{shlex.join(words)}: {result.output}"
        return result.stdout

    def _install(self, package: Path) -> None:
        """Do what pip does for an editable package: Python finds it and what it says of itself."""
        name = package.name
        notes = package / f"{name.replace('-', '_')}-0.1.0.dist-info"
        notes.mkdir()
        (notes / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n")
        entry = f"[bench]\n{name} = {name.replace('-', '_')}\n"
        (notes / "entry_points.txt").write_text(entry)
        self._patch.syspath_prepend(package)
        self._patch.setenv("PYTHONPATH", str(package))  # for the process of `bench plugin check`
        self._patch.setattr(sys, "dont_write_bytecode", True)

    def change(self, block: str) -> None:
        """Change a file as a block shows it, whose lines must be there once."""
        head, _, lines = block.partition("\n")
        file = self._folder / head.removeprefix("--- ")
        before, after = _sides(lines)
        text = file.read_text()
        assert text.count(before) == 1, head
        file.write_text(text.replace(before, after))
        for name in [name for name in sys.modules if name.partition(".")[0] == "my_method"]:
            del sys.modules[name]

    def see(self, block: str) -> None:
        """Find each line of a block in the output, in this order; `...` stands for anything."""
        exact = not any(command.startswith(TRAINED) for command in self.commands)
        output = iter(_form(self.output, exact=exact).splitlines())
        for shown in filter(lambda line: line != "...", _form(block, exact=exact).splitlines()):
            pattern = ".*".join(map(re.escape, shown.split("...")))
            assert any(re.fullmatch(pattern, line) for line in output), f"{shown}\n{self.output}"


def _sides(lines: str) -> tuple[str, str]:
    """Return what a change takes and what it puts there."""
    parts = [(line[:1] or " ", line[1:]) for line in lines.splitlines()]
    before = "".join(f"{text}\n" for sign, text in parts if sign in " -")
    return before, "".join(f"{text}\n" for sign, text in parts if sign in " +")


def _form(text: str, *, exact: bool) -> str:
    words = re.sub(r" +", " ", text)
    return words if exact else MEASURED.sub("#", words)


@pytest.fixture
def newcomer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Newcomer]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    yield Newcomer(tmp_path, monkeypatch)
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_method"]:
        del sys.modules[name]


@pytest.mark.slow
def test_the_tutorial_can_be_followed(newcomer: Newcomer) -> None:
    does = {"sh": newcomer.type_all, "text": newcomer.see, "diff": newcomer.change}
    for language, block in BLOCKS:
        does[language](block)
    assert [language for language, _ in BLOCKS].count("diff") == 3
    assert len(list(Path("results").rglob("*.json"))) == 3
    assert list(Path().glob("report-*/report.html"))
