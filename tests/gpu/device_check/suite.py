"""The tests that are marked `gpu`, each by its name."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from device_check.notes import Deadline, Notes

if TYPE_CHECKING:
    from device_check.setting import Setting

ROOT = Path(__file__).parents[3]
MARK = "mark.gpu"
OPTIONS = (
    *("-m", "gpu", "-q", "--no-header", "--tb=short", "-p", "no:xdist", "-p", "no:cacheprovider"),
    # Any Python and PyTorch within our bounds: their own warnings are not ours.
    *("--override-ini", "filterwarnings=", "--rootdir", str(ROOT)),
)


def run_gpu_tests(setting: Setting, notes: Notes, deadline: Deadline) -> None:
    """Run every test that is marked `gpu`; what pytest itself says goes into pytest.txt."""
    files = gpu_test_files(ROOT / "tests")
    chosen = files[:1] if setting.small else files
    with _outside_of_capture() as say, (setting.folder / "pytest.txt").open("w") as output:
        reporter = Reporter(Notes(notes.path, say), deadline)
        with contextlib.redirect_stdout(output), contextlib.chdir(ROOT):
            code = pytest.main([*OPTIONS, *map(str, chosen)], plugins=[reporter])
    for name in reporter.remaining():
        notes.cut(name)
    known = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)
    notes.check("pytest ran", code in known, f"it ended by {code!r}; see pytest.txt")


def gpu_test_files(folder: Path) -> list[Path]:
    """Return the test files that use the mark."""
    return sorted(path for path in folder.rglob("test_*.py") if MARK in path.read_text())


class Reporter:
    """Notes each test when it ends, and stops where no time is left."""

    def __init__(self, notes: Notes, deadline: Deadline) -> None:
        self._notes, self._deadline = notes, deadline
        self._names: list[str] = []
        self._ran: set[str] = set()

    def remaining(self) -> list[str]:
        """Return the tests that were not run."""
        return [name for name in self._names if name not in self._ran]

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Remember what is to be run."""
        self._names = [item.nodeid for item in session.items]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a file that cannot be imported."""
        if report.failed:
            self._notes.failed(report.nodeid, _last_line(report.longreprtext))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what a test came to."""
        self._ran.add(report.nodeid)
        if report.failed:
            where = "" if report.when == "call" else f"in {report.when}: "
            self._notes.failed(report.nodeid, where + _last_line(report.longreprtext))
        elif report.skipped:
            reason: Any = report.longrepr
            text = reason[2] if isinstance(reason, tuple) else reason
            self._notes.skipped(report.nodeid, str(text).removeprefix("Skipped: "))
        elif report.when == "call":
            self._notes.passed(report.nodeid, f"{report.duration:.1f} s")

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logfinish(self) -> None:
        """Stop where no time is left."""
        if not self._deadline.left and self._session is not None:
            self._session.shouldstop = "no time is left"

    _session: pytest.Session | None = None

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Remember what can be stopped."""
        self._session = session


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line.removeprefix("E").strip() for line in lines if line.startswith("E ")]
    return (errors or lines or [""])[0][:300]


@contextlib.contextmanager
def _outside_of_capture() -> Iterator[Any]:
    """Give a way to this process' standard output while pytest holds that."""
    with os.fdopen(os.dup(1), "w", buffering=1) as stream:
        yield stream.write
