"""`bench leaderboard --verify`: results that are held to their features before they are shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from bench_core.contracts.errors import UsageError
from bench_core.system.escaping import terminal_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bench_core.contracts.result import ResultRecord
    from bench_core.plugins import Registry


@dataclass(frozen=True)
class Verified:
    """Records that may be shown.

    Attributes:
        records: By their file: all but those that are not what their features give.
        recomputed: Digests of those that their features gave in this very run.
        failures: What is wrong with the others, one line each.
    """

    records: Mapping[Path, ResultRecord]
    recomputed: frozenset[str] = frozenset()
    failures: tuple[str, ...] = ()


def verify_records(
    registry: Registry,
    stored: Mapping[Path, ResultRecord],
    features: Path | None,
    splits: Sequence[Path],
) -> Verified:
    """Hold records to the features below a folder, and say how many were.

    Args:
        registry: The plugins.
        stored: The records by their file.
        features: The folder; None where records are shown as they are.
        splits: Folders of split files, or roots of datasets.

    Raises:
        UsageError: What is given is no folder, or what scores features is not installed.
    """
    if features is None:
        return Verified(stored)
    try:
        from bench_core.verification import records as verification
    except ModuleNotFoundError as error:  # where the leaderboard is installed alone
        raise UsageError(
            f"--verify scores features, for which {error.name} is missing; install all that "
            "vireid-bench requires"
        ) from error

    found = verification.verify_records(registry, stored, [features], splits)
    for note in found.notes:
        click.echo(f"Note: {terminal_line(note)}", err=True)
    click.echo(f"recomputed {len(found.recomputed)} of {len(stored)} results", err=True)
    return Verified(
        {path: record for path, record in stored.items() if path not in found.failed},
        found.recomputed,
        tuple(found.failed.values()),
    )
