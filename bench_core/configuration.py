"""Configurations of methods: typed, frozen; of a preset, a variant, a file and `--set` options."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench_core.contracts.errors import PluginError, UsageError, unknown_name
from bench_core.contracts.images import ResizeFilter
from bench_core.contracts.method import MethodSpec, PresetSpec, VariantSpec
from bench_core.loading import load_object
from bench_core.nested_values import (
    beyond_all,
    differing_parts,
    expanded,
    flattened,
    merged,
    nested,
    overlap,
)
from bench_core.system.escaping import terminal_line

LONGEST_SHOWN = 100
"""Characters of a value that an error shows."""
WeightsKind: TypeAlias = Literal["imagenet", "none", "file"]
"""What backbones start from; "file" is set by `--weights FILE`."""
Model = TypeVar("Model", bound="FrozenModel")
_KEY_OF = {"--set": "configuration key", "--rerank-set": "setting of the re-ranker"}
"""What is set with an option, in the words of an error."""


class FrozenModel(BaseModel):
    """Base of every part of a configuration: frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class RerankerConfig(FrozenModel):
    """Base of the settings of a re-ranker; each has a default."""


@dataclass(frozen=True)
class AfterTraining:
    """Marks a key of a method's configuration that only matters after the training.

    A training that differs in such keys alone is not run again: `Annotated[Embedding,
    AfterTraining()]`. It is for keys of the configuration itself, not of its nested parts.
    """


class MethodConfig(FrozenModel):
    """What the harness itself needs to know of any method's configuration.

    Attributes:
        image_height: Height that images are resized to, in pixels.
        image_width: Width that images are resized to, in pixels.
        resize_filter: How they are resized.
        weights: What the backbones start from where `--weights` does not say.
        extraction_batch: Images in a batch when features are extracted.
    """

    weights: WeightsKind = "none"
    image_height: int = Field(default=256, ge=16)
    image_width: int = Field(default=128, ge=16)
    resize_filter: ResizeFilter = "bilinear"
    extraction_batch: Annotated[int, AfterTraining()] = Field(default=128, ge=1)

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.image_height, self.image_width

    @property
    def after_training(self) -> dict[str, Any]:
        """The values of the keys that only matter after the training, as plain data."""
        marked = {
            name
            for name, field in type(self).model_fields.items()
            if any(isinstance(mark, AfterTraining) for mark in field.metadata)
        }
        return self.model_dump(mode="json", include=marked)


@dataclass(frozen=True, kw_only=True)
class MethodChoice:
    """A method, made exact: what is trained and what its result is filed under.

    Attributes:
        spec: The method.
        variant: The ablation; the spec's first variant is the full method.
        preset: The preset that the configuration starts from.
        overrides: The values set by the user, as a nested mapping: those of `--set`, and those of
            a file in which the configuration differs from that of preset and variant.
        config: The configuration that results.
    """

    spec: MethodSpec
    variant: VariantSpec
    preset: PresetSpec
    overrides: Mapping[str, Any]
    config: MethodConfig

    @property
    def name(self) -> str:
        """Method and variant, such as "xiv" or "xiv:baseline"."""
        return self.spec.label(self.variant)

    @property
    def overridden_keys(self) -> tuple[str, ...]:
        """The keys that the user set, such as "optimizer.learning_rate", sorted."""
        return tuple(sorted(flattened(self.overrides)))


@dataclass(frozen=True, kw_only=True)
class GivenFile:
    """What a configuration file says; `bench_core.configuration_files` reads it.

    Attributes:
        path: The file.
        method: The method that it is of, with its variant, such as "xiv:baseline".
        preset: The preset that it starts from; None where it names none.
        values: Its values, as a nested mapping.
    """

    path: Path
    method: str
    preset: str | None
    values: Mapping[str, Any]


