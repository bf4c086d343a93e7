"""A package is written whole under a name that is valid and free, or not at all."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

from bench_core.contracts.errors import BenchError, UsageError
from bench_core.plugins import Registry
from bench_core.scaffolding import package as package_module
from bench_core.scaffolding.naming import PackageName, read_name
from bench_core.scaffolding.package import render, write_package


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "at most 64 letters, digits and hyphens"),
        ("-method", "at most 64 letters, digits and hyphens"),
        ("my method", "at most 64 letters, digits and hyphens"),
        ("../elsewhere", "at most 64 letters, digits and hyphens"),
        ("méthode", "at most 64 letters, digits and hyphens"),
        ("x" * 65, "at most 64 letters, digits and hyphens"),
        ("My_Method", "write my-method"),
        ("my--method", "write my-method"),
        ("3d-method", "begins with a digit"),
        ("class", "a meaning of its own"),
        ("tests", "a meaning of its own"),
    ],
)
def test_a_name_that_is_not_valid_is_refused(name: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read_name(name)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("xiv", "vireid-bench .* has a method of this name"),
        ("json", "there is a module 'json' already"),
        ("bench-xiv", "there is a module 'bench_xiv' already"),
        ("torch", "there is a module 'torch' already"),
        ("vireid-bench", "the package vireid-bench .* is installed"),
    ],
)
def test_a_name_that_is_taken_is_refused(
    name: str, says: str, registry: Registry, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=says):
        write_package(name, tmp_path / "new", registry)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("kind", ["folder", "file", "broken link"])
def test_what_lies_at_the_folder_is_left_alone(
    kind: str, registry: Registry, tmp_path: Path
) -> None:
    place = tmp_path / "my-method"
    if kind == "folder":
        place.mkdir()
    elif kind == "file":
        place.write_text("mine")
    else:
        place.symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match=r"my-method exists already; name another .* --output"):
        write_package("my-method", place, registry)
    assert [path.name for path in tmp_path.iterdir()] == ["my-method"]


def test_a_package_that_cannot_be_written_whole_leaves_nothing(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package_module, "render", lambda *_: {"a": "text", "a/b": "no folder"})
    with pytest.raises(BenchError, match="cannot write"):
        write_package("my-method", tmp_path / "my-method", registry)
    assert list(tmp_path.iterdir()) == []


def test_all_files_are_what_they_are_called(registry: Registry, tmp_path: Path) -> None:
    written = write_package("my-own-method", tmp_path / "elsewhere" / "new", registry)
    found = [path for path in written.folder.rglob("*") if path.is_file()]
    assert sorted(str(path.relative_to(written.folder)) for path in found) == sorted(written.files)
    for path in found:
        text = path.read_text()
        assert "<<" not in text
        assert ">>" not in text
        if path.suffix == ".py":
            ast.parse(text)
    project = tomllib.loads((written.folder / "pyproject.toml").read_text())["project"]
    assert project["name"] == "my-own-method"
    assert project["entry-points"]["bench"] == {"my-own-method": "my_own_method"}


def test_no_line_of_code_is_too_long_for_its_own_settings() -> None:
    for path, text in render(PackageName("a-rather-long-name-of-a-method")).items():
        if path.endswith(".py"):
            assert max(map(len, text.splitlines()), default=0) <= 100
