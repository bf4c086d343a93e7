"""What can be set in a configuration: each key with its type, its meaning and its values."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

_ATTRIBUTE = re.compile(r"(\w+)(?: \([^)]*\))?: (.*)")
_BOUNDS = (
    ("minimum", ">="),
    ("exclusiveMinimum", ">"),
    ("maximum", "<="),
    ("exclusiveMaximum", "<"),
)
LARGEST_SHOWN = 2**53
"""A bound beyond it says only in how many bits a number is kept."""


@dataclass(frozen=True)
class ConfigurationKey:
    """One key that `--set` takes.

    Attributes:
        name: Such as "epochs" or "optimizer.learning_rate".
        type: The values that it takes, such as "integer >= 1" or "imagenet | none | file".
        meaning: What its class says of it; empty where it says nothing.
        group: What is said of the part that a nested key belongs to; empty for others.
    """

    name: str
    type: str
    meaning: str
    group: str


def configuration_keys(kind: type[BaseModel]) -> tuple[ConfigurationKey, ...]:
    """Return the keys of a configuration in the order of its class, nested ones in place.

    Args:
        kind: The class of the configuration. The meaning of a field is its description, or what
            the docstring of the class, or of one that it derives from, says under "Attributes:".
    """
    return tuple(_keys(kind, "", ""))


def values_by_key(config: BaseModel) -> dict[str, Any]:
    """Return the values of a configuration by the names of its keys, as JSON values."""
    document = config.model_dump(mode="json")
    return {
        name: _reach(document, name.split("."))
        for name in (key.name for key in configuration_keys(type(config)))
    }


def shown_value(value: Any) -> str:
    """Return a value as it is typed behind `--set KEY=`."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _keys(kind: type[BaseModel], prefix: str, group: str) -> Iterator[ConfigurationKey]:
    schema = kind.model_json_schema()
    meanings = attribute_meanings(kind)
    for name, field in kind.model_fields.items():
        annotation = field.annotation
        meaning = field.description or meanings.get(name, "")
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from _keys(annotation, f"{prefix}{name}.", meaning)
            continue
        shown = type_in_words(schema["properties"][name], schema.get("$defs", {}))
        yield ConfigurationKey(prefix + name, shown, meaning, group)


def _reach(document: Any, path: Sequence[str]) -> Any:
    for part in path:
        document = document[part]
    return document


def attribute_meanings(kind: type[BaseModel]) -> dict[str, str]:
    """Return what the docstrings of a class and its bases say of their attributes, by name."""
    meanings: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if issubclass(base, BaseModel) and base.__doc__:
            meanings |= _attributes(inspect.cleandoc(base.__doc__))
    return meanings


def _attributes(docstring: str) -> dict[str, str]:
    """Parse the section "Attributes:" of a docstring in Google's style."""
    _, _, section = docstring.partition("\nAttributes:\n")
    meanings: dict[str, str] = {}
    name = ""
    for line in section.splitlines():
        if line and not line.startswith(" "):
            break  # the next section
        found = _ATTRIBUTE.fullmatch(line.strip()) if line.startswith("    ") else None
        if found and not line.startswith("     "):
            name = found[1]
            meanings[name] = found[2]
        elif name and line.strip():
            meanings[name] += f" {line.strip()}"
    return meanings


def type_in_words(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """Put the JSON schema of a value into words, such as "integer >= 1 or null".

    Args:
        schema: Of the value.
        definitions: The schemas that it may refer to, by name.
    """

    def each(schemas: Iterable[Mapping[str, Any]]) -> list[str]:
        return [type_in_words(option, definitions) for option in schemas]

    match schema:
        case {"$ref": reference}:
            words = type_in_words(definitions[reference.rpartition("/")[2]], definitions)
        case {"anyOf": choices}:
            words = " or ".join(each(choices))
        case {"enum": values}:
            words = " | ".join(map(shown_value, values))
        case {"const": value}:
            words = shown_value(value)
        case {"prefixItems": items}:
            words = f"[{', '.join(each(items))}]"
        case {"type": "array"}:
            words = f"list of {type_in_words(schema.get('items', {}), definitions)}"
        case _:
            bounds = [
                f"{sign} {schema[name]:g}"
                for name, sign in _BOUNDS
                if name in schema and abs(schema[name]) < LARGEST_SHOWN
            ]
            words = f"{schema.get('type', 'any value')} {' and '.join(bounds)}".strip()
    return words
