"""The checks of what a plugin does when it is registered: nothing but that, and fast."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from bench_core.contracts.errors import PluginError
from bench_core.entry_modules import EntryLook, look_in_process
from bench_core.system.guard import Deed
from bench_core.testing.checks import Check
from bench_core.testing.conformance import DeedError

LOADED = "it-is-registered"


def registration_checks(module: str) -> list[Check]:
    """Return the checks of an entry module, which one process of its own serves.

    Args:
        module: What the entry point names.

    Returns:
        Checks, in the order of what they build on.
    """
    entry = _Entry(module)
    return [
        Check(
            f"{module}:{LOADED}",
            entry.is_registered,
            "entry",
            "Mend the module that the entry point names; 'bench list plugins' tells what it says.",
        ),
        Check(
            f"{module}:registering-loads-no-heavy-library",
            entry.loads_no_heavy_library,
            "entry",
            "Import nothing but bench_core at the top of the entry module, and name the method's "
            'class as text ("module:Class"): every command of bench loads the entry module.',
            (LOADED,),
        ),
        Check(
            f"{module}:registering-prints-nothing",
            entry.prints_nothing,
            "entry",
            "Take the print out of the entry module: it would be seen with every command.",
            (LOADED,),
        ),
        Check(
            f"{module}:registering-changes-nothing",
            entry.changes_nothing,
            "entry",
            "An entry module writes no file and reaches no network.",
            (LOADED,),
        ),
    ]


class _Entry:
    def __init__(self, module: str) -> None:
        self._module = module

    @cached_property
    def _look(self) -> EntryLook:
        return look_in_process(self._module)

    def is_registered(self) -> None:
        if self._look.error is None:
            return
        message = f"it cannot be registered: {self._look.error}"
        raise DeedError(message, self._look.place) if self._look.place else PluginError(message)

    def loads_no_heavy_library(self) -> None:
        if not self._look.heavy:
            return
        message = f"registering loads {', '.join(self._look.heavy)}"
        _refuse([deed for deed in self._look.deeds if deed.kind == "import"], message)
        raise PluginError(message)  # by a way that no line of the plugin is known for

    def prints_nothing(self) -> None:
        if self._look.printed:
            raise PluginError(f"registering prints: {self._look.printed}")

    def changes_nothing(self) -> None:
        deeds = [deed for deed in self._look.deeds if deed.kind != "import"]
        _refuse(deeds, f"registering does more: {deeds[0].what}" if deeds else "")


def _refuse(deeds: Sequence[Deed], message: str) -> None:
    if deeds:
        raise DeedError(message, deeds[0].place)
