"""What a verification finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Severity: TypeAlias = Literal["problem", "note"]
"""A problem would change a score; a note is worth knowing."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One kind of thing that was found, and where.

    Attributes:
        kind: Short name of the kind.
        severity: "problem" or "note".
        message: What it means and, for a problem, the way out.
        examples: Every file or place that was found, one line each.
    """

    kind: str
    severity: Severity
    message: str
    examples: tuple[str, ...]
