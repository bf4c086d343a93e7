"""What the trainings of a matrix will cost, told before any of them starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import torch

from bench_core.contracts.result import ResultRecord
from bench_core.data.cache import ImageStore
from bench_core.pipeline.estimates import estimate_seconds
from bench_core.pipeline.matrix.plan import PlannedTraining
from bench_core.pipeline.methods import build_method
from bench_core.system.devices import fixed_threads
from bench_core.system.files import hash_json
from bench_core.training.data import TrainingData, training_data


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """How long a training will take.

    Attributes:
        seconds: That; None where it is not known.
        measured: Whether trainings of the same configuration with other seeds took so long.
    """

    seconds: float | None
    measured: bool = False


UNKNOWN = Estimate(seconds=None)


def estimate_trainings(
    trainings: Mapping[str, PlannedTraining], records: Iterable[ResultRecord]
) -> dict[str, Estimate]:
    """Estimate how long trainings will take.

    A training of the same configuration with another seed or on another split took as long, if a
    record tells of one in the same number format. Without it the arithmetic of all steps is counted
    and timed on this processor; what runs on another device is not estimated.

    Args:
        trainings: By identity.
        records: Results that are there.

    Returns:
        By identity.
    """
    measured = _measured(records)
    counted: dict[str, Estimate] = {}
    estimates: dict[str, Estimate] = {}
    for identity, planned in trainings.items():
        key = _key_of_plan(planned)
        if key in measured:
            estimates[identity] = Estimate(seconds=median(measured[key]), measured=True)
            continue
        if key not in counted:
            counted[key] = _counted(planned)
        estimates[identity] = counted[key]
    return estimates


def _measured(records: Iterable[ResultRecord]) -> dict[str, list[float]]:
    """Return the seconds of one training each, by what decides how long it takes."""
    measured: dict[str, list[float]] = {}
    for record in records:
        number = len(set(record.provenance.training_identities))
        seconds = None if record.cost is None else record.cost.training_seconds
        if number and seconds:
            measured.setdefault(_key_of_record(record), []).append(seconds / number)
    return measured


def _key_of_record(record: ResultRecord) -> str:
    provenance = record.provenance
    how = [provenance.selection, provenance.training_format, provenance.training_threads]
    return _key(record.method.id, record.method.config, record.dataset.fingerprint, how)


def _key_of_plan(planned: PlannedTraining) -> str:
    of = planned.description
    how = [of.selection, of.precision, of.threads]
    return _key(of.method, of.config, of.fingerprint, how)


def _key(method: str, config: Mapping[str, Any], fingerprint: str, how: list[Any]) -> str:
    return hash_json([method, dict(config), fingerprint, how])


def _counted(planned: PlannedTraining) -> Estimate:
    """Count and time on this processor.

    Raises:
        BenchError: The method cannot be built.
    """
    threads = planned.description.threads
    if threads is None:  # not on a processor
        return UNKNOWN
    choice = planned.cell.trained.choice
    data = _labels(planned)
    with fixed_threads(threads), torch.random.fork_rng(devices=[]):
        method = build_method(choice, data.num_identities)
        return Estimate(seconds=estimate_seconds(choice, method, data))


def _labels(planned: PlannedTraining) -> TrainingData:
    """Return what is trained on without its pixels, which need not be decoded to count steps."""
    height, width = planned.cell.trained.choice.config.image_size
    nothing = ImageStore(np.empty((0, height, width, 3), dtype=np.uint8))
    images = planned.inputs.dataset.images
    rows = planned.inputs.protocol.training_rows(images, planned.description.split)
    return training_data(images, rows, nothing)
