"""The reference of files and outputs: the schemas of `bench schema`, as lists of keys."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from bench_core.configuration_keys import type_in_words
from bench_core.file_schemas import FILE_SCHEMAS, FileSchema, json_schema
from site_builder.markdown import code, escaped, fenced, prose, table

FOLDER = "reference/files"
LONGEST_DEFAULT = 60
"""Characters of a default that is shown."""


def form_pages() -> Iterator[tuple[str, str]]:
    """Give a page for each form and one that lists them: its place and its Markdown."""
    rows = [
        [f"[{form.name}]({form.name}.md)", form.written_as, escaped(form.summary)]
        for form in FILE_SCHEMAS
    ]
    yield (
        f"{FOLDER}/index.md",
        "# Forms of files\n\n"
        "The files that the program writes or reads, and what it prints for other programs. "
        "`bench schema NAME` prints the JSON Schema of each; `--output` writes it to a file.\n\n"
        + table(["name", "written as", "of"], rows),
    )
    for form in FILE_SCHEMAS:
        yield f"{FOLDER}/{form.name}.md", "\n".join(_form(form, json_schema(form)))


def _form(form: FileSchema, schema: Mapping[str, Any]) -> Iterator[str]:
    yield f"# {form.name}\n"
    yield f"Of {escaped(form.summary)}. Written as {form.written_as}.\n"
    yield f"{prose(schema['description'])}\n"
    definitions = schema.get("$defs", {})
    yield _keys(schema, definitions)
    for name, part in definitions.items():
        if "properties" in part:
            yield f"## {name}\n"
            yield f"{prose(part.get('description', ''))}\n"
            yield _keys(part, definitions)
    yield "## JSON Schema\n"
    text = fenced(json.dumps(schema, indent=1), "json")
    shown = "\n".join(f"    {line}" if line else "" for line in text.splitlines())
    yield f'??? note "The whole schema, as bench schema {form.name} prints it"\n\n{shown}\n'


def _keys(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    required = schema.get("required", [])
    return "\n".join(
        f"{code(key)} {_type(value, definitions)}{_default(value, is_required=key in required)}\n"
        f":   {prose(value.get('description') or 'As its name says.')}\n"
        for key, value in schema["properties"].items()
    )


def _default(value: Mapping[str, Any], *, is_required: bool) -> str:
    if is_required:
        return ", required"
    if value.get("default") is None:
        return ""
    shown = json.dumps(value["default"])
    return f", default {code(shown)}" if len(shown) <= LONGEST_DEFAULT else ""


def _type(value: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """Return the type of a key; one that has a table of its own is a link to it."""
    linked: dict[str, str] = {}
    named = dict(definitions)
    for name, part in definitions.items():
        if "properties" in part:
            named[name] = {"type": name}
            linked[name] = f"[{name}](#{name.lower()})"
    words = escaped(type_in_words(value, named))
    return linked.get(words) or " ".join(linked.get(word, word) for word in words.split())
