"""What features are scored with: split files and, where they are at hand, images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench_core.contracts.errors import DataError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from bench_core.contracts.dataset import Splits
    from bench_core.contracts.protocol import ProtocolSpec
    from bench_core.plugins import Registry


def check_root(root: Path | None) -> None:
    """Refuse a root that is no folder before anything is read, also where it would not be used.

    Raises:
        UsageError: `--data` names no folder.
    """
    if root is not None and not root.is_dir():
        raise UsageError(f"--data {root} is not a folder")


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
    check_root(root)
    if folder is not None and not folder.is_dir():
        raise UsageError(f"--splits {folder} is not a folder")
    chosen = folder or root
    assert chosen is not None  # noqa: S101  # one of the two is given

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
