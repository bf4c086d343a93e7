"""Configuration files: a whole configuration as TOML with comments, and what such a file gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import Field, JsonValue

from bench_core.configuration import (
    FrozenModel,
    GivenFile,
    MethodChoice,
    blaming_file,
    validate_config,
)
from bench_core.configuration_keys import ConfigurationKey, configuration_keys, values_by_key
from bench_core.contracts.errors import UsageError
from bench_core.nested_values import beyond_all, expanded, merged, overlapping
from bench_core.system.text_layout import terminal_paragraph
from bench_core.system.toml_files import read_toml, toml_key, toml_value

Text: TypeAlias = Annotated[str, Field(min_length=1)]
COMMENT = "# "


class ConfigurationFile(FrozenModel):
    """The content of a configuration file.

    Attributes:
        method: The method, with its variant.
        preset: The preset that it starts from where `--preset` does not say.
        null: Keys that have no value, which TOML cannot write.
        set: Values by key, as `--set` takes them.
    """

    method: Text
    preset: Text | None = None
    null: tuple[Text, ...] = ()
    set: dict[str, JsonValue] = Field(default_factory=dict)


def _without_empty(values: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out tables without a key: all that was in them has no value."""
    kept = {k: _without_empty(v) if isinstance(v, Mapping) else v for k, v in values.items()}
    return {key: value for key, value in kept.items() if value != {}}


def read_configuration(path: Path) -> GivenFile:
    """Read a configuration file.

    Raises:
        UsageError: It cannot be read, is no TOML, or a key of it is unknown or wrong; whether its
            values fit the method, `choose_method` finds out.
    """
    document = read_toml(path, "a configuration")
    if "method" not in document:
        raise UsageError(
            f"{path}: the key 'method' is missing; 'bench show METHOD --preset NAME --output FILE' "
            "writes a configuration"
        )
    with blaming_file(path):
        file = validate_config(ConfigurationFile, document)
        values = _without_empty(expanded(file.set))
        if problem := beyond_all(values):
            raise UsageError(problem)
        for key in file.null:
            if overlapping(values, key):
                raise UsageError(f"null: {key} has a value below; take it out of null, or that")
            values = merged(values, expanded({key: None}))
    return GivenFile(path=path, method=file.method, preset=file.preset, values=values)


def configuration_text(choice: MethodChoice) -> str:
    """Return a whole configuration as the text of a file, which gives it again.

    Raises:
        UsageError: A value of it holds null within a list, which TOML cannot write.
    """
    keys = configuration_keys(type(choice.config))
    values = values_by_key(choice.config)
    empty = [key.name for key in keys if values[key.name] is None]
    lines = [
        *_comment(
            f"The configuration of {choice.name} with the preset '{choice.preset.name}', for "
            "--config. A key that is taken out has the value of the preset."
        ),
        f"method = {toml_value(choice.name)}",
        f"preset = {toml_value(choice.preset.name)}",
    ]
    if empty:
        lines += ["", *_comment("Keys without a value, which TOML cannot write.")]
        lines.append(f"null = {toml_value(empty)}")
    for part, members in _by_part(keys).items():
        lines += ["", *_comment(members[0].group)]
        lines.append(f"[{'.'.join(['set', *map(toml_key, filter(None, part.split('.')))])}]")
        for key in members:
            lines += _key_lines(key, values[key.name], fixed=_is_fixed(choice, key.name))
    return "\n".join(lines) + "\n"


def _by_part(keys: tuple[ConfigurationKey, ...]) -> dict[str, list[ConfigurationKey]]:
    """Return keys by the part that they belong to; those of no part first, as TOML asks for."""
    parts: dict[str, list[ConfigurationKey]] = {"": []}
    for key in keys:
        parts.setdefault(key.name.rpartition(".")[0], []).append(key)
    return {part: members for part, members in parts.items() if members}


def _key_lines(key: ConfigurationKey, value: Any, *, fixed: bool) -> Iterator[str]:
    name = key.name.rpartition(".")[2]
    fixed_too = " Fixed by the variant." if fixed else ""
    yield from _comment(f"{key.meaning} ({key.type}){fixed_too}".strip())
    if value is None:
        yield f"{COMMENT}{toml_key(name)} has no value: see null above"
        return
    try:
        yield f"{toml_key(name)} = {toml_value(value)}"
    except ValueError as error:
        raise UsageError(f"{key.name} cannot be written: {error}; use --json") from error


def _is_fixed(choice: MethodChoice, key: str) -> bool:
    return overlapping(expanded(choice.variant.values), key)


def _comment(text: str) -> list[str]:
    return terminal_paragraph(text, margin=COMMENT)
