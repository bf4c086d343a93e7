"""What features are scored with: split files and, where they are at hand, images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench_core.contracts.errors import DataError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from bench_core.contracts.dataset import Splits
    from bench_core.contracts.protocol import ProtocolSpec
    from bench_core.plugins import Registry


def read_splits(
    registry: Registry, protocol: ProtocolSpec, folder: Path | None, root: Path | None
) -> Splits:
    """Read the split files of a protocol's dataset.

    Raises:
        UsageError: Not one of the two is given, or what is given is no folder.
        DataError: A split file is missing, malformed or may not be read.
    """
    if (folder is None) == (root is None):
        raise UsageError("give --splits DIR or --data ROOT, one of the two")
    chosen = folder or root
    if chosen is None or not chosen.is_dir():
        raise UsageError(f"--{'splits' if folder else 'data'} {chosen} is not a folder")

    from bench_core.data.opening import open_splits

    return open_splits(registry.dataset(protocol.dataset), chosen)


def look_at_images(
    registry: Registry, protocol: ProtocolSpec, root: Path | None
) -> tuple[str, ...]:
    """Say, where a dataset's root is at hand, what differs from the published dataset."""
    if root is None:
        return ()
    from bench_core.data.opening import open_dataset
    from bench_core.data.verification.first_look import look_at
    from bench_core.pipeline.inputs import tell_findings

    spec = registry.dataset(protocol.dataset)
    try:
        findings = look_at(spec, open_dataset(spec, root))
    except DataError as error:  # the split files alone are enough to score
        findings = (f"its images could not be looked at: {error}",)
    tell_findings(spec, root, findings)
    return findings
