"""Options are declared beside the fields that they fill, and reports have one JSON document."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import click
import pytest
from click.testing import CliRunner

from bench_core.cli.main import BUILT_IN_COMMANDS
from bench_core.cli.options import Option, receives
from bench_core.cli.printing import NAME_IN_JSON, print_json

Size = Annotated[int, Option("--size", default=3, help="How large.")]


@dataclass(frozen=True, kw_only=True)
class Base:
    size: Size


@dataclass(frozen=True, kw_only=True)
class Options(Base):
    path: Annotated[Path | None, Option("--to", type=click.Path(path_type=Path))]
    words: Annotated[tuple[str, ...], Option("--word", multiple=True)]


@click.command()
@click.argument("name")
@receives(Options)
@click.pass_obj
def command(registry: object, options: Options, /, *, name: str) -> None:
    """Do something."""
    click.echo(f"{registry} {name} {options}")


def test_a_command_gets_one_object_of_its_options() -> None:
    arguments = ["n", "--to", "x", "--word", "a", "--word", "b"]
    shown = CliRunner().invoke(command, arguments, obj="registry").stdout
    expected = Options(size=3, path=Path("x"), words=("a", "b"))
    assert shown == f"registry n {expected}\n"


def test_options_of_base_classes_come_first_in_the_help() -> None:
    text = CliRunner().invoke(command, ["--help"]).stdout
    places = [text.index(option) for option in ("--size", "--to", "--word")]
    assert places == sorted(places)
    assert "How large." in text


def commands(group: click.Command) -> list[click.Command]:
    inner = group.commands.values() if isinstance(group, click.Group) else ()
    return [group, *(each for command in inner for each in commands(command))]


def test_no_option_fills_what_another_one_fills() -> None:
    for each in (each for command in BUILT_IN_COMMANDS for each in commands(command)):
        names = [parameter.name for parameter in each.params]
        assert len(set(names)) == len(names), each.name


@dataclass(frozen=True)
class Part:
    score: float = field(metadata={NAME_IN_JSON: "mAP"})


@dataclass(frozen=True)
class Whole:
    path: Path
    parts: tuple[Part, ...]

    @property
    def not_shown(self) -> str:
        return "only fields are"


class Own:
    def as_document(self) -> dict[str, Any]:
        return {"own": Part(0.5)}


def test_a_report_is_its_fields_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_json([Whole(Path("a"), (Part(0.25),)), Own()])
    assert json.loads(capsys.readouterr().out) == [
        {"path": "a", "parts": [{"mAP": 0.25}]},
        {"own": {"mAP": 0.5}},
    ]


def test_what_json_cannot_show_is_a_fault() -> None:
    with pytest.raises(TypeError, match="holds a complex, which JSON cannot show"):
        print_json({"x": 1j})