def choose_method(
    spec: MethodSpec,
    variant: VariantSpec,
    preset: str,
    assignments: Sequence[str] = (),
    file: GivenFile | None = None,
) -> MethodChoice:
    """Combine preset, variant, file and `--set` options into one configuration.

    Args:
        spec: The method.
        variant: One of its variants; it wins over the preset.
        preset: Name of one of its presets.
        assignments: `key=value` texts; a dot in a key reaches into a nested part. They win over
            preset and file, but may not change what the variant fixes.
        file: Values that win over the preset; likewise.

    Returns:
        The method made exact.

    Raises:
        UsageError: Unknown preset or key (with the nearest right one), a value of the wrong type,
            a key that the variant fixes, or a file of another method or variant.
    """
    presets = {known.name: known for known in spec.presets}
    if preset not in presets:
        raise unknown_name(f"preset of {spec.id}", preset, presets)
    set_by_hand = parse_assignments(assignments)
    for key in flattened(set_by_hand):
        if key in flattened(variant.values):
            raise UsageError(f"--set {key}: {_fixed(spec, variant)}")
    kind = load_object(spec.config)
    values = layered_values(kind, presets[preset].values, variant.values)
    base = _check_plugin(kind, values, f"{spec.id}:{variant.name} with the preset '{preset}'")
    given = {} if file is None else _of_file(file, spec, variant, base, values)
    config = _with_images(validate_config(kind, merged(merged(values, given), set_by_hand)))
    return MethodChoice(
        spec=spec,
        variant=variant,
        preset=presets[preset],
        overrides=_decisive(values, given, set_by_hand, base, config),
        config=config,
    )


def _fixed(spec: MethodSpec, variant: VariantSpec) -> str:
    return (
        f"the variant '{spec.id}:{variant.name}' fixes this value; "
        f"choose another variant ('bench list variants')"
    )


def _of_file(
    file: GivenFile,
    spec: MethodSpec,
    variant: VariantSpec,
    base: MethodConfig,
    values: Mapping[str, Any],
) -> Mapping[str, Any]:
    """Return the values of a file that fits the method, alone and as it is.

    Raises:
        UsageError: It is of another one, or a value is wrong; the file is named.
    """
    name = spec.label(variant)
    if file.method not in (name, f"{spec.id}:{variant.name}"):
        raise UsageError(f"{file.path}: method: it is a configuration of {file.method}, not {name}")
    with blaming_file(file.path):
        config = _with_images(validate_config(type(base), merged(values, file.values)))
        for key in flattened(_differing(file.values, base, config)):
            if key in flattened(variant.values):
                raise UsageError(f"{key}: {_fixed(spec, variant)}")
    return file.values


def _decisive(
    values: Mapping[str, Any],
    given: Mapping[str, Any],
    set_by_hand: Mapping[str, Any],
    base: MethodConfig,
    config: MethodConfig,
) -> Mapping[str, Any]:
    """Return what was set by hand, and of a file's values those that the configuration needs.

    A value that is the preset's may still be needed: what was set may change another one's default.
    """
    overrides = merged(_differing(given, base, config), set_by_hand)
    for _ in flattened(given):
        try:
            reached = validate_config(type(base), merged(values, overrides))
        except UsageError:  # the values of the file hold together only as a whole
            break
        if reached == config:
            return overrides
        overrides = merged(_differing(given, reached, config), overrides)
    return merged(given, set_by_hand)


def _differing(
    given: Mapping[str, Any], before: MethodConfig, after: MethodConfig
) -> dict[str, Any]:
    """Return the part of nested values in whose keys two configurations differ."""
    return differing_parts(given, before.model_dump(mode="json"), after.model_dump(mode="json"))


@contextmanager
def blaming_file(path: Path) -> Iterator[None]:
    """Name a file in what is wrong with its values, instead of an option."""
    try:
        yield
    except UsageError as error:
        raise UsageError(f"{path}: {str(error).removeprefix('--set').lstrip(' :')}") from error
    except PluginError as error:
        raise PluginError(f"{path}: {error}") from error


