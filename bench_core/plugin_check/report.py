"""What a check of a plugin found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal, TypeAlias

State: TypeAlias = Literal["passed", "failed", "not run"]


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """What one check found.

    Attributes:
        about: The entry module, the method with its variant, or the re-ranker.
        check: The rule.
        state: "passed", "failed" or "not run".
        detail: What is wrong, or why it was not run; empty where it passed.
        file: Where, in the plugin's own code; None where that is not known.
        line: The line there.
        mend: What to do; empty where it did not fail.
    """

    about: str
    check: str
    state: State
    detail: str = ""
    file: str | None = None
    line: int | None = None
    mend: str = ""


@dataclass(frozen=True, kw_only=True)
class PluginReport:
    """What all checks of a plugin found.

    Attributes:
        plugin: Name of the entry point.
        package: The distribution and its version.
        checks: The checks.
    """

    plugin: str
    package: str
    checks: tuple[CheckResult, ...]

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.state == "passed" for check in self.checks)

    def summary(self) -> str:
        """Return how many checks passed, failed and were not run, in words."""
        counts = Counter(check.state for check in self.checks)
        shown = [f"{counts[state]} {state}" for state in ("passed", "failed", "not run")]
        return ", ".join(text for text in shown if not text.startswith("0 "))

    def as_document(self) -> dict[str, object]:
        """Return the report as JSON values."""
        return {
            "plugin": self.plugin,
            "package": self.package,
            "passed": self.passed,
            "checks": list(self.checks),
        }
