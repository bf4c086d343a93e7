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
        of_variants: Whether trainings of the method's other variants did.
    """

    seconds: float | None
    measured: bool = False
    of_variants: bool = False


UNKNOWN = Estimate(seconds=None)
SIZES = ("backbone", "image_height", "image_width")
NUMBERS = ("epochs", "sampling")
"""Ends of the names of what decides how many steps there are, and of how many images."""


def estimate_trainings(
    trainings: Mapping[str, PlannedTraining], records: Iterable[ResultRecord]
) -> dict[str, Estimate]:
    """Estimate how long trainings will take.

    A training of the same configuration with another seed or on another split took as long, if a
    record tells of one in the same number format; else one of the method's other variants took
    about as long, if its steps are as many and as large. Without it the arithmetic of all steps is
    counted and timed on this processor; what runs on another device is not estimated.

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
        same, alike = _keys_of_plan(planned)
        if same in measured:
            estimates[identity] = Estimate(seconds=median(measured[same]), measured=True)
        elif alike in measured:
            estimates[identity] = Estimate(seconds=median(measured[alike]), of_variants=True)
        else:
            if same not in counted:
                counted[same] = _counted(planned)
            estimates[identity] = counted[same]
    return estimates


def _measured(records: Iterable[ResultRecord]) -> dict[str, list[float]]:
    """Return the seconds of one training each, by what decides how long it takes."""
    measured: dict[str, list[float]] = {}
    for record in records:
        number = len(set(record.provenance.training_identities))
        seconds = None if record.cost is None else record.cost.training_seconds
        if number and seconds:
            for key in _keys_of_record(record):
                measured.setdefault(key, []).append(seconds / number)
    return measured


def _keys_of_record(record: ResultRecord) -> tuple[str, str]:
    provenance = record.provenance
    how = [provenance.selection, provenance.training_format, provenance.training_threads]
    return _keys(record.method.id, record.method.config, record.dataset.fingerprint, how)


def _keys_of_plan(planned: PlannedTraining) -> tuple[str, str]:
    of = planned.description
    how = [of.selection, of.precision, of.threads]
    return _keys(of.method, of.config, of.fingerprint, how)


def _keys(
    method: str, config: Mapping[str, Any], fingerprint: str, how: list[Any]
) -> tuple[str, str]:
    """Return what trainings of the same configuration share, and those with steps alike."""
    steps = {
        name: value for name, value in config.items() if name in SIZES or name.endswith(NUMBERS)
    }
    same, alike = (hash_json([method, of, fingerprint, how]) for of in (dict(config), steps))
    return same, alike


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
