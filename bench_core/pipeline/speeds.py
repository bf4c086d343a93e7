"""How fast a method is: built from its specification and measured, without a training."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench_core.configuration import MethodChoice
from bench_core.contracts.dataset import TINY, USUAL_DATASET
from bench_core.data.opening import open_dataset
from bench_core.data.verification.recognition import recognize
from bench_core.pipeline.methods import build_method
from bench_core.pipeline.profiles import NUM_IDENTITIES
from bench_core.plugins import Registry
from bench_core.profiling.speed import SpeedReport, SpeedSettings, measure_speed
from bench_core.synthetic import generate


def speed_of(
    registry: Registry, choice: MethodChoice, settings: SpeedSettings, root: Path | None
) -> SpeedReport:
    """Measure how fast a method is, with random weights.

    Args:
        registry: Where the dataset's plugin is found.
        choice: The method.
        settings: What to measure, and for how long.
        root: Root of the dataset whose images go the whole way from files to features; without it,
            a few synthetic people are rendered.

    Raises:
        DataError: The root is no dataset that is known, or an image is damaged.
        BenchError: The method cannot be built.
    """
    with tempfile.TemporaryDirectory() as folder:
        if root is None:
            root = Path(folder) / "people"
            generate(root, registry.dataset(USUAL_DATASET), scale=TINY)
        spec = recognize(root, list(registry.datasets.values()))
        dataset = open_dataset(spec, root)
        method = build_method(choice, NUM_IDENTITIES)
        return measure_speed(method, choice.config.image_size, settings, dataset)
