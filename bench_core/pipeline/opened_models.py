"""A model that is at hand for more than its own dataset: a training's, or a released one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench_core.configuration import MethodChoice, MethodConfig
from bench_core.contracts.errors import UsageError
from bench_core.loading import trains_nothing
from bench_core.modeling.pretrained import parse_weights
from bench_core.pipeline.costs import NUM_IDENTITIES
from bench_core.pipeline.methods import build_method
from bench_core.pipeline.trainings import open_model
from bench_core.plugins import Registry
from bench_core.system.files import hash_file
from bench_core.training.method import Method
from bench_core.training.run import MODEL_FILE


@dataclass(frozen=True, kw_only=True)
class OpenedModel:
    """A model with its weights.

    Attributes:
        method: It, on the processor.
        config: Its configuration.
        facts: What is known of it, such as the training's identity; texts by name. "method" is
            the id of its method.
    """

    method: Method
    config: MethodConfig
    facts: Mapping[str, str]


def open_trained(registry: Registry, path: Path) -> OpenedModel:
    """Open the model of a training.

    Args:
        registry: The plugins.
        path: Its file, or the folder of the training.

    Raises:
        CheckpointError: The file is unreadable or does not fit its method.
        UsageError: The method that it names is not installed, or its configuration has changed.
    """
    model = open_model(registry, path / MODEL_FILE if path.is_dir() else path)
    what = model.description
    facts = {"method": what.method, "variant": what.variant, "training": what.identity}
    return OpenedModel(
        method=model.method,
        config=model.config,
        facts={**facts, "dataset": what.dataset, "split": what.split, "seed": str(what.seed)},
    )


def open_released(choice: MethodChoice, weights_option: str) -> OpenedModel:
    """Build a released model from its weights file.

    Args:
        choice: The method.
        weights_option: What `--weights` says.

    Raises:
        UsageError: The method is one that is trained, or the option names no file.
        CheckpointError: The file is unreadable or does not fit.
    """
    if not trains_nothing(choice.spec):
        raise UsageError(
            f"--method {choice.name}: it is trained; give --model FILE, the model.safetensors of "
            "its training"
        )
    weights = parse_weights(weights_option)
    if weights.path is None:
        raise UsageError(f"--weights {weights_option}: a released model is what its file holds")
    method = build_method(choice, NUM_IDENTITIES)
    method.load_pretrained(weights)
    facts = {"method": choice.spec.id, "variant": choice.variant.name}
    return OpenedModel(
        method=method,
        config=choice.config,
        facts={**facts, "preset": choice.preset.name, "weights": hash_file(weights.path)},
    )
