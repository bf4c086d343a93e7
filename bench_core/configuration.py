"""Configurations of methods: typed, frozen, made from a preset, a variant and `--set` options."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench_core.contracts.errors import PluginError, UsageError, unknown_name
from bench_core.contracts.images import ResizeFilter
from bench_core.contracts.method import MethodSpec, PresetSpec, VariantSpec
from bench_core.loading import load_object
from bench_core.system.escaping import terminal_line

LONGEST_SHOWN = 100
"""Characters of a value that an error shows."""
DEEPEST = 16
"""Levels of parts within parts that a value may have; no configuration comes near."""
LARGEST = 2**63 - 1
"""Greatest whole number of a value, as processors count."""

WeightsKind: TypeAlias = Literal["imagenet", "none", "file"]
"""What backbones start from; "file" is set by `--weights FILE`."""


class FrozenModel(BaseModel):
    """Base of every part of a configuration: frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


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
        overrides: The values set by the user, as a nested mapping.
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
        return tuple(sorted(_flatten(self.overrides)))


def choose_method(
    spec: MethodSpec, variant: VariantSpec, preset: str, assignments: Sequence[str] = ()
) -> MethodChoice:
    """Combine preset, variant and `--set` options into one configuration.

    Args:
        spec: The method.
        variant: One of its variants; it wins over the preset.
        preset: Name of one of its presets.
        assignments: `key=value` texts; a dot in a key reaches into a nested part. They win over
            the preset, but may not change what the variant fixes.

    Returns:
        The method made exact.

    Raises:
        UsageError: Unknown preset or key (with the nearest right one), a value of the wrong type,
            or a key that the variant fixes.
    """
    presets = {known.name: known for known in spec.presets}
    if preset not in presets:
        raise unknown_name(f"preset of {spec.id}", preset, presets)
    overrides = parse_assignments(assignments)
    for key in _flatten(overrides):
        if key in _flatten(variant.values):
            raise UsageError(
                f"--set {key}: the variant '{spec.id}:{variant.name}' fixes this value; "
                f"choose another variant ('bench list variants')"
            )
    kind = load_object(spec.config)
    values = _nested_defaults(kind)
    for layer in (presets[preset].values, variant.values):
        values = _merge(values, _expand(layer))
    _check_plugin(kind, values, f"{spec.id}:{variant.name} with the preset '{preset}'")
    return MethodChoice(
        spec=spec,
        variant=variant,
        preset=presets[preset],
        overrides=overrides,
        config=_with_images(validate_config(kind, _merge(values, overrides))),
    )


def _with_images(config: MethodConfig) -> MethodConfig:
    """Refuse an image size that a plugin's own field lets through.

    Raises:
        UsageError: A side has no pixel.
    """
    for name, side in zip(("image_height", "image_width"), config.image_size, strict=True):
        if not isinstance(side, int) or side < 1:
            raise UsageError(f"--set {name}={side}: an image has at least one pixel a side")
    return config


def _check_plugin(kind: type[MethodConfig], values: Mapping[str, Any], name: str) -> None:
    """Blame the plugin, and not the user, for a preset or variant that is wrong."""
    try:
        validate_config(kind, values)
    except UsageError as error:
        raise PluginError(f"the plugin's configuration of {name} is wrong: {error}") from error


def parse_assignments(assignments: Iterable[str]) -> dict[str, Any]:
    """Read `key=value` texts into a nested mapping; values are JSON where they can be.

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
            raise UsageError(f"--set {_short(assignment)}: expected key=value, such as epochs=3")
        nested = _nest(key.split("."), _parse_value(text))
        if problem := _beyond_all(nested):
            raise UsageError(f"--set {_short(assignment)}: {problem}")
        if _overlap(_flatten(values), _flatten(nested)):
            raise UsageError(f"--set {key}: given twice")
        values = _merge(values, nested)
    return values


def validate_config(kind: type[MethodConfig], values: Mapping[str, Any]) -> MethodConfig:
    """Build a configuration.

    Raises:
        UsageError: A key is unknown or a value is of the wrong type or out of range; one line.
    """
    try:
        # As JSON, where lists are tuples; strict, so that true is no number and "3" neither.
        return kind.model_validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        raise _explain(kind, error) from None


def _explain(kind: type[BaseModel], error: ValidationError) -> UsageError:
    problem = error.errors(include_url=False)[0]
    location = [str(part) for part in problem["loc"]]
    key = ".".join(location)
    if problem["type"] == "extra_forbidden":
        known = sorted(_flatten(_field_tree(kind)))
        return unknown_name("configuration key", key, known)
    message = problem["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    given = _short(json.dumps(problem["input"], default=str))
    where = f"--set {key}={given}" if key else "--set"
    return UsageError(f"{where}: {message}")


def _nested_defaults(kind: type[BaseModel]) -> dict[str, Any]:
    """Return the nested parts' defaults, so that setting one of their keys keeps the others."""
    defaults = {name: field.default for name, field in kind.model_fields.items()}
    return {k: v.model_dump() for k, v in defaults.items() if isinstance(v, BaseModel)}


def _field_tree(kind: type[BaseModel]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, field in kind.model_fields.items():
        annotation = field.annotation
        nested = isinstance(annotation, type) and issubclass(annotation, BaseModel)
        tree[name] = _field_tree(annotation) if nested else None  # type: ignore[arg-type]
    return tree


def _parse_value(text: str) -> Any:
    """Read a value as JSON, or else as the text that it is."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # no JSON, too many digits, too many brackets
        return text


def _beyond_all(value: Any, depth: int = 0) -> str | None:
    """Say why no configuration can hold a value; None where one might."""
    if depth > DEEPEST:
        return f"it goes more than {DEEPEST} levels deep, and no configuration does"
    if isinstance(value, int) and abs(value) > LARGEST:
        return f"a whole number lies between -{LARGEST} and {LARGEST}"
    inner = value.values() if isinstance(value, Mapping) else value
    if isinstance(value, Mapping | list):
        return next(filter(None, (_beyond_all(part, depth + 1) for part in inner)), None)
    return None


def _short(text: str) -> str:
    return terminal_line(text, longest=LONGEST_SHOWN)


def _expand(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values whose keys may have dots, such as "optimizer.learning_rate", as parts."""
    expanded: dict[str, Any] = {}
    for key, value in values.items():
        inner = _expand(value) if isinstance(value, Mapping) else value
        expanded = _merge(expanded, _nest(key.split("."), inner))
    return expanded


def _nest(keys: Sequence[str], value: Any) -> dict[str, Any]:
    for key in reversed(keys):
        value = {key: value}
    return dict(value)


def _merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


def _overlap(first: Iterable[str], second: Iterable[str]) -> bool:
    """Say whether a key of one set is, holds, or lies within a key of the other."""
    return any(
        f"{b}.".startswith(f"{a}.") or f"{a}.".startswith(f"{b}.") for a in first for b in second
    )


def _flatten(values: Mapping[str, Any], prefix: str = "") -> set[str]:
    keys: set[str] = set()
    for key, value in values.items():
        nested = isinstance(value, Mapping) and bool(value)
        keys |= _flatten(value, f"{prefix}{key}.") if nested else {prefix + key}
    return keys
