"""What a check is: one rule, bound to a plugin, with what to do where the plugin breaks it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One rule, bound to a plugin; `run` raises where the plugin breaks it.

    What is raised is a `bench_core.PluginError` where the plugin returned or did something wrong,
    and any error of the plugin's own where it failed.

    Attributes:
        name: Such as "my-method:full:features-are-deterministic".
        run: Tries it.
        part: The method's attribute that it is about, such as "extract"; empty for none.
        mend: What to do where it fails: one sentence or two.
        needs: The last words of the names of the checks without which it tells nothing.
    """

    name: str
    run: Callable[[], None]
    part: str = ""
    mend: str = ""
    needs: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name

    @property
    def rule(self) -> str:
        """The last word of the name."""
        return self.name.rpartition(":")[2]
