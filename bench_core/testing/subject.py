"""What checks look at: a small method of a variant, what it extracts, and its two trainings."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import torch

from bench_core.configuration import MethodConfig, choose_method
from bench_core.contracts.errors import PluginError
from bench_core.contracts.images import MODALITIES, Modality
from bench_core.contracts.method import MethodSpec, VariantSpec
from bench_core.loading import load_method
from bench_core.released.declaration import ReleasedConfig
from bench_core.system.guard import Guard
from bench_core.testing.building import describe_training, random_data
from bench_core.testing.stepping import (
    IMAGES_OF_EACH,
    StopTrainingError,
    batch_of,
    take_step,
)
from bench_core.training.code import training_code_hash
from bench_core.training.data import TrainingData
from bench_core.training.identity import TrainingDescription
from bench_core.training.log import EpochObserver, FinishedEpoch, ignore_epoch
from bench_core.training.method import Method, StagedMethod
from bench_core.training.run import TrainingRun
from bench_core.training.seeding import seed_global_generators

NUM_IDENTITIES = 6
BATCH = 5

State: TypeAlias = Mapping[str, torch.Tensor]
"""A copy of all parameters and buffers, by name."""
Features: TypeAlias = Mapping[Modality, torch.Tensor]
"""What is extracted from the same images, taken for each modality."""


@dataclass(frozen=True)
class Trained:
    """A training.

    Attributes:
        first_epoch: The networks after its first epoch.
        end: The networks at its end.
        features: What the method that was trained extracts then.
        losses: The mean losses of all epochs with their names.
    """

    first_epoch: State
    end: State
    features: Features
    losses: tuple[tuple[str, float], ...]


class Subject:
    """One variant of a method, made small; its trainings are made once for all checks.

    Attributes:
        spec: The method.
        variant: The variant.
    """

    def __init__(self, spec: MethodSpec, variant: VariantSpec, assignments: Sequence[str]) -> None:
        self.spec, self.variant, self._assignments = spec, variant, tuple(assignments)

    @cached_property
    def guard(self) -> Guard:
        """What watches the package's code; of a released model that of its network."""
        names = [self.spec.method, self.spec.config]
        if isinstance(self.config, ReleasedConfig):
            names = [self.config.network.partition(":")[0]]
        packages = {name.partition(".")[0] for name in names}
        return Guard(packages, [Path(tempfile.gettempdir())])

    def choose(self, assignments: Sequence[str]) -> MethodConfig:
        """Return the configuration of the preset "quick" with `key=value` texts."""
        return choose_method(self.spec, self.variant, "quick", assignments).config

    @cached_property
    def config(self) -> MethodConfig:
        """The small configuration."""
        return self.choose(self._assignments)

    def build(self, seed: int = 0) -> Method:
        """Build the method with the random weights of a seed."""
        seed_global_generators((seed,))
        with self.guard.watching():
            method: Method = load_method(self.spec, self.config, NUM_IDENTITIES)
        return method

    def extract(self, method: Method, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Extract as the harness does: in evaluation mode and without gradients."""
        method.networks.eval()
        with torch.inference_mode(), self.guard.watching():
            return method.extract(images, modality)

    def features(self, method: Method) -> Features:
        """Extract from the same images, taken for each modality."""
        return {kind: self.extract(method, self.images, kind) for kind in MODALITIES}

    @staticmethod
    def state(method: Method) -> State:
        """Copy the networks."""
        return {name: tensor.clone() for name, tensor in method.networks.state_dict().items()}

    @property
    def images(self) -> torch.Tensor:
        """Random images (BATCH, 3, H, W) in [0, 1], new ones of the same values each time."""
        generator = torch.Generator().manual_seed(0)
        return torch.rand(BATCH, 3, *self.config.image_size, generator=generator)

    @cached_property
    def description(self) -> TrainingDescription:
        """What is trained."""
        return describe_training(
            method=self.spec.id,
            variant=self.variant.name,
            config=self.config.model_dump(mode="json"),
            code=training_code_hash(self.spec.method),
            num_identities=NUM_IDENTITIES,
        )

    @cached_property
    def whole(self) -> Trained:
        """A training without a break."""
        method, epochs = self.build(), list[State]()
        losses: list[tuple[str, float]] = []

        def note(epoch: FinishedEpoch) -> None:
            epochs.append(self.state(method))
            losses.extend(epoch.losses.items())

        with folder_of_a_run() as folder:
            self._train(method, folder, note)
        epochs.append(self.state(method))  # a training may tell of none
        return Trained(epochs[0], epochs[-1], self.features(method), tuple(losses))

    @cached_property
    def resumed(self) -> Trained:
        """A training that is interrupted after its first epoch, and goes on."""
        with folder_of_a_run() as folder:
            first = self.build()
            try:
                self._train(first, folder, _interrupt)
            except StopTrainingError:
                pass
            else:
                raise PluginError("the training ended without telling of an epoch")
            resumed = self.build(seed=1)  # its random start must not matter
            self._train(resumed, folder, ignore_epoch)
        return Trained(self.state(first), self.state(resumed), self.features(resumed), ())

    def meet_other_people(self) -> None:
        """Let another instance learn other labels, as what it keeps in globals shows afterwards."""
        method, size = self.build(seed=1), self.config.image_size
        if isinstance(method, StagedMethod):
            for stage in method.stages():
                batch = batch_of(method, stage, size)
                with self.guard.watching():
                    take_step(method, stage.name, batch)
            return
        data = self._data()
        labels = {kind: of[::-1].copy() for kind, of in data.labels.items()}
        with folder_of_a_run() as folder:
            self._train(method, folder, ignore_epoch, replace(data, labels=labels))

    def _train(
        self,
        method: Method,
        folder: Path,
        on_epoch: EpochObserver,
        data: TrainingData | None = None,
    ) -> None:
        run = TrainingRun(
            folder=folder,
            description=self.description,
            device=torch.device("cpu"),
            on_epoch=on_epoch,
        )
        with self.guard.watching():
            method.train(data or self._data(), run)

    def _data(self) -> TrainingData:
        return random_data(self.config.image_size, NUM_IDENTITIES, IMAGES_OF_EACH)


def _interrupt(*_: Any) -> None:
    raise StopTrainingError


@contextmanager
def folder_of_a_run() -> Iterator[Path]:
    """Give an empty folder that is removed afterwards."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)
