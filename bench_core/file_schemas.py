"""The forms of files and outputs as JSON Schema, made from the classes that read and write them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import GenerateJsonSchema

from bench_core.configuration_keys import attribute_meanings
from bench_core.contracts.errors import UsageError, unknown_name
from bench_core.loading import load_object

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import core_schema

DIALECT = GenerateJsonSchema.schema_dialect
DECLARATION_KEYS: Mapping[str, Any] = {
    "name": {
        "type": "string",
        "pattern": r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$",
        "description": "Its id, as tables and file names have it.",
    },
    "code": {
        "type": "string",
        "default": ".",
        "description": "The folder that its module lies in, seen from the file.",
    },
}
"""Keys of a declaration that are no part of the configuration which the rest of it is."""
FOUND_OUT = frozenset({"source"})
"""Keys of that configuration which are found out when the file is read, and not declared."""


@dataclass(frozen=True)
class FileSchema:
    """A form that has a schema.

    Attributes:
        name: What `bench schema` takes.
        summary: What has this form, in a line.
        model: "module:Class" of its pydantic model.
        written_as: The format that it is written in.
    """

    name: str
    summary: str
    model: str
    written_as: str = "JSON"


FILE_SCHEMAS = (
    FileSchema(
        "result",
        "a result record, results/PROTOCOL/*.json, and bench run --json",
        "bench_core.contracts.result:ResultRecord",
    ),
    FileSchema(
        "evaluation",
        "what bench eval --json prints",
        "bench_core.contracts.evaluation:EvaluationDocument",
    ),
    FileSchema(
        "search",
        "what bench search --json prints",
        "bench_core.contracts.image_search:SearchDocument",
    ),
    FileSchema(
        "speeds",
        "a measurement of speeds, results/speeds/*.json",
        "bench_core.contracts.speed:SpeedRecord",
    ),
    FileSchema(
        "matrix",
        "the file of bench matrix",
        "bench_core.pipeline.matrix.file:MatrixFile",
        written_as="TOML",
    ),
    FileSchema(
        "declaration",
        "the file that declares a released model, --method FILE.toml",
        "bench_core.released.declaration:ReleasedConfig",
        written_as="TOML",
    ),
    FileSchema(
        "configuration",
        "the file of --config, which bench show METHOD --preset NAME --output FILE writes",
        "bench_core.configuration_files:ConfigurationFile",
        written_as="TOML",
    ),
    FileSchema(
        "training-log",
        "a line of the log.jsonl of a training's folder",
        "bench_core.reports.learning_part:Epoch",
        written_as="JSON lines",
    ),
)


class _Described(GenerateJsonSchema):
    """Takes descriptions of properties from the docstrings of their classes."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002
        """Say that the title of a property, which repeats its name, is left out."""
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Describe a class and its properties."""
        kind: type[BaseModel] = schema["cls"]
        made = super().model_schema(schema)
        meanings = attribute_meanings(kind)
        for name, field in kind.model_fields.items():
            keys = (field.validation_alias, field.alias, name)
            key = next(key for key in keys if key in made.get("properties", {}))
            if name in meanings:
                made["properties"][key].setdefault("description", meanings[name])
        made["description"] = inspect.cleandoc(kind.__doc__ or "").partition("\n\nAttributes:")[0]
        return made


def file_schema(name: str) -> FileSchema:
    """Return the form of a name.

    Raises:
        UsageError: There is none of that name.
    """
    forms = {form.name: form for form in FILE_SCHEMAS}
    if name not in forms:
        raise UsageError(unknown_name("schema", name, forms))
    return forms[name]


def json_schema(form: FileSchema) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a form.

    It says which keys there are, of which types and bounds. What the program checks besides, such
    as that a mean is that of the trials, no schema can say.
    """
    model: type[BaseModel] = load_object(form.model)
    schema = model.model_json_schema(schema_generator=_Described)
    if form.name == "declaration":
        own = {key: value for key, value in schema["properties"].items() if key not in FOUND_OUT}
        schema["properties"] = {**DECLARATION_KEYS, **own}
        schema["required"] = ["name", *(key for key in schema["required"] if key not in FOUND_OUT)]
    return {"$schema": DIALECT, **schema, "title": form.name}
