"""The checks find what they are for: each bad plugin fails the one that is meant for it."""

from __future__ import annotations

import runpy
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from bench_core.plugin_check.child import Job, documents
from bench_core.testing.rules import RULES

NAMES = runpy.run_path(str(Path(__file__).parent / "doubles.py"))
DOUBLES = NAMES["DOUBLES"]
Check: TypeAlias = Callable[..., Iterator[Any]]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages that is no place for temporary files; torch is empty there.

    A process that has not loaded torch finds the empty one: what counts is that it is imported.
    """
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    site = tmp_path / "site"
    site.mkdir()
    (site / "torch.py").touch()
    monkeypatch.syspath_prepend(site)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return site


@pytest.fixture
def check(site: Path) -> Iterator[Check]:
    """Write a plugin and check it in this process; yield what each check found."""
    packages: list[str] = []

    def run(
        name: str, *changes: tuple[str, str, str], assignments: tuple[str, ...] = ()
    ) -> Iterator[Any]:
        package = f"stranger_{name.replace('-', '_')}"
        packages.append(package)
        NAMES["write"](site, package, *changes)
        job = Job(
            module=package,
            methods=(),
            rerankers=(),
            variants=(),
            assignments=assignments,
            answers="",
            stack="",
            timeout_seconds=60,
        )
        return (
            next(iter(one.values()))
            for one in documents(job)
            if not {"coming", "finished"} & one.keys()
        )

    yield run
    for module in [name for name in sys.modules if name.partition(".")[0] in packages]:
        del sys.modules[module]


def test_a_good_plugin_passes_every_check(check: Check) -> None:
    results = list(check("good"))
    assert len(results) == len(RULES) + 4
    assert {result["state"] for result in results} == {"passed"}


@pytest.mark.parametrize("name", DOUBLES)
def test_a_mistake_is_found_named_and_placed(
    name: str, check: Check, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    double = DOUBLES[name]
    if double.changes[0][0] != "__init__.py":
        monkeypatch.setattr("bench_core.plugin_check.child.registration_checks", lambda _: [])
    results = check(name, *double.changes)
    result = next(result for result in results if result["check"] == double.check)
    assert result["state"] == "failed"
    assert double.says in result["detail"]
    assert result["mend"]
    if double.line:
        file = Path(result["file"])
        assert file.is_relative_to(site)
        assert double.line in file.read_text().splitlines()[result["line"] - 1]


@pytest.mark.parametrize("name", ["cannot-be-built", "random", "not-a-number", "flat"])
def test_what_builds_on_a_failed_check_is_not_run(
    name: str, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench_core.plugin_check.child.registration_checks", lambda _: [])
    results = list(check(name, *DOUBLES[name].changes))
    failed = [result["check"] for result in results if result["state"] == "failed"]
    assert failed == [DOUBLES[name].check]
    others = [result for result in results if result["state"] == "not run"]
    assert others
    assert all("nothing can be told while" in result["detail"] for result in others)


def test_a_setting_that_does_not_fit_is_refused_before_anything_is_built(
    check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench_core.plugin_check.child.registration_checks", lambda _: [])
    (refused,) = check("settings", assignments=("epoch=3",))
    assert "unknown configuration key 'epoch'; did you mean 'epochs'?" in refused
