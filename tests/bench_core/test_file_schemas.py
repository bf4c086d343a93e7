"""A schema takes the files that the program reads, and refuses what it refuses."""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from bench_core.configuration import choose_method
from bench_core.configuration_files import configuration_text
from bench_core.contracts.errors import UsageError
from bench_core.file_schemas import FILE_SCHEMAS, FileSchema, file_schema, json_schema
from bench_core.plugins import Registry

ROOT = Path(__file__).parents[2]
MATRIX = "docs/matrix.md"
DECLARATION = "docs/checkpoints.md"


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(json_schema(file_schema(name)))


def toml_of(page: str) -> dict[str, Any]:
    (text,) = re.findall(r"^```toml\n(.*?)^```", (ROOT / page).read_text(), re.DOTALL | re.M)
    return json.loads(json.dumps(tomllib.loads(text)))  # type: ignore[no-any-return]


def committed_result() -> dict[str, Any]:
    path = next((ROOT / "results" / "sysu-all-single").glob("*.json"))
    return json.loads(path.read_text())  # type: ignore[no-any-return]


@pytest.mark.parametrize("form", FILE_SCHEMAS, ids=lambda form: form.name)
def test_every_schema_is_one_and_describes_each_of_its_keys(form: FileSchema) -> None:
    schema = json_schema(form)
    Draft202012Validator.check_schema(schema)
    assert schema["title"] == form.name
    assert schema["description"]
    for name, kind in [("", schema), *schema.get("$defs", {}).items()]:
        assert "Attributes:" not in kind.get("description", "")
        if name in {"Metrics", "Intervals"}:  # the metrics of the field
            continue
        for key, value in kind.get("properties", {}).items():
            assert value.get("description"), f"{form.name}: {name}.{key}"


def test_committed_results_are_results() -> None:
    paths = sorted((ROOT / "results").glob("*/*.json"))
    assert paths
    result = validator("result")
    for path in paths:
        result.validate(json.loads(path.read_text()))


def drop(*way: str) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        for key in way[:-1]:
            document = document[key]
        del document[way[-1]]

    return change


def put(value: Any, *way: str) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        for key in way[:-1]:
            document = document[key]
        document[way[-1]] = value

    return change


@pytest.mark.parametrize(
    "damage",
    [
        drop("scores"),
        put(1.5, "scores", "mean", "rank-1"),
        put("xiv/..", "method", "id"),
        put(0, "unknown"),
        put("twice", "cost", "macs"),
    ],
)
def test_a_damaged_result_is_refused(damage: Callable[[Any], None]) -> None:
    document = copy.deepcopy(committed_result())
    damage(document)
    assert not validator("result").is_valid(document)


def test_the_matrix_of_the_own_results_is_a_matrix() -> None:
    """Its methods have protocols, conventions and re-ranking of their own."""
    document = tomllib.loads((ROOT / "results" / "matrix.toml").read_text())
    validator("matrix").validate(document)
    document["methods"][-1]["protocol"] = ["sysu-all-single"]
    assert not validator("matrix").is_valid(document)


def test_the_matrix_of_the_page_is_a_matrix() -> None:
    matrix = validator("matrix")
    document = toml_of(MATRIX)
    matrix.validate(document)
    matrix.validate({**document, "methods": ["xiv", {"name": "jsia"}], "data": "/data"})
    assert not matrix.is_valid({**document, "methods": []})
    assert not matrix.is_valid({**document, "method": ["xiv"]})


def test_the_declaration_of_the_page_is_a_declaration() -> None:
    declaration = validator("declaration")
    document = toml_of(DECLARATION)
    declaration.validate(document)
    assert not declaration.is_valid({**document, "source": "found out"})
    del document["name"]
    assert not declaration.is_valid(document)


def test_a_configuration_that_is_written_is_a_configuration(registry: Registry) -> None:
    configuration = validator("configuration")
    text = configuration_text(choose_method(*registry.method("xiv"), "paper"))
    document = tomllib.loads(text)
    configuration.validate(document)
    assert not configuration.is_valid({**document, "presets": ["paper"]})
    del document["method"]
    assert not configuration.is_valid(document)


def test_an_unknown_schema_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'result'"):
        file_schema("results")
