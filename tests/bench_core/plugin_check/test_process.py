"""A plugin that never ends, or that ends its process, is named, and so is the line."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest

from bench_core.plugin_check import process
from bench_core.plugin_check.process import Wanted, check_plugin
from bench_core.plugin_check.report import PluginReport
from bench_core.plugins import PluginInfo
from bench_core.system.apart import Ended

NAMES = runpy.run_path(str(Path(__file__).parent / "doubles.py"))
ABOUT = "stranger_here"


def check(*changes: tuple[str, str, str]) -> PluginReport:
    NAMES["write"](Path.cwd(), ABOUT, *changes)
    return check_plugin(
        PluginInfo(name="stranger", module=ABOUT, distribution="stranger 2.1"),
        Wanted(),
        timeout_seconds=6,
        listener=lambda _done, _known: None,
    )


@pytest.fixture(autouse=True)
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("__import__('time').sleep(600)", "it did not end within 6 s; give it longer"),
        ("print('farewell', flush=True); __import__('os')._exit(0)", "exit code 0"),
    ],
)
def test_the_check_at_which_the_process_ends_has_failed(
    line: str, says: str, tmp_path: Path
) -> None:
    report = check(*NAMES["extracts"](line))
    states = {result.check: result for result in report.checks}
    failed = states["features-have-the-contracted-shape"]
    assert failed.state == "failed"
    assert says in failed.detail
    if "sleep" in line:
        assert (failed.file, failed.line) == (
            str(tmp_path / ABOUT / "method.py"),
            (tmp_path / ABOUT / "method.py").read_text().split(line)[0].count("\n") + 1,
        )
    else:
        assert "farewell" in failed.detail
    assert states["unknown-keys-are-refused"].state == "passed"
    behind = states["the-network-is-not-used"]
    assert (behind.state, behind.mend) == ("not run", "")
    assert "features-have-the-contracted-shape" in behind.detail
    assert report.package == "stranger 2.1"


def test_a_process_that_ends_between_two_groups_is_no_success(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def run_apart(command: list[str], **_: object) -> Ended:
        passed = {"about": ABOUT, "check": "it-is-registered", "state": "passed"}
        documents = [{"coming": [{**passed, "state": "not run"}]}, {"result": passed}]
        answers = Path(json.loads(Path(command[-1]).read_text())["answers"])
        answers.write_text("".join(f"{json.dumps(document)}\n" for document in documents))
        return Ended(code=0, killed=False, num_printed=4, printed="bye\n")

    monkeypatch.setattr(process, "run_apart", run_apart)
    report = check()
    assert not report.passed
    assert report.checks[0].state == "passed"
    assert report.checks[1].state == "failed"
    assert "exit code 0; the last it printed: bye" in report.checks[1].detail
