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


def printable(text: str) -> str:
    """Escape what neither a terminal nor UTF-8 can show: file names may hold any bytes."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )
