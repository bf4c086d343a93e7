"""Whether every trial of every protocol can be drawn, and nobody is trained on and tested."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from bench_core.contracts.dataset import Dataset
from bench_core.contracts.errors import DataError
from bench_core.contracts.protocol import EvaluationProtocol, ProtocolSpec
from bench_core.data.verification.findings import Finding
from bench_core.loading import load_protocol

if TYPE_CHECKING:
    import pandas as pd


def check_splits(dataset: Dataset, protocols: Sequence[ProtocolSpec]) -> Iterator[Finding]:
    """Report what keeps the protocols of a dataset from being run on it.

    Args:
        dataset: The dataset.
        protocols: Its protocols.
    """
    found: dict[str, list[str]] = {}
    for spec in protocols:
        protocol = load_protocol(spec, dataset.splits)
        faults = [
            *_leaks(dataset.images, protocol),
            *_undrawable(dataset.images, protocol),
        ]
        for fault in dict.fromkeys(faults):
            found.setdefault(fault, []).append(spec.id)
    if found:
        yield Finding(
            kind="splits",
            severity="problem",
            message="trainings and trials that cannot be made of these images and split files",
            examples=tuple(
                f"{'every protocol' if len(ids) == len(protocols) else ', '.join(ids)}: {fault}"
                for fault, ids in found.items()
            ),
        )


def _leaks(images: pd.DataFrame, protocol: EvaluationProtocol) -> Iterator[str]:
    """Say of each training split whether people of it are tested."""
    trials = range(protocol.spec.num_trials)
    for split in dict.fromkeys(protocol.training_split(trial) for trial in trials):
        try:
            trained, tested = (
                set(images["identity"].iloc[rows].tolist())
                for rows in (
                    protocol.training_rows(images, split),
                    protocol.test_rows(images, split),
                )
            )
        except DataError as error:
            yield str(error)
            continue
        if both := trained & tested:
            yield (
                f"training split '{split}': {len(both)} of its people are tested, too, such as "
                f"identity {min(both)}"
            )


def _undrawable(images: pd.DataFrame, protocol: EvaluationProtocol) -> Iterator[str]:
    """Say why trials cannot be drawn."""
    for convention in protocol.spec.conventions:
        for trial in range(protocol.spec.num_trials):
            try:
                protocol.trial(images, convention, trial)
            except DataError as error:
                yield str(error)
