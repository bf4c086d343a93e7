"""The conformance suite: what every method must hold to, as named checks.

A plugin's tests run them through pytest:

    @pytest.mark.parametrize("check", method_checks(SPEC, SPEC.variants[0], SMALL), ids=str)
    def test_conformance(check):
        check.run()
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import torch

from bench_core.configuration import MethodChoice, choose_method
from bench_core.contracts.errors import PluginError, UsageError
from bench_core.contracts.images import MODALITIES
from bench_core.contracts.method import MethodSpec, VariantSpec
from bench_core.loading import load_method
from bench_core.testing.building import describe_training, random_data
from bench_core.testing.stepping import StopTrainingError
from bench_core.training.checkpoint import (
    TrainingReport,
    load_model,
    load_networks,
    save_model,
)
from bench_core.training.code import training_code_hash
from bench_core.training.data import TrainingData
from bench_core.training.identity import TrainingDescription
from bench_core.training.method import Method
from bench_core.training.pictures import MakesPictures, check_picture
from bench_core.training.run import EpochObserver, TrainingRun, ignore_epoch
from bench_core.training.seeding import seed_global_generators

NUM_IDENTITIES = 6
IMAGES_OF_EACH = 4
BATCH = 5
TOLERANCE = 1e-4
"""Largest difference between features that should be equal, relative to the largest feature."""


@dataclass(frozen=True)
class Check:
    """One rule, bound to a method; `run` raises PluginError where the method breaks it."""

    name: str
    run: Callable[[], None]

    def __str__(self) -> str:
        return self.name


State: TypeAlias = Mapping[str, torch.Tensor]
"""A copy of all parameters and buffers, by name."""


@dataclass(frozen=True)
class _Training:
    """The networks at two times of a training: after its first epoch, and at its end."""

    first_epoch: State
    end: State


def method_checks(
    spec: MethodSpec, variant: VariantSpec, assignments: Sequence[str] = ()
) -> list[Check]:
    """Return the checks of one variant of a method.

    Args:
        spec: The method.
        variant: One of its variants.
        assignments: `key=value` texts over the preset "quick" that make a training last a second
            or two, of at least two epochs in total.

    Returns:
        Checks, in the order of what they build on.
    """
    suite = _Suite(spec, variant, assignments)
    return [
        Check(f"{spec.id}:{variant.name}:{name}", check)
        for name, check in {
            "unknown-keys-are-refused": suite.unknown_keys_are_refused,
            "features-have-the-contracted-shape": suite.features_have_the_contracted_shape,
            "features-are-independent-of-the-batch": suite.features_are_independent_of_the_batch,
            "images-are-left-unchanged": suite.images_are_left_unchanged,
            "training-changes-the-networks": suite.training_changes_the_networks,
            "the-same-seed-gives-the-same-bits": suite.the_same_seed_gives_the_same_bits,
            "a-resumed-training-is-the-same": suite.a_resumed_training_is_the_same,
            "a-saved-model-gives-the-same-features": suite.a_saved_model_gives_the_same_features,
            "pictures-are-images": suite.pictures_are_images,
        }.items()
    ]


class _Suite:
    def __init__(self, spec: MethodSpec, variant: VariantSpec, assignments: Sequence[str]) -> None:
        self._spec, self._variant, self._assignments = spec, variant, tuple(assignments)

    def unknown_keys_are_refused(self) -> None:
        try:
            choose_method(self._spec, self._variant, "quick", ["no_such_key=1"])
        except UsageError:
            return
        raise PluginError("the configuration accepts an unknown key; derive it from MethodConfig")

    def features_have_the_contracted_shape(self) -> None:
        method = self._method()
        shapes = []
        for modality in MODALITIES:
            features = _extract(method, self._images(), modality)
            _require(features.ndim == 3, f"extract returned {features.ndim} dimensions, not 3")
            _require(len(features) == BATCH, f"extract returned {len(features)} rows for {BATCH}")
            _require(features.is_floating_point(), f"extract returned {features.dtype}")
            _require(bool(features.isfinite().all()), "extract returned NaN or infinite values")
            shapes.append(features.shape)
        _require(
            shapes[0] == shapes[1],
            f"visible features are {tuple(shapes[0])}, infrared ones {tuple(shapes[1])}",
        )

    def features_are_independent_of_the_batch(self) -> None:
        method, images = self._method(), self._images()
        for modality in MODALITIES:
            together = _extract(method, images, modality)
            alone = torch.cat([_extract(method, image[None], modality) for image in images])
            _require_close(alone, together, f"{modality} features depend on the batch size")
            turned = _extract(method, images.flip(0), modality).flip(0)
            _require_close(turned, together, f"{modality} features depend on the batch's order")

    def images_are_left_unchanged(self) -> None:
        method, images = self._method(), self._images()
        before = images.clone()
        for modality in MODALITIES:
            _extract(method, images, modality)
        _require(torch.equal(images, before), "extract changes the images that it is given")

    def training_changes_the_networks(self) -> None:
        before, after = _state(self._method()), self._whole.end
        changed = [name for name in before if not torch.equal(before[name], after[name])]
        _require(bool(changed), "training leaves every network as it was")

    def the_same_seed_gives_the_same_bits(self) -> None:
        _require_equal(
            self._whole.first_epoch, self._resumed.first_epoch, "two trainings of one seed"
        )

    def a_resumed_training_is_the_same(self) -> None:
        _require_equal(
            self._whole.end, self._resumed.end, "a resumed and an uninterrupted training"
        )

    def a_saved_model_gives_the_same_features(self) -> None:
        method, other, images = self._method(), self._method(seed=1), self._images()
        with _folder() as folder:
            path = folder / "model.safetensors"
            report = TrainingReport(seconds=1.0, waiting_for_data=0.0, device="cpu")
            save_model(path, method.networks, self._description(), report)
            load_networks(other.networks, load_model(path)[0], path)
        for modality in MODALITIES:
            expected = _extract(method, images, modality)
            _require_close(
                _extract(other, images, modality), expected, "a loaded model gives other features"
            )

    def pictures_are_images(self) -> None:
        """A method without `pictures`, or whose variant makes none, has nothing to check."""
        method, images = self._method(), self._images()
        if not isinstance(method, MakesPictures):
            return
        before = images.clone()
        method.networks.eval()
        with torch.inference_mode():
            made = method.pictures(images, images)
        for name, picture in made.items():
            check_picture(f"pictures['{name}']", picture, images.shape)
        _require(torch.equal(images, before), "pictures changes the images that it is given")

    @cached_property
    def _whole(self) -> _Training:
        """Train without a break; both trainings are made once for all checks."""
        method, epochs = self._method(), list[State]()
        with _folder() as folder:
            self._train(method, folder, lambda *_, **__: epochs.append(_state(method)))
        epochs.append(_state(method))  # a training may tell of none
        return _Training(epochs[0], epochs[-1])

    @cached_property
    def _resumed(self) -> _Training:
        """Interrupt a training after its first epoch, and go on with it."""
        with _folder() as folder:
            first = self._method()
            try:
                self._train(first, folder, _interrupt)
            except StopTrainingError:
                pass
            else:
                raise PluginError("the training ended without telling of an epoch")
            resumed = self._method(seed=1)  # its random start must not matter
            self._train(resumed, folder, ignore_epoch)
        return _Training(_state(first), _state(resumed))

    def _train(self, method: Method, folder: Path, on_epoch: EpochObserver) -> None:
        run = TrainingRun(
            folder=folder,
            description=self._description(),
            device=torch.device("cpu"),
            on_epoch=on_epoch,
        )
        method.train(self._data(), run)

    def _method(self, seed: int = 0) -> Method:
        seed_global_generators((seed,))
        method: Method = load_method(self._spec, self._choice().config, NUM_IDENTITIES)
        return method

    def _choice(self) -> MethodChoice:
        return choose_method(self._spec, self._variant, "quick", self._assignments)

    def _images(self) -> torch.Tensor:
        generator = torch.Generator().manual_seed(0)
        return torch.rand(BATCH, 3, *self._choice().config.image_size, generator=generator)

    def _data(self) -> TrainingData:
        return random_data(self._choice().config.image_size, NUM_IDENTITIES, IMAGES_OF_EACH)

    def _description(self) -> TrainingDescription:
        return describe_training(
            method=self._spec.id,
            variant=self._variant.name,
            config=self._choice().config.model_dump(mode="json"),
            code=training_code_hash(self._spec.method),
            num_identities=NUM_IDENTITIES,
        )


def _interrupt(*_: Any) -> None:
    raise StopTrainingError


def _extract(method: Method, images: torch.Tensor, modality: Any) -> torch.Tensor:
    method.networks.eval()
    with torch.inference_mode():
        return method.extract(images, modality)


def _state(method: Method) -> State:
    return {name: tensor.clone() for name, tensor in method.networks.state_dict().items()}


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def _require(holds: bool, message: str) -> None:  # noqa: FBT001
    if not holds:
        raise PluginError(message)


def _require_close(first: torch.Tensor, second: torch.Tensor, message: str) -> None:
    difference = float((first - second).abs().max())
    largest = float(second.abs().max())
    _require(
        difference <= TOLERANCE * largest,
        f"{message}: they differ by {difference:.2g} where the largest is {largest:.2g}",
    )


def _require_equal(first: State, second: State, what: str) -> None:
    different = [name for name in first if not torch.equal(first[name], second[name])]
    _require(not different, f"{what} differ in {', '.join(different[:3])}")
