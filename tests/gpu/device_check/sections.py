"""Sections that run one after the other, each in a process of its own and within its time.

A section that crashes, hangs or takes too long costs its own time and nothing else. The processes
are forked, so that PyTorch is imported once; this one must not touch a CUDA device before.
"""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from device_check.notes import Deadline, Notes, read_lines

Setting = TypeVar("Setting")
FORK = multiprocessing.get_context("fork")
GRACE_SECONDS = 5.0
"""What a section may take beyond its time before it is ended."""
LEAST_SECONDS = 2.0
"""With less than this a section is not begun."""


@dataclass(frozen=True, kw_only=True)
class Section(Generic[Setting]):
    """A part of the check.

    Attributes:
        name: Of the section and, with .jsonl, of its file.
        title: What it does, for people.
        weight: Its share of the time that is left when it begins, relative to those behind it.
        work: Does it; told of the setting, where to note what it finds, and until when.
    """

    name: str
    title: str
    weight: float
    work: Callable[[Setting, Notes, Deadline], None]


def run_sections(
    sections: Sequence[Section[Setting]],
    setting: Setting,
    folder: Path,
    deadline: Deadline,
    after: Callable[[], object] = lambda: None,
) -> None:
    """Run sections in their order; what one leaves of its time, those behind it have.

    Args:
        sections: What to run.
        setting: What each is told.
        folder: Where each leaves `<name>.jsonl`.
        deadline: When all have to be over.
        after: Called after each.
    """
    for place, section in enumerate(sections):
        notes = Notes(folder / f"{section.name}.jsonl")
        notes.path.write_text("")
        share = section.weight / sum(later.weight for later in sections[place:])
        seconds = deadline.left * share
        notes.say(f"{section.title} (within {seconds:.0f} s)\n")
        if seconds < LEAST_SECONDS:
            notes.cut(section.name)
        else:
            run_section(section, setting, notes, seconds)
        after()


def run_section(
    section: Section[Setting], setting: Setting, notes: Notes, seconds: float,
    grace: float = GRACE_SECONDS,
) -> None:  # fmt: skip
    """Run a section in a process of its own, and note how it ended unless it does so itself."""
    process = FORK.Process(target=_in_child, args=(section, setting, notes, seconds, grace))
    process.start()
    try:
        process.join(seconds + grace)
        overran = process.is_alive()
    finally:
        _end(process.pid)
        process.join()
    if overran:
        notes.cut(f"the rest of {section.name}", f"it was ended after {seconds + grace:.0f} s")
    elif not any(line["kind"] == "end" for line in read_lines(notes.path)):
        notes.failed(section.name, f"its process ended by {_ending(process.exitcode)}")


def _in_child(
    section: Section[Setting], setting: Setting, notes: Notes, seconds: float, grace: float
) -> None:
    os.setsid()  # with its own processes it can be ended as a whole
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, signal.SIG_DFL)
    signal.alarm(math.ceil(seconds + grace) + 1)  # also where this check itself was killed
    started = time.monotonic()
    try:
        section.work(setting, notes, Deadline.after(seconds))
    except Exception as error:  # noqa: BLE001  # whatever it is, it is named and the rest goes on
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:500]
        notes.failed(section.name, reason)
        traceback.print_exc()
    notes.end(time.monotonic() - started)


def _end(process_id: int | None) -> None:
    """End a process with all that it has started."""
    if process_id is None:
        return
    for end in (os.killpg, os.kill):  # it may not have made its group yet
        with contextlib.suppress(ProcessLookupError, PermissionError):
            end(process_id, signal.SIGKILL)


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        return signal.Signals(-code).name
    return f"exit {code}"
