"""The conformance suite: what every method must hold to, as named checks.

A plugin's tests run them through pytest:

    @pytest.mark.parametrize("check", method_checks(SPEC, SPEC.variants[0], SMALL), ids=str)
    def test_conformance(check):
        check.run()
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from bench_core.configuration import choose_method, validate_config
from bench_core.contracts.errors import PluginError, UsageError
from bench_core.contracts.images import MODALITIES
from bench_core.contracts.method import MethodSpec, VariantSpec
from bench_core.loading import trains_nothing
from bench_core.profiling.cost import InferenceCost, inference_cost
from bench_core.system.guard import Kind, Place
from bench_core.testing.checks import Check
from bench_core.testing.rules import RULES, TRAINING
from bench_core.testing.stepping import batch_of, build_updates, take_step
from bench_core.testing.subject import BATCH, Features, State, Subject, folder_of_a_run
from bench_core.training.checkpoint import TrainingReport, load_model, load_networks, save_model
from bench_core.training.method import Method, StagedMethod
from bench_core.training.pictures import MakesPictures, check_picture
from bench_core.training.stages import Stage
from bench_core.training.updates import TOTAL

TOLERANCE = 1e-4
"""Largest difference between features that should be equal, relative to the largest feature."""
LEAST_ELEMENTS = 1000
"""Elements that operators make at least where a descriptor of an image is computed by torch."""
STEPS_ON_ONE_BATCH = 8
"""Updates of a stage on one batch, of which one must bring its loss below where it began."""


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
    suite = _Suite(Subject(spec, variant, tuple(assignments)))

    return [
        Check(
            f"{spec.id}:{variant.name}:{rule.name}",
            getattr(suite, rule.name.replace("-", "_")),
            rule.part,
            rule.mend,
            rule.needs,
        )
        for rule in RULES
    ]


class _Suite:
    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    def unknown_keys_are_refused(self) -> None:
        try:
            self._subject.choose(["no_such_key=1"])
        except UsageError:
            return
        raise PluginError("the configuration accepts an unknown key; derive it from MethodConfig")

    def the_configuration_round_trips(self) -> None:
        spec, variant = self._subject.spec, self._subject.variant
        for preset in spec.presets:
            config = choose_method(spec, variant, preset.name).config
            written = config.model_dump(mode="json")
            try:
                read = validate_config(type(config), written)
            except UsageError as error:
                raise PluginError(
                    f"the configuration of the preset '{preset.name}' cannot be read back: {error}"
                ) from error
            again = read.model_dump(mode="json")
            changed = [name for name in written if again.get(name) != written[name]]
            _require(
                read == config and not changed,
                f"the configuration of the preset '{preset.name}' is another when it is read back"
                + (f": {', '.join(changed)}" if changed else ""),
            )

    def the_networks_can_be_built(self) -> None:
        networks: Any = getattr(self._subject.build(), "networks", None)
        _require(
            isinstance(networks, torch.nn.Module),
            f"self.networks is a {type(networks).__name__}, not a ModuleDict of its networks",
        )

    def features_have_the_contracted_shape(self) -> None:
        method = self._subject.build()
        shapes = []
        for modality in MODALITIES:
            features: Any = self._subject.extract(method, self._subject.images, modality)
            _require(
                isinstance(features, torch.Tensor),
                f"extract returned a {type(features).__name__}, not a tensor",
            )
            _require(features.ndim == 3, f"extract returned {features.ndim} dimensions, not 3")
            _require(len(features) == BATCH, f"extract returned {len(features)} rows for {BATCH}")
            _require(features.is_floating_point(), f"extract returned {features.dtype}")
            _require(bool(features.isfinite().all()), "extract returned NaN or infinite values")
            shapes.append(features.shape)
        _require(
            shapes[0] == shapes[1],
            f"visible features are {tuple(shapes[0])}, infrared ones {tuple(shapes[1])}",
        )

    def features_are_deterministic(self) -> None:
        method, images = self._subject.build(), self._subject.images
        for modality in MODALITIES:
            first = self._subject.extract(method, images, modality)
            second = self._subject.extract(method, images, modality)
            _require_close(second, first, f"{modality} features are others at the second time")

    def features_are_independent_of_the_batch(self) -> None:
        method, images = self._subject.build(), self._subject.images
        for modality in MODALITIES:
            together = self._subject.extract(method, images, modality)
            alone = [self._subject.extract(method, image[None], modality) for image in images]
            _require_close(
                torch.cat(alone), together, f"{modality} features depend on the batch size"
            )

    def features_are_independent_of_the_order(self) -> None:
        method, images = self._subject.build(), self._subject.images
        for modality in MODALITIES:
            together = self._subject.extract(method, images, modality)
            turned = self._subject.extract(method, images.flip(0), modality).flip(0)
            _require_close(turned, together, f"{modality} features depend on the batch's order")

    def images_are_left_unchanged(self) -> None:
        method, images = self._subject.build(), self._subject.images
        before = images.clone()
        for modality in MODALITIES:
            self._subject.extract(method, images, modality)
        _require(torch.equal(images, before), "extract changes the images that it is given")

    def the_cost_can_be_counted(self) -> None:
        method, size = self._subject.build(), self._subject.config.image_size
        with self._subject.guard.watching():
            cost = inference_cost(method, size, torch.device("cpu"))
        if is_handcrafted(method):
            self._the_work_of_a_descriptor_is_seen(method, cost)
            return
        _require(
            any(cost.macs.values()),
            "no multiply-add is counted in extract: what computes the features is not seen",
        )
        _require(
            cost.parameters > 0,
            "extract reads no parameter of self.networks: its parameters cannot be counted",
        )

    @staticmethod
    def _the_work_of_a_descriptor_is_seen(method: Method, cost: InferenceCost) -> None:
        """What no multiply-adds are counted for must be listed; parameters are those that it has.

        A descriptor computes many more elements than an image has pixels, which what only turns
        its image into a tensor does not.
        """
        for modality in MODALITIES:
            elements = sum(operator.work[modality].elements for operator in cost.uncounted)
            _require(
                cost.macs[modality] > 0 or elements > LEAST_ELEMENTS,
                "neither multiply-adds nor uncounted operators are seen in extract: what computes "
                "the features is not seen",
            )
        has = sum(parameter.numel() for parameter in method.networks.parameters())
        _require(
            cost.parameters == has,
            f"extract reads {cost.parameters} parameters of self.networks, which has {has}: what a "
            "descriptor does not need has no place there",
        )

    def training_runs_with_finite_losses(self) -> None:
        whole = self._subject.whole
        wrong = [name for name, value in whole.losses if not torch.tensor(value).isfinite()]
        _require(not wrong, f"the loss '{wrong[0] if wrong else ''}' is not finite")

    def the_loss_falls_on_one_batch(self) -> None:
        """A method with a loop of its own has no step to look at."""
        method, size = self._subject.build(), self._subject.config.image_size
        if not isinstance(method, StagedMethod):
            return
        for stage in method.stages():
            with self._subject.guard.watching():
                totals = _totals_until_one_falls(method, stage, size)
            shown = "; ".join(
                f"{name} from {values[0]:.4g} to {values[-1]:.4g}"
                for name, values in totals.items()
            )
            _require(
                not totals or _one_fell(totals),
                f"{STEPS_ON_ONE_BATCH} steps of stage '{stage.name}' on one batch never brought "
                f"its loss below that of the first: {shown}",
            )

    def training_changes_the_networks(self) -> None:
        before, after = self._subject.state(self._subject.build()), self._subject.whole.end
        changed = [name for name in before if not torch.equal(before[name], after[name])]
        if trains_nothing(self._subject.spec):
            _require(not changed, f"it is extract_only, and its train changes {changed[:1]}")
            return
        if learns_nothing(self._subject.build()):
            _require(not changed, f"it says learns_nothing, and its train changes {changed[:1]}")
            return
        _require(bool(changed), "training leaves every network as it was")

    def the_same_seed_gives_the_same_bits(self) -> None:
        """A method that trains nothing has no bits of a training, nor one that is resumed."""
        if trains_nothing(self._subject.spec):
            return
        whole, resumed = self._subject.whole, self._subject.resumed
        _require_equal(whole.first_epoch, resumed.first_epoch, "two trainings of one seed")

    def a_resumed_training_is_the_same(self) -> None:
        if trains_nothing(self._subject.spec):
            return
        whole, resumed = self._subject.whole, self._subject.resumed
        _require_equal(whole.end, resumed.end, "a resumed and an uninterrupted training")

    def a_saved_model_gives_the_same_features(self) -> None:
        method, other = self._subject.build(), self._subject.build(seed=1)
        with folder_of_a_run() as folder:
            path = folder / "model.safetensors"
            report = TrainingReport(seconds=1.0, waiting_for_data=0.0, device="cpu")
            save_model(path, method.networks, self._subject.description, report)
            load_networks(other.networks, load_model(path)[0], path)
        _require_all_close(
            self._subject.features(other),
            self._subject.features(method),
            "a loaded model gives other features",
        )

    def features_come_from_images_and_weights_alone(self) -> None:
        """Other people pass through the method, and a model of the same weights is compared."""
        whole = self._subject.whole
        self._subject.meet_other_people()
        fresh = self._subject.build(seed=1)
        fresh.networks.load_state_dict(dict(whole.end))
        _require_all_close(
            self._subject.features(fresh),
            whole.features,
            "a trained method and another one with its weights give different features",
        )

    def pictures_are_images(self) -> None:
        """A method without `pictures`, or whose variant makes none, has nothing to check."""
        method, images = self._subject.build(), self._subject.images
        if not isinstance(method, MakesPictures):
            return
        before = images.clone()
        method.networks.eval()
        with torch.inference_mode(), self._subject.guard.watching():
            made = method.pictures(images, images)
        for name, picture in made.items():
            check_picture(f"pictures['{name}']", picture, images.shape)
        _require(torch.equal(images, before), "pictures changes the images that it is given")

    def the_network_is_not_used(self) -> None:
        self._refuse_deeds("network", "it reaches for the network")

    def no_file_is_written_elsewhere(self) -> None:
        self._refuse_deeds("file", "it changes files outside of its run folder")

    def _refuse_deeds(self, kind: Kind, message: str) -> None:
        self._refuse_those_so_far(kind, message)
        try:
            assert self._subject.whole.features  # noqa: S101  # made now, if no check has made it
        except Exception as error:
            self._refuse_those_so_far(kind, message)
            raise NothingToldError(TRAINING) from error
        self._refuse_those_so_far(kind, message)

    def _refuse_those_so_far(self, kind: Kind, message: str) -> None:
        deeds = [deed for deed in self._subject.guard.deeds if deed.kind == kind]
        if deeds:
            raise DeedError(f"{message}: {deeds[0].what}", deeds[0].place)


class NothingToldError(PluginError):
    """A check has nothing to go by, as another one failed."""

    def __init__(self, rule: str) -> None:
        super().__init__(f"nothing can be told while '{rule}' is not mended")


class DeedError(PluginError):
    """A plugin did what it must not.

    Attributes:
        what: What it did, without where.
        place: Where, in its own code.
    """

    def __init__(self, what: str, place: Place) -> None:
        super().__init__(f"{what}, in {place}")
        self.what, self.place = what, place


def is_handcrafted(method: Method | type[Method]) -> bool:
    """Say whether features of a method, or of its class, are computed; see `DescriptorMethod`."""
    return bool(getattr(method, "handcrafted", False))


def learns_nothing(method: Method) -> bool:
    """Say whether a method of this configuration says that its training changes nothing."""
    return bool(getattr(method, "learns_nothing", False))


def _totals_until_one_falls(
    method: StagedMethod[Any], stage: Stage, size: tuple[int, int]
) -> dict[str, list[float]]:
    """Take steps of a stage on one batch, with the same random numbers each.

    Returns:
        What each step minimised, by name; a game of several networks has several, not all of
        which can fall.
    """
    images = batch_of(method, stage, size)
    updates, totals = build_updates(stage, method.networks), dict[str, list[float]]()
    for _ in range(STEPS_ON_ONE_BATCH):
        for name, loss in take_step(method, stage.name, images, updates).items():
            if name.startswith(TOTAL):
                totals.setdefault(name, []).append(loss.detach().item())
        if _one_fell(totals):
            break
    return totals


def _one_fell(totals: Mapping[str, Sequence[float]]) -> bool:
    return any(value < values[0] for values in totals.values() for value in values[1:])


def _require(holds: bool, message: str) -> None:  # noqa: FBT001
    if not holds:
        raise PluginError(message)


def _require_all_close(first: Features, second: Features, message: str) -> None:
    for modality, features in second.items():
        _require_close(first[modality], features, message)


def _require_close(first: torch.Tensor, second: torch.Tensor, message: str) -> None:
    _require(first.shape == second.shape, f"{message}: of shape {tuple(first.shape)}")
    difference = float((first - second).abs().max())
    largest = float(second.abs().max())
    _require(
        difference <= TOLERANCE * largest,
        f"{message}: they differ by {difference:.2g} where the largest is {largest:.2g}",
    )


def _require_equal(first: State, second: State, what: str) -> None:
    different = [name for name in first if not torch.equal(first[name], second[name])]
    _require(not different, f"{what} differ in {', '.join(different[:3])}")
