"""Calls a stranger's function in a process of its own, with a limit of time, and hears its answers.

The process works in a folder that is removed afterwards, and leaves no compiled files beside the
script. What it prints is counted and kept off our output.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench_core.contracts.errors import BenchError, UsageError
from bench_core.system.apart import GRACE_SECONDS, Ended, read_documents, run_apart
from bench_core.system.escaping import terminal_line
from bench_core.xray.child import Job
from bench_core.xray.forms import FORMS

_OWN_ROOT = str(Path(__file__).parents[2])
_START = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from bench_core.xray.child import main; main(sys.argv[2])"
)
"""Our root comes last: it must hide no module from a stranger's script."""


@dataclass(frozen=True)
class Failure:
    """What a call raised.

    Attributes:
        error: Kind and message, one line.
        place: File and line, as far as they are known.
    """

    error: str
    place: str

    def __str__(self) -> str:
        return f"{self.error}{self.place}"


@dataclass(frozen=True, kw_only=True)
class Transcript:
    """What a function did with the probes of a form.

    Attributes:
        form: Name of the form.
        defaults: Default of each of its parameters that has one, as Python writes it.
        returned: By probe, what it returned, as `bench_core.xray.forms.describe` puts it.
        failed: By probe, what it raised.
        changed: Names of arguments that it changed.
        num_printed: Characters that it printed.
    """

    form: str
    defaults: Mapping[str, str] = field(default_factory=dict)
    returned: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    failed: Mapping[str, Failure] = field(default_factory=dict)
    changed: tuple[str, ...] = ()
    num_printed: int = 0


def call(
    script: Path,
    function: str,
    *,
    form: str = "auto",
    arrays: str = "auto",
    timeout_seconds: float = 60,
) -> Transcript:
    """Call a function with the probes of a form.

    Args:
        script: The file that defines it.
        function: Its name.
        form: Name of a form; "auto" finds it by how many arguments the function must be given.
        arrays: "numpy" or "torch": in what features are given; "auto" as the form has them.
        timeout_seconds: The most that all calls together may take.

    Returns:
        What it did.

    Raises:
        UsageError: There is no such file or function, or no form that fits.
        BenchError: The script cannot be loaded, the function ends the process, or time is up.
    """
    if not script.is_file():
        raise UsageError(f"there is no file {script}; name one as script.py:function")
    with tempfile.TemporaryDirectory(prefix="bench-xray-") as folder:
        job = _write_job(Path(folder), script, function, form, arrays, timeout_seconds)
        ended = run_apart(
            [sys.executable, "-B", "-c", _START, _OWN_ROOT, str(Path(folder) / "job.json")],
            folder=Path(folder) / "work",
            limit_seconds=timeout_seconds + GRACE_SECONDS,
        )
        documents = read_documents(Path(job.answers))
        stack = Path(job.stack)
        stood = stack.read_text(errors="replace") if stack.exists() else ""
    transcript = make_transcript(documents, num_printed=ended.num_printed)
    _check_loaded(documents, script, function)
    missing = _missing(transcript)
    if missing is not None:
        raise BenchError(_why_missing(script, function, missing, ended, stood, timeout_seconds))
    return transcript


def make_transcript(documents: Sequence[Mapping[str, Any]], *, num_printed: int = 0) -> Transcript:
    """Gather what `bench_core.xray.child.call_with_probes` yielded."""
    nothing: Mapping[str, Any] = {"form": "", "defaults": {}}
    start = next((one for one in documents if "form" in one), nothing)
    calls = [one for one in documents if "probe" in one]
    changed = {name: None for one in calls for name in one.get("changed", ())}
    return Transcript(
        form=start["form"],
        defaults=start["defaults"],
        returned={one["probe"]: one["returned"] for one in calls if "returned" in one},
        failed={one["probe"]: _failure(one["failed"]) for one in calls if "failed" in one},
        changed=tuple(changed),
        num_printed=num_printed,
    )


def _failure(document: Mapping[str, Any]) -> Failure:
    file, line = document["file"], document["line"]
    return Failure(document["error"], f", in {file}, line {line}" if file else "")


def _check_loaded(documents: Sequence[Mapping[str, Any]], script: Path, function: str) -> None:
    """Refuse what cannot be called.

    Raises:
        UsageError: There is no such function, or no form fits.
        BenchError: The script cannot be loaded.
    """
    for document in documents:
        if "not_loaded" in document:
            failure = _failure(document["not_loaded"])
            raise BenchError(
                f"{script} cannot be loaded: {failure}; all of it runs, as for an import and "
                f"without arguments: put {function} into a file of its own, or what runs behind "
                "if __name__ == '__main__'"
            )
        if "no_function" in document:
            known = ", ".join(document["no_function"]) or "none"
            raise UsageError(f"{script} has no function '{function}'; its functions are {known}")
        if "no_form" in document:
            calls = "; ".join(f"{name} {form.call}" for name, form in FORMS.items())
            raise UsageError(
                f"{script}: {function}{document['no_form']} is called in no form that is known by "
                f"the number of arguments that it must be given; name the form with --form, or "
                f"write a function of one of these forms that calls it: {calls}"
            )


def _missing(transcript: Transcript) -> str | None:
    """Return the first probe that was not answered; "" where the function was not even found."""
    if not transcript.form:
        return ""
    answered = transcript.returned.keys() | transcript.failed.keys()
    return next((name for name in FORMS[transcript.form].probes if name not in answered), None)


def _why_missing(  # all that is known of the end of a process
    script: Path, function: str, probe: str, ended: Ended, stood: str, timeout_seconds: float
) -> str:
    where = f"on the probe '{probe}'" if probe else "while it was loaded"
    if ended.killed or stood:
        return (
            f"{script}:{function} did not end within {timeout_seconds:g} s, {where}"
            f"{_place(stood, script)}; give it longer with --timeout"
        )
    said = f"; the last it printed: {terminal_line(ended.printed[-200:])}" if ended.printed else ""
    return f"{script}:{function} ended the process with exit code {ended.code}, {where}{said}"


def _place(stood: str, script: Path) -> str:
    """Return the line of the script, or else the innermost line, that Python was at."""
    lines = re.findall(r'File "([^"]+)", line (\d+)', stood)
    own = [line for line in lines if Path(line[0]).resolve().parent == script.resolve().parent]
    for file, number in own or lines:
        return f", in {file}, line {number}"
    return ""


def _write_job(  # it is what a job consists of
    folder: Path, script: Path, function: str, form: str, arrays: str, timeout_seconds: float
) -> Job:
    (folder / "work").mkdir()
    job = Job(
        script=str(script.resolve()),
        function=function,
        form=form,
        arrays=arrays,
        images=str(folder / "SYSU-MM01"),
        answers=str(folder / "answers.jsonl"),
        stack=str(folder / "stack.txt"),
        timeout_seconds=timeout_seconds,
    )
    (folder / "job.json").write_text(json.dumps(asdict(job)), encoding="utf-8")
    return job
