"""The errors that a user may meet: each is one line that names the cause and the way out."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MOST_BESIDE_A_SUGGESTION = 12
"""Known names that are listed where one of them is suggested; more would bury it."""


class BenchError(Exception):
    """Root of every error meant for the user's eyes; the command line exits with `exit_code`."""

    exit_code = 1


class UsageError(BenchError):
    """The command was asked for something that does not exist or cannot be combined."""

    exit_code = 2


class DataError(BenchError):
    """A dataset, an image, a split file or a feature file is not what it must be."""


class CheckpointError(BenchError):
    """A checkpoint is unreadable, or belongs to another training."""


class TrainingError(BenchError):
    """A training cannot go on, such as when a loss is no longer finite."""


class PluginError(BenchError):
    """A plugin breaks its contract, or two plugins claim the same id."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """Build the error for a name that is not registered, with the nearest right one.

    Args:
        kind: What the name should have been, such as "method".
        name: The name as the user gave it.
        known: The names that exist.

    Returns:
        A usage error that suggests the nearest of the known names, and lists them all where they
        are few or none is near.
    """
    choices = sorted(known)
    nearest = difflib.get_close_matches(name, choices, n=1, cutoff=0.5)
    suggestion = f"; did you mean '{nearest[0]}'?" if nearest else ""
    listed = not nearest or len(choices) <= MOST_BESIDE_A_SUGGESTION
    names = f" (known: {', '.join(choices) or 'none'})" if listed else ""
    return UsageError(f"unknown {kind} '{name}'{suggestion}{names}")
