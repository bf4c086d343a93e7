"""Features on the device against those of eager float32 on the processor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch

from bench_core.configuration import MethodChoice
from bench_core.contracts.images import MODALITIES, Modality
from bench_core.contracts.method import Precision
from bench_core.features.fast import in_format, relative_difference
from bench_core.pipeline.methods import build_method
from bench_core.profiling.modes import Mode, build_mode, images_for, measured_modes
from device_check.notes import Deadline, Notes
from device_check.setting import Setting

TOLERANCE: Mapping[Precision, float] = {"float32": 1e-4, "tf32": 5e-3, "bfloat16": 2e-2}
"""Largest norm of the difference, relative to that of the features.

Wider than between two modes of one device: its kernels add in another order through fifty layers,
and in float32 may transform the images of a convolution (Winograd).
"""
NUM_IMAGES = 4


class _Way(NamedTuple):
    modality: Modality
    mode: Mode
    number_format: Precision

    def __str__(self) -> str:
        return f"{self.modality}, {self.mode}, {self.number_format}"


def check_features(setting: Setting, notes: Notes, deadline: Deadline) -> None:
    """Compare every method's features in every mode and number format."""
    choices = setting.choices(setting.large_preset)
    for choice in notes.within(choices, deadline, lambda choice: choice.name):
        _check_method(setting, choice, notes, deadline)


def _check_method(setting: Setting, choice: MethodChoice, notes: Notes, deadline: Deadline) -> None:
    torch.manual_seed(0)
    method = build_method(choice, setting.num_identities)
    method.networks.eval()
    images = torch.rand(NUM_IMAGES, 3, *choice.config.image_size)
    expected = {modality: in_format(method, "float32")(images, modality) for modality in MODALITIES}
    method.networks.to(setting.device)
    there = images.to(setting.device)
    for way in notes.within(_ways(setting), deadline, lambda way: f"{choice.name}: {way}"):
        name = f"{choice.name}: {way}"
        try:
            embed = build_mode(method, way.mode, way.number_format)
            features = embed(images_for(way.mode, there), way.modality).float().cpu()
        except Exception as error:  # noqa: BLE001  # named, and the next way goes on
            notes.refused(name, error)
            continue
        difference = relative_difference(features, expected[way.modality])
        largest = float((features - expected[way.modality]).abs().max())
        tolerance = TOLERANCE[way.number_format]
        notes.check(
            name,
            difference <= tolerance,
            f"differs by {difference:.1e} of {tolerance:.0e}, by {largest:.1e} at most",
        )


def _ways(setting: Setting) -> Iterator[_Way]:
    for mode in measured_modes(setting.device, compiled=False):
        for number_format in setting.formats():
            for modality in MODALITIES:
                yield _Way(modality, mode, number_format)
