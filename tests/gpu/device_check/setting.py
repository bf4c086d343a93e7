"""What is checked: the device, the methods, and how large everything is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from bench_core.configuration import MethodChoice, choose_method
from bench_core.contracts.method import Precision
from bench_core.features.extraction import ExtractionSettings, batch_limit
from bench_core.pipeline.costs import NUM_IDENTITIES
from bench_core.pipeline.methods import build_method
from bench_core.plugins import Registry, load_registry
from bench_core.system.devices import number_formats
from bench_core.training.method import Method

QUICK, PAPER = "quick", "paper"
SMALL = (
    *("image_height=64", "image_width=32", "epochs=4", "sampling.steps_per_epoch=1"),
    *("sampling.identities=4", "sampling.images=2"),
)
"""What makes every method small: for trying the check itself, on a processor."""
SMALL_METHODS = frozenset({"jsia", "xiv"})
"""The methods that are enough for that: one with stages that generate images, and one without."""


@dataclass(frozen=True)
class Setting:
    """What is checked.

    Attributes:
        device_name: "cuda", "cuda:1" or "cpu".
        small: Whether images, batches and trainings are tiny, so that a processor takes seconds.
        folder: Where a section may keep files.
    """

    device_name: str
    small: bool
    folder: Path

    @property
    def device(self) -> torch.device:
        """The device; asked for in the process of a section."""
        return torch.device(self.device_name)

    @cached_property
    def registry(self) -> Registry:
        """The plugins."""
        return load_registry()

    @property
    def large_preset(self) -> str:
        """The preset at the paper's size; the quick one where all is small."""
        return QUICK if self.small else PAPER

    @property
    def presets(self) -> tuple[str, ...]:
        """Which presets are trained."""
        return tuple(dict.fromkeys((QUICK, self.large_preset)))

    @property
    def num_identities(self) -> int:
        """People that classifiers tell apart."""
        return 8 if self.small else NUM_IDENTITIES

    def choices(self, preset: str) -> Iterator[MethodChoice]:
        """Yield each method in full with a preset; where all is small, `SMALL_METHODS` alone."""
        for spec in self.registry.methods.values():
            if self.small and spec.id not in SMALL_METHODS:
                continue
            yield choose_method(spec, spec.variants[0], preset, self.assignments)

    def choice(self, name: str, preset: str) -> MethodChoice:
        """Return a method or variant by name with a preset."""
        spec, variant = self.registry.method(name)
        return choose_method(spec, variant, preset, self.assignments)

    @property
    def assignments(self) -> tuple[str, ...]:
        """What is changed of every preset."""
        return SMALL if self.small else ()

    def build(self, choice: MethodChoice) -> Method:
        """Build a method with random weights on the device, in evaluation mode."""
        method = build_method(choice, self.num_identities)
        method.networks.to(self.device).eval()
        return method

    def formats(self) -> list[Precision]:
        """Return the number formats of the device, the fastest first; of a small check, float32."""
        if self.small:
            return ["float32"]
        return list(reversed(number_formats(self.device)))

    def batch(self, choice: MethodChoice) -> int:
        """Return how many images a batch of extraction has."""
        asked = 2 if self.small else choice.config.extraction_batch
        settings = ExtractionSettings(device=self.device, batch_size=asked)
        return batch_limit(settings, choice.config.image_size)

    def seconds(self, usual: float) -> float:
        """Return how long something is measured."""
        return usual / 50 if self.small else usual
