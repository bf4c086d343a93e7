"""A released model as a method: it trains nothing, and is what its weights file holds."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import nn

from bench_core.contracts.errors import CheckpointError, PluginError, UsageError
from bench_core.contracts.images import Modality
from bench_core.contracts.method import Metric
from bench_core.modeling.pretrained import PretrainedWeights
from bench_core.modeling.weights_files import (
    Fit,
    WeightsFile,
    fit_tensors,
    matches,
    open_weights_file,
)
from bench_core.released.declaration import ReleasedConfig
from bench_core.released.extraction_script import build, embed
from bench_core.released.source import source_of
from bench_core.system.escaping import in_one_line
from bench_core.training.data import TrainingData
from bench_core.training.run import TrainingRun


class ReleasedMethod:
    """A network of somebody's own, built and called as it is declared.

    Attributes:
        config: What is declared.
        metric: The distance between two views.
        networks: The network.
        extract_only: It trains nothing.
    """

    extract_only: ClassVar[bool] = True
    metric: Metric
    networks: nn.ModuleDict

    def __init__(self, config: ReleasedConfig, *, num_identities: int) -> None:
        del num_identities  # of its own training, which its arguments say
        _check_source(config)
        self.config = config
        self.metric = config.metric
        self._declaration: dict[str, Any] = config.model_dump(mode="json")
        try:
            network = build(self._declaration)
        except Exception as error:  # a stranger's network may raise anything
            raise PluginError(
                f"{config.network} cannot be built: {in_one_line(error)}{_way_out(error)}"
            ) from error
        self.networks = nn.ModuleDict({"network": network})

    def fit(self, file: WeightsFile) -> Fit:
        """Say which tensors of a weights file would be loaded, and which not."""
        expected = self.networks["network"].state_dict()
        config = self.config
        return fit_tensors(expected, file.tensors, unused=config.unused, missing=config.missing)

    def load_pretrained(self, weights: PretrainedWeights) -> None:
        """Load the weights file.

        Raises:
            UsageError: There is none: without it, this is another model.
            CheckpointError: It cannot be read, or does not fit as it is declared.
        """
        if weights.path is None:
            raise UsageError(
                f"--weights {weights.kind}: {self.config.title} is what its weights file holds; "
                "give --weights FILE"
            )
        file = open_weights_file(weights.path, "--weights", self.config.checkpoint_key)
        if difference := self.fit(file).difference:
            raise CheckpointError(
                f"--weights {weights.path}: does not fit {self.config.network}: {difference}; "
                "'bench weights info FILE --method DECLARATION.toml' lists all; what may be left "
                "out is declared by 'unused' and 'missing'"
            )
        network = self.networks["network"]
        used = {k: v for k, v in file.tensors.items() if not matches(k, self.config.unused)}
        network.load_state_dict({**network.state_dict(), **used})

    def train(self, data: TrainingData, run: TrainingRun) -> None:
        """Leave the network as it is: its training is its author's word."""

    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Embed a batch of one modality; see `bench_core.methods.Method.extract`.

        Raises:
            PluginError: The network cannot be called as it is declared, or returns something else.
        """
        try:
            features: torch.Tensor = embed(
                self.networks["network"], images, modality, self._declaration
            )
        except (ValueError, TypeError, AttributeError, LookupError) as error:
            raise PluginError(f"{self.config.network}: {in_one_line(error)}") from error
        return features


def _way_out(error: Exception) -> str:
    """Say what mends an error that a network is often built with; empty where that is not known."""
    if isinstance(error, ModuleNotFoundError):
        return (
            f"; install {error.name}, or where it is a file of theirs, have it in the folder that "
            "'code' names"
        )
    if isinstance(error, OSError):
        return (
            "; if it fetches or reads weights to begin with, turn that off, by 'arguments' or in "
            "its code: those of --weights take their place"
        )
    return ""


def _check_source(config: ReleasedConfig) -> None:
    """Refuse code that is another than when the model was declared.

    Raises:
        CheckpointError: It is, or is not there.
    """
    try:
        source = source_of(config.network, loaded=True)
    except UsageError as error:
        raise CheckpointError(
            f"the code of {config.title} cannot be found: {error} (PYTHONPATH=FOLDER names it)"
        ) from error
    if source != config.source:
        raise CheckpointError(
            f"the code of {config.network} is {source}, but was {config.source} when it was "
            "declared; run its declaration anew"
        )
