"""What the tests of a method start from: a small one of a variant, random images, a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench_core.configuration import choose_method
from bench_core.contracts.images import INFRARED, MODALITIES, VISIBLE, Modality
from bench_core.contracts.method import MethodSpec
from bench_core.loading import load_method
from bench_core.system.files import hash_json
from bench_core.training.batches import Batch
from bench_core.training.data import TrainingData
from bench_core.training.identity import TrainingDescription
from bench_core.training.run import TrainingRun

CAMERAS: Mapping[Modality, int] = {VISIBLE: 1, INFRARED: 3}
"""Of random images."""


@dataclass(frozen=True)
class MethodBuilder:
    """Configurations and small networks of a method.

    Attributes:
        spec: The method.
        small: `key=value` texts that make its networks small.
        num_identities: Training identities.
    """

    spec: MethodSpec
    small: Sequence[str] = ()
    num_identities: int = 5

    def choose(self, preset: str = "paper", variant: str = "full", *assignments: str) -> Any:
        """Combine preset, variant and `key=value` texts as the command line does.

        Returns:
            The configuration, of the method's own class.

        Raises:
            UsageError: A text does not fit the method.
        """
        (chosen,) = [known for known in self.spec.variants if known.name == variant]
        return choose_method(self.spec, chosen, preset, assignments).config

    def build(self, variant: str = "full", *assignments: str, preset: str = "paper") -> Any:
        """Build the small method of a variant, the same each time.

        Args:
            variant: Name of the variant.
            assignments: `key=value` texts, which go before those of `small`.
            preset: Name of the preset.

        Returns:
            The method, of its own class.

        Raises:
            UsageError: A text does not fit the method.
            PluginError: The method cannot be loaded.
        """
        given = {assignment.partition("=")[0] for assignment in assignments}
        small = [text for text in self.small if text.partition("=")[0] not in given]
        torch.manual_seed(0)
        config = self.choose(preset, variant, *small, *assignments)
        return load_method(self.spec, config, self.num_identities)


def random_batch(
    size: tuple[int, int], identities: int = 3, images: int = 2, views: Sequence[str] = ()
) -> Batch:
    """Draw a batch, the same each time.

    Args:
        size: Height and width of the images.
        identities: How many people there are, in blocks; at most five, labelled 4, 0, 2, 1 and 3.
        images: How many images of each there are in each modality.
        views: Names of further views of as many images.

    Returns:
        Values in [0, 1]; infrared images have three equal channels.
    """
    random, number = torch.Generator().manual_seed(3), identities * images
    visible = torch.rand(number, 3, *size, generator=random)
    infrared = torch.rand(number, 1, *size, generator=random).repeat(1, 3, 1, 1)
    labels = torch.tensor([4, 0, 2, 1, 3])[:identities].repeat_interleave(images)
    return Batch(
        visible=visible,
        infrared=infrared,
        labels=labels,
        rows=dict.fromkeys(MODALITIES, torch.arange(number)),
        cameras={modality: torch.full((number,), CAMERAS[modality]) for modality in MODALITIES},
        labels_of=dict.fromkeys(MODALITIES, labels),
        views={
            **{name: torch.rand(number, 3, *size, generator=random) for name in views},
            VISIBLE: visible,
            INFRARED: infrared,
        },
    )


def random_data(size: tuple[int, int], identities: int = 5, images: int = 2) -> TrainingData:
    """Draw training images, the same each time.

    Args:
        size: Height and width of the images.
        identities: How many people there are.
        images: How many images of each there are in each modality.

    Returns:
        Pixels of all visible images, and then of all infrared ones, whose channels are equal.
    """
    labels = np.repeat(np.arange(identities), images)
    shape = (2 * len(labels), *size, 3)
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    pixels[len(labels) :] = pixels[len(labels) :, :, :, :1]
    rows = np.arange(len(pixels)).reshape(2, -1)
    return TrainingData(
        pixels=pixels,
        rows={VISIBLE: rows[0], INFRARED: rows[1]},
        labels={VISIBLE: labels, INFRARED: labels},
        identities=tuple(range(identities)),
        cameras={modality: np.full_like(labels, CAMERAS[modality]) for modality in MODALITIES},
    )


def describe_training(**changes: Any) -> TrainingDescription:
    """Describe a training on `random_data`, with changes of the description's fields."""
    described: dict[str, Any] = {
        "method": "method",
        "variant": "full",
        "config": {},
        "dataset": "random",
        "fingerprint": hash_json("random pixels"),
        "split": "train",
        "images": hash_json("random pixels"),
        "seed": 0,
        "weights": "none",
        "precision": "float32",
        "code": hash_json("code"),
        "num_identities": 5,
        "threads": None,
    }
    return TrainingDescription(**(described | changes))


def training_run(folder: Path, **changes: Any) -> TrainingRun:
    """Make a run on the CPU that keeps a checkpoint after each step.

    Args:
        folder: Where its files go.
        changes: Other values of the run's fields.

    Returns:
        What `train` of a method takes.
    """
    settings: dict[str, Any] = {
        "description": describe_training(),
        "device": torch.device("cpu"),
        "checkpoint_seconds": 0.0,
    }
    return TrainingRun(folder=folder, **(settings | changes))
