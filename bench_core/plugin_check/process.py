"""Checks a plugin in a process of its own, which the plugin may end, or never end, as it likes."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from bench_core.contracts.errors import BenchError, UsageError
from bench_core.plugin_check.report import CheckResult, PluginReport
from bench_core.plugins import PluginInfo
from bench_core.system.apart import GRACE_SECONDS, Ended, read_documents, run_apart
from bench_core.system.escaping import terminal_line

_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from bench_core.plugin_check.child import main; main(sys.argv[2])"
)

Listener: TypeAlias = Callable[[int, int], None]
"""Told how many checks are done, and of how many that are known by then."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What of a plugin is checked.

    Attributes:
        methods: Ids of its methods.
        rerankers: Ids of its re-rankers; where no id of either is named, all are checked.
        variants: Names of their variants; empty for all.
        assignments: `key=value` texts.
    """

    methods: tuple[str, ...] = ()
    rerankers: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    assignments: tuple[str, ...] = ()


def check_plugin(
    plugin: PluginInfo, wanted: Wanted, *, timeout_seconds: float, listener: Listener
) -> PluginReport:
    """Run the conformance suite on an installed plugin.

    Args:
        plugin: The plugin.
        wanted: What of it is checked.
        timeout_seconds: The most that each check may take.
        listener: Told of each check that is done.

    Returns:
        What each check found. Where the process ended, the check that it was at has failed, and
        those behind it were not run.

    Raises:
        UsageError: A text of `assignments` does not fit the method or re-ranker.
        BenchError: The process ended before it began the first check.
    """
    with tempfile.TemporaryDirectory(prefix="bench-plugin-") as name:
        folder = Path(name)
        for inner in ("work", "temporary"):
            (folder / inner).mkdir()
        job = {
            "module": plugin.module,
            **asdict(wanted),
            "answers": str(folder / "answers.jsonl"),
            "stack": str(folder / "stack.txt"),
            "timeout_seconds": timeout_seconds,
        }
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        progress = _Progress(Path(job["answers"]), listener)
        ended = run_apart(
            [sys.executable, "-B", "-c", _START, json.dumps(sys.path), str(folder / "job.json")],
            folder=folder / "work",
            limit_seconds=timeout_seconds + GRACE_SECONDS,
            environment={"TMPDIR": str(folder / "temporary")},
            has_moved=progress.has_moved,
        )
        progress.has_moved()  # what came since it was last asked
        documents = read_documents(Path(job["answers"]))
        stood = folder / "stack.txt"
        stack = stood.read_text(errors="replace") if stood.exists() else ""
    if refused := next((one["refused"] for one in documents if "refused" in one), None):
        raise UsageError(refused)
    results = _results(documents)
    if not results:
        raise BenchError(f"{plugin} could not be checked: {_last_words(ended)}")
    if not any("finished" in one for one in documents):
        results = _blame(results, _why(ended, stack, timeout_seconds), stack)
    return PluginReport(plugin=plugin.name, package=plugin.distribution, checks=tuple(results))


class _Progress:
    """Follows the file that the process writes to."""

    def __init__(self, answers: Path, listener: Listener) -> None:
        self._answers, self._listener, self._size = answers, listener, 0

    def has_moved(self) -> bool:
        size = self._answers.stat().st_size if self._answers.exists() else 0
        moved, self._size = size != self._size, size
        if moved:
            documents = read_documents(self._answers)
            self._listener(
                sum("result" in one for one in documents),
                sum(len(one.get("coming", ())) for one in documents),
            )
        return moved


def _results(documents: Sequence[Mapping[str, Any]]) -> list[CheckResult]:
    """Return every check that was to come, with what it found where it was run."""
    coming = [CheckResult(**one) for document in documents for one in document.get("coming", ())]
    found = [CheckResult(**document["result"]) for document in documents if "result" in document]
    by_name = {(result.about, result.check): result for result in found}
    return [by_name.get((result.about, result.check), result) for result in coming]


def _blame(results: Sequence[CheckResult], why: str, stack: str) -> list[CheckResult]:
    """Let the first check without a finding fail, and tell why those behind it were not run.

    Where all have one, the process ended between two groups of checks, which then has failed.
    """
    file, line = _stood(stack)
    blamed = list(results)
    waiting = [number for number, result in enumerate(results) if _is_open(result)]
    if not waiting:
        about, between = results[-1].about, "what-comes-next-is-begun"
        blamed.append(CheckResult(about=about, check=between, state="not run"))
        waiting = [len(results)]
    first = blamed[waiting[0]]
    for number in waiting:
        detail = f"the process ended at '{first.check}'"
        blamed[number] = replace(blamed[number], detail=detail, mend="")
    blamed[waiting[0]] = replace(first, state="failed", detail=why, file=file, line=line, mend="")
    return blamed


def _is_open(result: CheckResult) -> bool:
    return result.state == "not run" and not result.detail


def _why(ended: Ended, stack: str, timeout_seconds: float) -> str:
    if ended.killed or stack:
        return f"it did not end within {timeout_seconds:g} s; give it longer with --timeout"
    return _last_words(ended)


def _last_words(ended: Ended) -> str:
    said = f"; the last it printed: {terminal_line(ended.printed[-200:])}" if ended.printed else ""
    return f"it ended the process with exit code {ended.code}{said}"


def _stood(stack: str) -> tuple[str | None, int | None]:
    """Return the innermost line that Python was at outside of bench and installed libraries."""
    own = str(Path(__file__).parents[1])
    lines = [
        (file, int(number)) for file, number in re.findall(r'File "([^"]+)", line (\d+)', stack)
    ]
    apart = [line for line in lines if not line[0].startswith((own, "<"))]
    theirs = [line for line in apart if "/torch/" not in line[0]] or apart
    return theirs[0] if theirs else (None, None)
