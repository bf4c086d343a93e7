"""`bench plugin`: what it prints, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from bench_core.plugin_check import process
from bench_core.plugin_check.report import CheckResult, PluginReport

Bench = Callable[..., Result]

GOOD = CheckResult(about="xiv:full", check="the-cost-can-be-counted", state="passed")
BAD = CheckResult(
    about="xiv:full",
    check="features-are-deterministic",
    state="failed",
    detail="visible features are others at the second time",
    file="/home/me/my_method/method.py",
    line=41,
    mend="Draw no random numbers in extract.",
)
WAITING = tuple(
    CheckResult(
        about="xiv:full",
        check=check,
        state="not run",
        detail="nothing can be told while 'features-are-deterministic' is not mended",
    )
    for check in ("features-are-independent-of-the-batch", "features-are-independent-of-the-order")
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Let a check of a plugin find nothing, or what `finds` names; note what it is asked."""
    calls: list[dict[str, Any]] = []

    def check(plugin: Any, wanted: Any, **options: Any) -> PluginReport:
        calls.append({"plugin": plugin.name, "wanted": wanted, **options})
        options["listener"](1, 2)
        found = (GOOD, BAD, *WAITING) if "epochs=3" in wanted.assignments else (GOOD,)
        return PluginReport(plugin=plugin.name, package=plugin.distribution, checks=found)

    monkeypatch.setattr(process, "check_plugin", check)
    return calls


def test_a_plugin_without_a_fault_ends_with_how_many_checks_passed(
    bench: Bench, asked: list[dict[str, Any]]
) -> None:
    result = bench("plugin", "check", "xiv", "--variant", "mean", "--timeout", "7")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "1 passed"
    assert asked[0]["plugin"] == "xiv"
    assert asked[0]["wanted"].methods == ("xiv",)
    assert asked[0]["wanted"].variants == ("mean",)
    assert asked[0]["timeout_seconds"] == 7


def test_a_fault_is_shown_with_its_place_and_what_mends_it(
    bench: Bench, asked: list[dict[str, Any]]
) -> None:
    result = bench("plugin", "check", "xiv", "--set", "epochs=3")
    assert result.exit_code == 1
    text = " ".join(result.stdout.split())
    assert "others at the second time. In vireid-bench" in text
    assert "/home/me/my_method/method.py, line 41." in text
    assert "To mend it: Draw no random numbers in extract." in text
    assert result.stderr.splitlines()[-1].startswith("Error: plugin 'xiv' (vireid-bench")
    assert result.stderr.splitlines()[-1].endswith("1 passed, 1 failed, 2 not run")
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_what_was_not_run_is_told_once_with_all_that_wait_for_it(
    bench: Bench, asked: list[dict[str, Any]]
) -> None:
    result = bench("plugin", "check", "xiv", "--set", "epochs=3")
    text = " ".join(result.stdout.split())
    waiting = ", ".join(result.check for result in WAITING)
    assert f"not run: {waiting}: nothing can be told while" in text
    assert text.count("nothing can be told") == 1


def test_json_has_every_check(bench: Bench, asked: list[dict[str, Any]]) -> None:
    result = bench("plugin", "check", "xiv", "--set", "epochs=3", "--json")
    document = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (document["plugin"], document["passed"]) == ("xiv", False)
    assert [check["state"] for check in document["checks"]] == [
        "passed", "failed", "not run", "not run",
    ]  # fmt: skip
    assert document["checks"][1]["line"] == 41


def test_an_unknown_name_or_variant_is_one_line(bench: Bench) -> None:
    result = bench("plugin", "check", "xvi")
    assert result.exit_code == 2
    assert "unknown method, re-ranker or plugin 'xvi'; did you mean 'xiv'?" in result.stderr
    result = bench("plugin", "check", "xiv", "--variant", "men")
    assert result.exit_code == 2
    assert "unknown variant of xiv 'men'; did you mean 'mean'?" in result.stderr


def test_what_is_written_is_told_with_what_comes_next(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = bench("plugin", "new", "my-method")
    assert result.exit_code == 0
    assert "pip install --editable ./my-method" in result.stdout
    assert "bench plugin check my-method" in result.stdout
    document = json.loads(bench("plugin", "new", "other", "--output", "my place", "--json").stdout)
    assert document["folder"] == "my place"
    assert document["next_commands"][0] == "pip install --editable './my place'"


def test_a_name_that_is_taken_is_one_line(bench: Bench) -> None:
    result = bench("plugin", "new", "xiv")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: xiv: vireid-bench")
    assert len(result.stderr.splitlines()) == 1
