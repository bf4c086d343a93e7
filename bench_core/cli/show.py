"""`bench show`: a method's paper, presets, variants, and what can be set."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import click

from bench_core.cli.options import json_option
from bench_core.cli.printing import print_json
from bench_core.cli.training import declared
from bench_core.contracts.errors import UsageError
from bench_core.system.escaping import terminal_line, terminal_name
from bench_core.system.standard_output import echo
from bench_core.system.text_layout import (
    COLUMNS_OF_TERMINAL,
    GAP,
    NARROWEST,
    terminal_paragraph,
    terminal_table,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench_core.configuration import MethodChoice
    from bench_core.contracts.method import Fidelity, MethodSpec, Paper, VariantSpec
    from bench_core.plugins import Registry

FIDELITIES: Mapping[str, str] = MappingProxyType(
    {
        "verified": "verified against the numbers of the authors' own code",
        "from paper": "from equations and figures that its authors published",
        "from description": "from a description that leaves the method open: no reproduction",
    }
)
INDENT = "  "
NAME_COLUMNS = 18
KEY_COLUMNS = 44
"""Most characters of the column of keys where there are many presets; longer ones break."""


@dataclass(frozen=True, kw_only=True)
class ShownPreset:
    """A preset.

    Attributes:
        name: What `--preset` takes.
        summary: What it is.
    """

    name: str
    summary: str


@dataclass(frozen=True, kw_only=True)
class ShownVariant:
    """A variant.

    Attributes:
        name: What stands behind the colon of `--method`.
        summary: What it is.
        values: What it fixes, by key.
    """

    name: str
    summary: str
    values: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class ShownKey:
    """A key of the configuration.

    Attributes:
        key: What `--set` takes.
        type: What its value is.
        meaning: What it decides.
        group: What is said of the part that it belongs to; empty without one.
        fixed: Whether the variant fixes it.
        values: Its value by preset.
    """

    key: str
    type: str
    meaning: str
    group: str
    fixed: bool
    values: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class MethodDescription:
    """What `bench show` shows of a method.

    Attributes:
        method: Its id, and the variant where one was named.
        title: Its name for people.
        paper: Its paper.
        fidelity: What its implementation rests on; None where its author does not say.
        package: The distribution that it comes from.
        presets: Its presets.
        variants: Its variants.
        keys: All that can be set.
    """

    method: str
    title: str
    paper: Paper
    fidelity: Fidelity | None
    package: str
    presets: tuple[ShownPreset, ...]
    variants: tuple[ShownVariant, ...]
    keys: tuple[ShownKey, ...]


@dataclass(frozen=True, kw_only=True)
class WholePreset:
    """A whole configuration.

    Attributes:
        method: The method, and the variant where one was named.
        preset: The preset that gives it.
        config: Its values as JSON values.
    """

    method: str
    preset: str
    config: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class WrittenConfiguration:
    """A configuration file that was written.

    Attributes:
        method: The method, and the variant where one was named.
        preset: The preset that gives it.
        file: Where it is.
    """

    method: str
    preset: str
    file: Path


@click.command()
@click.argument("method_name", metavar="METHOD[:VARIANT]")
@click.option(
    "--preset", metavar="NAME", help="Show the whole configuration that this preset gives, alone."
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.toml",
    help="Write that configuration to a file with comments, to be changed and given to --config.",
)
@json_option
@click.pass_obj
def show(
    registry: Registry,
    *,
    method_name: str,
    preset: str | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Show a method: its paper, presets, variants, and what each key of --set means.

    With a VARIANT, values are those that it gives. A key that it fixes is marked so: --set cannot
    change it.
    """
    spec, variant = registry.method(declared(registry, method_name))
    if preset is not None:
        from bench_core.configuration import choose_method

        choice = choose_method(spec, variant, preset)
        if output is not None:
            _write(choice, output, method_name, as_json=as_json)
        else:
            _show_whole(choice, as_json=as_json)
        return
    if output is not None:
        raise UsageError("--output writes a whole configuration; say which with --preset NAME")
    description = _describe(registry, spec, variant)
    if as_json:
        print_json(description)
        return
    echo("\n".join(_lines(description, method_name)))


def _write(choice: MethodChoice, output: Path, typed: str, *, as_json: bool) -> None:
    """Write a configuration file, and say how it is used."""
    from bench_core.configuration_files import configuration_text
    from bench_core.system.files import write_text

    write_text(output, configuration_text(choice))
    if as_json:
        written = WrittenConfiguration(method=choice.name, preset=choice.preset.name, file=output)
        print_json(written)
        return
    name = shlex.quote(str(output))
    echo(
        f"configuration {terminal_name(str(output))}\n"
        f"used by       {terminal_line(f'bench run --method {typed} --config {name} ...')}"
    )


def _show_whole(choice: MethodChoice, *, as_json: bool) -> None:
    """Print a whole configuration, as JSON or a line a key as `--set` takes it."""
    from bench_core.configuration_keys import shown_value, values_by_key

    if as_json:
        config = choice.config.model_dump(mode="json")
        whole = WholePreset(method=choice.name, preset=choice.preset.name, config=config)
        print_json(whole)
        return
    values = values_by_key(choice.config).items()
    echo("\n".join(terminal_line(f"{key}={shown_value(value)}") for key, value in values))


