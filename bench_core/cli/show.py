"""`bench show`: a method's paper, presets, variants, and what can be set."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from bench_core.cli import options
from bench_core.system.escaping import terminal_line
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bench_core.contracts.method import MethodSpec, VariantSpec
    from bench_core.plugins import Registry

COLUMNS = 80
INDENT = "  "
NAME_COLUMNS = 18
KEY_COLUMNS = 44
"""Most characters of the column of keys; longer ones break."""
NARROWEST = 8
"""Fewest characters of a column of values."""


@click.command()
@click.argument("method_name", metavar="METHOD[:VARIANT]")
@click.option(
    "--preset", metavar="NAME", help="Show the whole configuration that this preset gives, alone."
)
@options.json_option
@click.pass_obj
def show(registry: Registry, *, method_name: str, preset: str | None, as_json: bool) -> None:
    """Show a method: its paper, presets, variants, and what each key of --set means.

    With a VARIANT, values are those that it gives. A key that it fixes is marked so: --set cannot
    change it.
    """
    spec, variant = registry.method(method_name)
    if preset is not None:
        _show_preset(spec, variant, preset, as_json=as_json)
        return
    document = _describe(registry, spec, variant)
    if as_json:
        options.print_json(document)
        return
    echo("\n".join(_lines(document)))


def _show_preset(spec: MethodSpec, variant: VariantSpec, preset: str, *, as_json: bool) -> None:
    """Print a whole configuration, as JSON or a line a key as `--set` takes it."""
    from bench_core.configuration import choose_method
    from bench_core.configuration_keys import shown_value, values_by_key

    choice = choose_method(spec, variant, preset)
    if as_json:
        config = choice.config.model_dump(mode="json")
        options.print_json({"method": choice.name, "preset": preset, "config": config})
        return
    values = values_by_key(choice.config).items()
    echo("\n".join(terminal_line(f"{key}={shown_value(value)}") for key, value in values))


def _describe(registry: Registry, spec: MethodSpec, variant: VariantSpec) -> dict[str, Any]:
    """Return all that is shown, as JSON values."""
    from bench_core.configuration import choose_method
    from bench_core.configuration_keys import configuration_keys, values_by_key

    configs = {known.name: choose_method(spec, variant, known.name) for known in spec.presets}
    values = {preset: values_by_key(choice.config) for preset, choice in configs.items()}
    first = next(iter(configs.values()))
    fixed = dict(_flat(variant.values))
    return {
        "method": first.name,
        "title": spec.title,
        "paper": asdict(spec.paper),
        "package": registry.distribution_of(spec.id),
        "presets": [{"name": known.name, "summary": known.summary} for known in spec.presets],
        "variants": [
            {"name": known.name, "summary": known.summary, "values": dict(_flat(known.values))}
            for known in spec.variants
        ],
        "keys": [
            {
                "key": key.name,
                "type": key.type,
                "meaning": key.meaning,
                "group": key.group,
                "fixed": key.name in fixed,
                "values": {preset: values[preset][key.name] for preset in values},
            }
            for key in configuration_keys(type(first.config))
        ],
    }


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _lines(document: dict[str, Any]) -> Iterator[str]:
    """Yield the description as lines of 80 columns."""
    from bench_core.configuration_keys import shown_value

    method, paper = document["method"].partition(":")[0], document["paper"]
    yield from _filled(f"{document['method']}: {document['title']} ({document['package']})")
    yield from _filled(
        f"{paper['authors']}: {paper['title']}. {paper['venue']} {paper['year']}", INDENT
    )
    yield f"\nPresets (--preset NAME; bench show {method} --preset NAME shows one whole)\n"
    for preset in document["presets"]:
        yield from _named(preset["name"], preset["summary"])
    yield f"\nVariants (--method {method}:NAME), with what each fixes\n"
    for variant in document["variants"]:
        yield from _named(variant["name"], variant["summary"])
        changes = (f"{key}={shown_value(value)}" for key, value in variant["values"].items())
        yield from _filled(", ".join(changes), INDENT + " " * NAME_COLUMNS)
    yield "\nKeys (--set KEY=VALUE)\n"
    part = ""
    for key in document["keys"]:
        if key["key"].rpartition(".")[0] != part:
            part = key["key"].rpartition(".")[0]
            yield from _filled(f"{part}: {key['group']}" if key["group"] else "", INDENT)
        fixed = " (fixed by the variant)" if key["fixed"] else ""
        yield from _filled(f"{key['key']}: {key['type']}{fixed}", INDENT)
        yield from _filled(key["meaning"], 3 * INDENT)
    first = document["presets"][0]["name"]
    yield f"\nValues by preset; an empty cell is as in {terminal_line(first)}\n"
    yield from _value_tables(document)


def _value_tables(document: dict[str, Any]) -> Iterator[str]:
    """Yield the values of all keys by preset, in as many tables as 80 columns ask for."""
    from bench_core.configuration_keys import shown_value

    presets = [preset["name"] for preset in document["presets"]]
    rows = []
    for key in document["keys"]:
        first, *others = (shown_value(key["values"][preset]) for preset in presets)
        rows.append([key["key"], first, *("" if other == first else other for other in others)])
    key_width = min(KEY_COLUMNS, max(len(row[0]) for row in rows))
    room = max(1, (COLUMNS - key_width) // (NARROWEST + len(INDENT)))
    for start in range(1, len(presets) + 1, room):
        places = [0, *range(start, min(start + room, len(presets) + 1))]
        table = [["key", *presets], *rows]
        yield from _table([[row[place] for place in places] for row in table], key_width)
        yield ""


def _table(rows: Sequence[Sequence[str]], key_width: int) -> Iterator[str]:
    """Yield a table of 80 columns, its first as wide as it is told, others as there is room."""
    natural = [max(map(len, column)) for column in zip(*rows, strict=True)][1:]
    share = _share(natural, COLUMNS - key_width - len(INDENT) * len(natural))
    widths = [key_width, *(min(width, share) for width in natural)]
    for row in rows:
        cells = [
            textwrap.wrap(terminal_line(cell), width) or [""]
            for cell, width in zip(row, widths, strict=True)
        ]
        for number in range(max(map(len, cells))):
            parts = (
                (lines[number] if number < len(lines) else "").ljust(width)
                for lines, width in zip(cells, widths, strict=True)
            )
            yield INDENT.join(parts).rstrip()


def _share(natural: Sequence[int], room: int) -> int:
    """Return the widest limit under which columns fit; narrow ones leave room to others."""
    fitting = (limit for limit in range(max(natural), NARROWEST, -1))
    return next(
        (limit for limit in fitting if sum(min(width, limit) for width in natural) <= room),
        NARROWEST,
    )


def _named(name: str, text: str) -> Iterator[str]:
    """Yield a name with its text beside it, or below it where the name is long."""
    margin = INDENT + " " * NAME_COLUMNS
    lines: Iterable[str] = _filled(text, margin)
    head = INDENT + terminal_line(name)
    if len(head) >= len(margin):
        yield head
        yield from lines
        return
    first, *more = lines or [""]
    yield head.ljust(len(margin)) + first[len(margin) :]
    yield from more


def _filled(text: str, margin: str = "") -> list[str]:
    return textwrap.wrap(
        terminal_line(text),
        COLUMNS,
        initial_indent=margin,
        subsequent_indent=margin,
        break_on_hyphens=False,
    )
