"""Measures the rates that projection.py needs: `python tests/scaling/measure.py`, some minutes.

On a machine that does nothing else. What it finds is written to rates.json beside it.
"""

from __future__ import annotations

import json
import math
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image

from bench_core.configuration import MethodChoice, choose_method
from bench_core.contracts.dataset import Dataset
from bench_core.contracts.images import VISIBLE
from bench_core.data.cache import ImageStore, open_images
from bench_core.evaluation.engine import FeatureDistances, pool_trials, rank_pool
from bench_core.features.extraction import ExtractionSettings, extract_features
from bench_core.leaderboard.render import render
from bench_core.pipeline.costs import count_cost
from bench_core.pipeline.methods import build_method
from bench_core.pipeline.stand_in import open_stand_in
from bench_core.plugins import Registry, load_registry
from bench_core.profiling.training_steps import measure_training
from bench_core.results.store import find_results
from bench_core.system.cache_folder import cache_directory
from bench_core.system.devices import device_name
from bench_core.system.processes import num_processors

HERE = Path(__file__).parent
RESULTS = HERE.parents[1] / "results"
CPU = torch.device("cpu")
SIZE = (256, 128)
SYSU_TRAINING_IMAGES = 22_258
"""Visible images of the training people of SYSU-MM01: their number sets the steps of an epoch."""
SYSU_IDENTITIES = 395
METHODS = ("aligngan", "jsia", "ts-gan", "xiv")
BUILT_IMAGES = 4_000
EXTRACTED_IMAGES = 512
SCORED = {"queries": 4_000, "gallery": 100_000, "dimensions": 2048}
READ_RECORDS = 2_000
"""Copies of the committed records that are read; their seeds differ."""


def main() -> None:
    """Measure everything and write it down."""
    registry = load_registry()
    dataset, _ = open_stand_in(registry.dataset("sysu-mm01"), cache_directory())
    with tempfile.TemporaryDirectory() as folder:
        decoded = decoded_per_second(dataset, Path(folder))
    rates = {
        "device": device_name(CPU),
        "cores": num_processors(),
        "torch": torch.__version__,
        "decoded_per_second": decoded,
        "extraction": extraction(registry),
        "training": training(registry),
        "scoring": scoring(),
        "kept": kept(registry),
    }
    text = json.dumps(rounded(rates), indent=1) + "\n"
    (HERE / "rates.json").write_text(text)
    print(text)  # noqa: T201  # a script's result


def rounded(value: Any) -> Any:
    """Keep three digits of every measured number."""
    if isinstance(value, Mapping):
        return {name: rounded(part) for name, part in value.items()}
    return float(f"{value:.3g}") if isinstance(value, float) else value