def _describe(registry: Registry, spec: MethodSpec, variant: VariantSpec) -> MethodDescription:
    from bench_core.configuration import choose_method
    from bench_core.configuration_keys import configuration_keys, values_by_key

    configs = {known.name: choose_method(spec, variant, known.name) for known in spec.presets}
    values = {preset: values_by_key(choice.config) for preset, choice in configs.items()}
    first = next(iter(configs.values()))
    fixed = dict(_flat(variant.values))
    return MethodDescription(
        method=first.name,
        title=spec.title,
        paper=spec.paper,
        fidelity=spec.fidelity,
        package=registry.distribution_of(spec.id),
        presets=tuple(ShownPreset(name=each.name, summary=each.summary) for each in spec.presets),
        variants=tuple(
            ShownVariant(name=each.name, summary=each.summary, values=dict(_flat(each.values)))
            for each in spec.variants
        ),
        keys=tuple(
            ShownKey(
                key=key.name,
                type=key.type,
                meaning=key.meaning,
                group=key.group,
                fixed=key.name in fixed,
                values={preset: values[preset][key.name] for preset in values},
            )
            for key in configuration_keys(type(first.config))
        ),
    )


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _lines(shown: MethodDescription, typed: str) -> Iterator[str]:
    """Yield the description as lines of 80 columns; commands name the method as it was typed."""
    of_file, paper = typed.endswith(".toml"), shown.paper
    method = terminal_line(shlex.quote(typed)) if of_file else shown.method.partition(":")[0]
    yield from terminal_paragraph(f"{shown.method}: {shown.title} ({shown.package})")
    publication = f"{paper.authors}: {paper.title}. {paper.venue} {paper.year}"
    yield from terminal_paragraph(publication, margin=INDENT)
    if shown.fidelity is not None:
        yield from terminal_paragraph(f"Fidelity: {FIDELITIES[shown.fidelity]}", margin=INDENT)
    yield f"\nPresets (--preset NAME; bench show {method} --preset NAME shows one whole)\n"
    for preset in shown.presets:
        yield from _named(preset.name, preset.summary)
    if not of_file:
        yield f"\nVariants (--method {method}:NAME), with what each fixes\n"
        for variant in shown.variants:
            yield from _variant_lines(variant)
    yield "\nKeys (--set KEY=VALUE)\n"
    yield from _key_lines(shown.keys)
    first = shown.presets[0].name
    yield f"\nValues by preset; an empty cell is as in {terminal_line(first)}\n"
    yield from _value_tables(shown)


def _variant_lines(variant: ShownVariant) -> Iterator[str]:
    from bench_core.configuration_keys import shown_value

    yield from _named(variant.name, variant.summary)
    changes = ", ".join(f"{key}={shown_value(value)}" for key, value in variant.values.items())
    yield from terminal_paragraph(changes, margin=INDENT + " " * NAME_COLUMNS)


def _key_lines(keys: Sequence[ShownKey]) -> Iterator[str]:
    """Yield the keys; a part is explained before its own."""
    part = ""
    for key in keys:
        if key.key.rpartition(".")[0] != part:
            part = key.key.rpartition(".")[0]
            explained = f"{part}: {key.group}" if key.group else ""
            yield from terminal_paragraph(explained, margin=INDENT, hanging=2 * INDENT)
        fixed = " (fixed by the variant)" if key.fixed else ""
        yield from terminal_paragraph(f"{key.key}: {key.type}{fixed}", margin=INDENT)
        yield from terminal_paragraph(key.meaning, margin=3 * INDENT)


def _value_tables(shown: MethodDescription) -> Iterator[str]:
    """Yield the values of all keys by preset, in as many tables as 80 columns ask for."""
    from bench_core.configuration_keys import shown_value

    presets = [preset.name for preset in shown.presets]
    rows = []
    for key in shown.keys:
        first, *others = (key.values[preset] for preset in presets)
        shown_others = ("" if other == first else shown_value(_rounded(other)) for other in others)
        rows.append([key.key, shown_value(_rounded(first)), *shown_others])
    key_width = min(KEY_COLUMNS, max(len(row[0]) for row in rows))
    room = max(1, (COLUMNS_OF_TERMINAL - key_width) // (NARROWEST + GAP))
    for start in range(1, len(presets) + 1, room):
        places = [0, *range(start, min(start + room, len(presets) + 1))]
        columns, *cells = [[row[place] for place in places] for row in [["key", *presets], *rows]]
        yield terminal_table(columns, cells, text=columns)
        yield ""


def _rounded(value: Any) -> Any:
    """Return a value with the numbers in it to six digits, as there is room for; all stand in JSON.

    `bench show METHOD --preset NAME` shows them whole.
    """
    if isinstance(value, list):
        return [_rounded(part) for part in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _named(name: str, text: str) -> Iterator[str]:
    """Yield a name with its text beside it, or below it where the name is long."""
    margin = INDENT + " " * NAME_COLUMNS
    lines = terminal_paragraph(text, margin=margin)
    head = INDENT + terminal_line(name)
    if len(head) >= len(margin):
        yield head
        yield from lines
        return
    first, *more = lines or [""]
    yield head.ljust(len(margin)) + first[len(margin) :]
    yield from more