def layered_values(kind: type[BaseModel], *layers: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a plugin's own layers of values make of a configuration, as nested parts.

    Args:
        kind: The class of the configuration.
        layers: Values by key, which may have dots; the last wins.
    """
    values = _nested_defaults(kind)
    for layer in layers:
        values = merged(values, expanded(layer))
    return values


def _with_images(config: MethodConfig) -> MethodConfig:
    """Refuse an image size that a plugin's own field lets through.

    Raises:
        UsageError: A side has no pixel.
    """
    for name, side in zip(("image_height", "image_width"), config.image_size, strict=True):
        if not isinstance(side, int) or side < 1:
            raise UsageError(f"--set {name}={side}: an image has at least one pixel a side")
    return config


def _check_plugin(kind: type[MethodConfig], values: Mapping[str, Any], name: str) -> MethodConfig:
    """Blame the plugin, and not the user, for a preset or variant that is wrong."""
    try:
        return validate_config(kind, values)
    except UsageError as error:
        raise PluginError(f"the plugin's configuration of {name} is wrong: {error}") from error


def parse_assignments(assignments: Iterable[str], option: str = "--set") -> dict[str, Any]:
    """Read `key=value` texts into a nested mapping; values are JSON where they can be.

    Args:
        assignments: The texts.
        option: What they were given with, which errors name.

    Raises:
        UsageError: A text has no "=" or an empty key, repeats a key, or its value is a number or a
            nesting that no configuration has.

    Examples:
        >>> parse_assignments(["epochs=3", "optimizer.learning_rate=1e-3", "backbone=resnet50"])
        {'epochs': 3, 'optimizer': {'learning_rate': 0.001}, 'backbone': 'resnet50'}
    """
    values: dict[str, Any] = {}
    for assignment in assignments:
        key, separator, text = assignment.partition("=")
        key = key.strip()
        if not separator or not all(key.split(".")):
            example = ", such as epochs=3" if option == "--set" else ""
            raise UsageError(f"{option} {_short(assignment)}: expected key=value{example}")
        part = nested(key.split("."), _parse_value(text))
        if problem := beyond_all(part):
            raise UsageError(f"{option} {_short(assignment)}: {problem}")
        if overlap(flattened(values), flattened(part)):
            raise UsageError(f"{option} {key}: given twice")
        values = merged(values, part)
    return values


def validate_config(kind: type[Model], values: Mapping[str, Any], option: str = "--set") -> Model:
    """Build a configuration, or another model of values that users give.

    Args:
        kind: Its class.
        values: Its values, as nested parts.
        option: What values are set with, which errors name.

    Raises:
        UsageError: A key is unknown or a value is of the wrong type or out of range; one line.
    """
    try:
        # As JSON, where lists are tuples; strict, so that true is no number and "3" neither.
        return kind.model_validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        raise _explain(kind, error, option) from None


def _explain(kind: type[BaseModel], error: ValidationError, option: str) -> UsageError:
    problem = error.errors(include_url=False)[0]
    location = [str(part) for part in problem["loc"]]
    key = ".".join(location)
    if problem["type"] == "extra_forbidden":
        known = sorted(flattened(_field_tree(kind)))
        return unknown_name(_KEY_OF.get(option, f"key of {option}"), key, known)
    message = problem["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    given = _short(json.dumps(problem["input"], default=str))
    where = f"{option} {key}={given}" if key else option
    return UsageError(f"{where}: {message}")


def _nested_defaults(kind: type[BaseModel]) -> dict[str, Any]:
    """Return the nested parts' defaults, so that setting one of their keys keeps the others."""
    defaults = {name: field.default for name, field in kind.model_fields.items()}
    return {k: v.model_dump() for k, v in defaults.items() if isinstance(v, BaseModel)}


def _field_tree(kind: type[BaseModel]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, field in kind.model_fields.items():
        annotation = field.annotation
        is_part = isinstance(annotation, type) and issubclass(annotation, BaseModel)
        tree[name] = _field_tree(annotation) if is_part else None  # type: ignore[arg-type]
    return tree


def _parse_value(text: str) -> Any:
    """Read a value as JSON, or else as the text that it is."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # no JSON, too many digits, too many brackets
        return text


def _short(text: str) -> str:
    return terminal_line(text, longest=LONGEST_SHOWN)