def decoded_per_second(dataset: Dataset, folder: Path) -> float:
    """Build a cache of files about as large as the images of SYSU-MM01."""
    rng = np.random.default_rng(0)
    sources = dataset.images["path"].tolist()
    for number in range(BUILT_IMAGES):
        height = int(rng.integers(180, 420))
        image = Image.open(dataset.root / sources[number % len(sources)])
        image.resize((height * 2 // 5, height)).save(folder / f"{number:05d}.jpg", quality=90)
    paths = pd.DataFrame({"path": sorted(path.name for path in folder.glob("*.jpg"))})
    pictures = replace(dataset, root=folder, images=paths)
    started = time.perf_counter()
    open_images(pictures, "f" * 64, SIZE, folder / "cache")
    return BUILT_IMAGES / (time.perf_counter() - started)


def extraction(registry: Registry) -> dict[str, float]:
    """Extract features by the plain ResNet-50 in float32."""
    choice = choose_method(*registry.method("xiv:baseline"), "paper")
    method = build_method(choice, 4)
    method.networks.eval()
    shape = (EXTRACTED_IMAGES, *choice.config.image_size, 3)
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    rows = np.arange(EXTRACTED_IMAGES)
    images = pd.DataFrame({"identity": rows, "camera": 1, "modality": VISIBLE, "index": 0})
    settings = ExtractionSettings(device=CPU, batch_size=128)
    seconds = []
    for _ in range(2):
        started = time.perf_counter()
        extract_features(method, images, rows, ImageStore(pixels), settings)
        seconds.append(time.perf_counter() - started)
    macs = count_cost(choice, CPU).inference.macs[VISIBLE]
    return {"per_second": EXTRACTED_IMAGES / min(seconds), "macs": macs}


def training(registry: Registry) -> dict[str, Any]:
    """Count a whole training of each method on SYSU-MM01, and measure a step of one."""
    choices = {name: choose_method(*registry.method(name), "paper") for name in METHODS}
    return {
        "flops_per_second": training_flops_per_second(registry),
        "macs": {name: training_macs(choice) for name, choice in choices.items()},
    }


def training_flops_per_second(registry: Registry) -> float:
    """Measure a training step of a batch that is small enough to wait for."""
    few = ("sampling.identities=2", "sampling.images=4")
    choice = choose_method(*registry.method("xiv"), "paper", few)
    method = build_method(choice, SYSU_IDENTITIES)
    (speed,) = measure_training(method, SIZE, CPU, "float32", budget_seconds=30.0)  # type: ignore[arg-type]
    (cost,) = count_cost(choice, CPU, num_identities=SYSU_IDENTITIES, training=True).stages or ()
    return 2 * cost.step_macs / speed.timing.median


def training_macs(choice: MethodChoice) -> int:
    """Count the multiply-adds of all steps of a training on SYSU-MM01."""
    costs = count_cost(choice, CPU, num_identities=SYSU_IDENTITIES, training=True).stages or ()
    stages = build_method(choice, SYSU_IDENTITIES).stages()  # type: ignore[attr-defined]
    total = 0
    for stage, cost in zip(stages, costs, strict=True):
        sampling = stage.sampling
        images = sampling.identities * sampling.images
        steps = sampling.steps_per_epoch or math.ceil(SYSU_TRAINING_IMAGES / images)
        total += cost.step_macs * steps * stage.epochs
    return total


def scoring() -> dict[str, float]:
    """Score queries against one gallery, exactly, in blocks."""
    rng = np.random.default_rng(0)
    queries, gallery, dimensions = SCORED.values()
    features = rng.standard_normal((queries + gallery, 1, dimensions), dtype=np.float32)
    identity = np.concatenate([np.arange(queries), np.arange(gallery) % (queries * 5)])
    camera = np.repeat([3, 1], [queries, gallery])
    trial = np.arange(queries), np.arange(queries, queries + gallery)
    pool = pool_trials(identity, camera, [trial], ())
    few = pool_trials(identity, camera, [(trial[0][:10], trial[1][:100])], ())
    rank_pool(FeatureDistances(features, few, "euclidean"), few, "image")  # compiles
    started = time.perf_counter()
    rank_pool(FeatureDistances(features, pool, "euclidean"), pool, "image")
    seconds = time.perf_counter() - started
    return {"pairs_per_second": queries * gallery / seconds}


def kept(registry: Registry) -> dict[str, float]:
    """Weigh what a training leaves, and read many records."""
    records = [path for path in RESULTS.glob("*/*.json") if "-seed" in path.name]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(READ_RECORDS):
            source = records[number % len(records)]
            copy = folder / str(number) / source.name
            copy.parent.mkdir()
            shutil.copy(source, copy)
            shutil.copy(source.with_suffix(".queries.npz"), copy.parent)
        started = time.perf_counter()
        render(find_results(folder).records.values(), "markdown", lambda *_: False)
        seconds = time.perf_counter() - started
    networks = build_method(
        choose_method(*registry.method("xiv"), "paper"), SYSU_IDENTITIES
    ).networks
    model = sum(value.numel() * value.element_size() for value in networks.state_dict().values())
    trained = sum(parameter.numel() * 4 for parameter in networks.parameters())
    return {
        "model_bytes": model,
        "checkpoint_bytes": model + 2 * trained,
        "record_bytes": sum(path.stat().st_size for path in records) // len(records),
        "records_per_second": READ_RECORDS / seconds,
    }


if __name__ == "__main__":
    main()
