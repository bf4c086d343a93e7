"""A short training teaches each method to tell synthetic people apart.

Variants train less of the same, and so do Two-Stream and Zero-Padding beside One-Stream, TONE
beside HCML and BCTR beside BDTR: that their losses fall is a check of the conformance suite.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from bench_core import INFRARED, VISIBLE
from bench_core.configuration import choose_method
from bench_core.features.extraction import ExtractionSettings, extract_features
from bench_core.methods import Method
from bench_core.modeling.pretrained import PretrainedWeights
from bench_core.pipeline.inputs import RunInputs, open_inputs
from bench_core.pipeline.trainings import TrainingSettings, build_method, train
from bench_core.plugins import Registry

pytestmark = pytest.mark.slow

SPLIT = "train+val"
CPU = torch.device("cpu")
BATCHES = ("sampling.identities=6", "sampling.images=3")
SMALL = (*BATCHES, "image_height=48", "image_width=32")
AGW = (*SMALL, "sampling.steps_per_epoch=2")
ERASED = (*SMALL, "sampling.steps_per_epoch=4")
XIV = (*SMALL, "sampling.steps_per_epoch=2")
D_HSME = (
    *SMALL,
    *("epochs=6", "decorrelated_epochs=2", "sampling.steps_per_epoch=7"),
    *("embedding_size=64", "scale=8"),
)
DNS = (*SMALL, "sampling.steps_per_epoch=4")
MSR = (*SMALL, "sampling.steps_per_epoch=4")
MPANET = (*SMALL, "sampling.steps_per_epoch=4", "augmentation.erasing=0")
TS_GAN = (*BATCHES, "image_height=64", "image_width=32", "sampling.steps_per_epoch=3")
TEACHER = ("teacher_sampling.identities=6", "teacher_sampling.images=3")
DEEN = (*SMALL, "sampling.steps_per_epoch=6")
JSIA = (*SMALL, "sampling.steps_per_epoch=3")
DDAG = (*SMALL, "sampling.steps_per_epoch=3")
VIT = (*SMALL, "sampling.steps_per_epoch=8")
PMT = (*SMALL, "sampling.steps_per_epoch=4")
CMGAN = (*SMALL, "sampling.steps_per_epoch=6")
D2RL = (
    *SMALL,
    *("sampling.steps_per_epoch=7", "translation_sampling.steps_per_epoch=1"),
    *("translation_height=24", "translation_width=16"),
)
FEWER = ("sampling.identities=4", "sampling.images=3", "image_height=48", "image_width=24")
SHUFFLED = (*FEWER, "sampling.steps_per_epoch=5")
DISTANCES = (*BATCHES, "image_height=48", "image_width=24", "sampling.steps_per_epoch=4")
GENERATED = ("generation_sampling.identities=3", "generation_sampling.steps_per_epoch=1")
TWO_PATHS = (
    *("image_height=48", "image_width=32", "fc6_width=128", "fc7_width=64"),
    *("sampling.identities=16", "sampling.images=1", "sampling.steps_per_epoch=4"),
)
ALIGNGAN = (
    *BATCHES,
    *("image_height=64", "image_width=32", "feature_height=48", "feature_width=24"),
    *("sampling.steps_per_epoch=3", "pixel_identities=3", "pixel_images=1"),
)
LONGER = (
    ("agw", AGW),
    ("bot", ERASED),
    ("caj", ERASED),
    ("cmgan", CMGAN),
    ("d2rl", D2RL),
    ("xiv", XIV),
    ("ts-gan", (*TS_GAN, *TEACHER, "teacher_sampling.steps_per_epoch=2")),
    ("deen", DEEN),
    ("jsia", (*JSIA, *GENERATED)),
    ("dns", DNS),
    ("mpanet", MPANET),
    ("aligngan", ALIGNGAN),
    ("msr", MSR),
    ("vit", VIT),
    ("pmt", PMT),
)
"""Their trainings take ten seconds and more. The committed leaderboard shows what all learn."""


@pytest.fixture(scope="module")
def inputs(registry: Registry, sysu_root: Path, cache: Path) -> RunInputs:
    return open_inputs(registry, registry.protocol("sysu-all-single"), sysu_root, cache)


def embed(method: Method, inputs: RunInputs, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    settings = ExtractionSettings(device=CPU, batch_size=64)
    store = inputs.images(method.config.image_size)  # type: ignore[attr-defined]
    extracted = extract_features(method, inputs.dataset.images, rows, store, settings).features
    features = extracted.features.reshape(len(rows), -1).astype(np.float64)
    if extracted.metric == "cosine":
        features /= np.linalg.norm(features, axis=1, keepdims=True)
    return features


def mean_average_precision(method: Method, inputs: RunInputs) -> float:
    """Search each infrared image of the training people among all their visible ones."""
    images = inputs.dataset.images
    rows = inputs.protocol.training_rows(images, SPLIT)
    features, people = embed(method, inputs, rows), images.iloc[rows]
    query, gallery = ((people["modality"] == name).to_numpy() for name in (INFRARED, VISIBLE))
    identity = people["identity"].to_numpy()
    distances = np.square(features[query][:, None] - features[gallery][None]).sum(2)
    precisions = []
    for row, wanted in zip(distances, identity[query], strict=True):
        hits = identity[gallery][np.argsort(row)] == wanted
        precisions.append((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean())
    return float(np.mean(precisions))


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("ddag", DDAG),
        ("d-hsme", D_HSME),
        ("hog:lfda", ("lfda.pca_dimensions=30", "lfda.dimensions=12")),
        ("lomo:xqda", ("xqda.pca_dimensions=30", "xqda.dimensions=12")),
        ("one-stream", SHUFFLED),
        ("dist-based", DISTANCES),
        ("hcml", (*TWO_PATHS, "pca_dimensions=32", "metric_steps=60")),
        ("bdtr", TWO_PATHS),
        *(pytest.param(*case, marks=pytest.mark.exhaustive) for case in LONGER),
    ],
)
def test_a_short_training_tells_people_apart(
    name: str, settings: tuple[str, ...], registry: Registry, inputs: RunInputs, tmp_path: Path
) -> None:
    choice = choose_method(*registry.method(name), "quick", settings)
    trained = train(
        choice,
        inputs,
        SPLIT,
        TrainingSettings(
            seed=0,
            weights=PretrainedWeights("none"),
            device=CPU,
            precision="float32",
            runs=tmp_path,
        ),
    )
    untrained = build_method(choice, trained.description.num_identities, seed=0)
    before, after = (mean_average_precision(each, inputs) for each in (untrained, trained.method))
    assert after > 2 * before, (before, after)
