"""`bench schema`: the forms of files and outputs, for programs that read or write them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import click

from bench_core.cli.options import json_option
from bench_core.cli.printing import print_json, print_table
from bench_core.contracts.errors import UsageError
from bench_core.system.standard_output import echo


@dataclass(frozen=True, kw_only=True)
class ListedSchema:
    """A form, as `bench schema` without a name lists it.

    Attributes:
        schema: What `bench schema` takes.
        written_as: The format that it is written in.
        summary: What has this form.
    """

    schema: str
    written_as: str
    summary: str


@click.command()
@click.argument("name", required=False)
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Write the schema to this file instead of printing it.",
)  # fmt: skip
@json_option
def schema(*, name: str | None, output: Path | None, as_json: bool) -> None:
    """Print the JSON Schema of a file or of an output; without NAME, list them.

    A schema says which keys there are, of which types and bounds; editors and validators read it.
    A TOML file has the form of the JSON document with the same keys.
    """
    from bench_core.file_schemas import FILE_SCHEMAS, file_schema, json_schema
    from bench_core.system.files import write_text

    if name is None:
        if output is not None:
            raise UsageError("--output writes one schema; give its NAME, too (bench schema lists)")
        _print_list(
            [
                ListedSchema(schema=form.name, written_as=form.written_as, summary=form.summary)
                for form in FILE_SCHEMAS
            ],
            as_json=as_json,
        )
        return
    document = json_schema(file_schema(name))
    if output is None:
        print_json(document)
        return
    write_text(output, json.dumps(document, indent=1) + "\n")
    if as_json:
        print_json({"schema": name, "output": output})
    else:
        echo(f"schema {output}")


def _print_list(rows: list[ListedSchema], *, as_json: bool) -> None:
    if as_json:
        print_json(rows)
        return
    columns = ["schema", "written as", "of"]
    print_table(columns, [[row.schema, row.written_as, row.summary] for row in rows], text=columns)
