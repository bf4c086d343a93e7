"""What happens when a plugin is registered, seen from a process of its own that has loaded nothing.

`look_in_process` starts it; `look` is what it runs, and loads no numerical library by itself.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Collection
from dataclasses import asdict, dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from bench_core.contracts.hooks import ENTRY_POINT_GROUP
from bench_core.plugins import load_registry
from bench_core.system.escaping import terminal_line
from bench_core.system.guard import Deed, Guard, Place, raised_in

HEAVY = ("torch", "torchvision", "numpy", "pandas", "scipy", "PIL", "pydantic", "matplotlib")
"""Libraries that take so long to load that every command would be slow."""
SECONDS = 60.0
"""The most that registering may take."""
_PROGRAM = (
    "import json, sys; module, answer, sys.path[:] = json.loads(sys.argv[1]); "
    "from bench_core.entry_modules import look; look(module, answer)"
)


@dataclass(frozen=True, kw_only=True)
class EntryLook:
    """What registering did.

    Attributes:
        error: Why it failed; None where it did not.
        place: Where it failed, as far as that is known.
        printed: What it printed, on one line.
        heavy: The libraries of `HEAVY` that it loaded.
        deeds: Connections, files written and imports of heavy libraries, with their lines.
        methods: Ids of the methods that it registers.
    """

    error: str | None
    place: Place | None = None
    printed: str
    heavy: tuple[str, ...]
    deeds: tuple[Deed, ...]
    methods: tuple[str, ...] = ()


def look(module: str, answer: str) -> None:
    """Load an entry module as `bench` does, and write what it did.

    Args:
        module: Its name.
        answer: The file to write to, a JSON document.
    """
    guard = Guard([module.partition(".")[0]], [Path(tempfile.gettempdir())], HEAVY)
    before = set(sys.modules)
    with guard.watching():
        registry = load_registry([EntryPoint(module, module, ENTRY_POINT_GROUP)])
    error = registry.plugins[0].error
    place = _place_of_failure(module, guard.packages) if error is not None else None
    document = {
        "error": error,
        "place": None if place is None else asdict(place),
        "heavy": [name for name in HEAVY if name in set(sys.modules) - before],
        "deeds": [asdict(deed) for deed in guard.deeds],
        "methods": [] if registry.conflicts else list(registry.methods),
    }
    Path(answer).write_text(json.dumps(document), encoding="utf-8")


def look_in_process(module: str, seconds: float = SECONDS) -> EntryLook:
    """Load an entry module in a process of its own.

    Args:
        module: Its name, as an entry point gives it.
        seconds: The most that it may take.

    Returns:
        What it did; a process that did not end, or ended by itself, is an error of the plugin.
    """
    with tempfile.TemporaryDirectory(prefix="bench-entry-") as name:
        answer = Path(name) / "answer.json"
        given = json.dumps([module, str(answer), sys.path])
        command = [sys.executable, "-B", "-c", _PROGRAM, given]
        try:
            done = subprocess.run(
                command,
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=seconds,
            )
        except subprocess.TimeoutExpired:
            return _failed(f"it was not registered within {seconds:g} s")
        printed = terminal_line(done.stdout.decode(errors="replace"), longest=200)
        if done.returncode or not answer.exists():
            return _failed(f"it ended the process with exit code {done.returncode}", printed)
        return _read(json.loads(answer.read_text(encoding="utf-8")), printed)


def _place_of_failure(module: str, packages: Collection[str]) -> Place | None:
    """Load a module that could not be registered once more, for the line at which it fails."""
    try:
        loaded = importlib.import_module(module)
        for name, function in vars(loaded).items():
            if name.startswith("bench_register_") and name != "bench_register_commands":
                function()
    except BaseException as error:  # noqa: BLE001  # a stranger's module may raise anything
        return raised_in(error, packages)
    return None


def _failed(error: str, printed: str = "") -> EntryLook:
    return EntryLook(error=error, printed=printed, heavy=(), deeds=())


def _read(document: dict[str, Any], printed: str) -> EntryLook:
    deeds = [{**deed, "place": Place(**deed["place"])} for deed in document["deeds"]]
    return EntryLook(
        error=document["error"],
        place=None if document["place"] is None else Place(**document["place"]),
        printed=printed,
        heavy=tuple(document["heavy"]),
        deeds=tuple(Deed(**deed) for deed in deeds),
        methods=tuple(document["methods"]),
    )
