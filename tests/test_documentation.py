"""The documentation says what the code does: hooks, commands, the example method."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from bench_core.cli.main import build_cli
from bench_core.contracts import hooks
from bench_core.plugins import Registry
from bench_core.training.pictures import MakesPictures, MixesImages

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PLUGINS = (ROOT / "docs" / "plugins.md").read_text()
COMMANDS = "\n".join(
    [
        README,
        PLUGINS,
        *(
            (ROOT / "docs" / name).read_text()
            for name in ("training.md", "reports.md", "leaderboard.md")
        ),
    ]
)


def hook_signatures() -> list[str]:
    return [
        f"{name}{inspect.signature(function)}".replace("'", "")
        for name, function in vars(hooks).items()
        if name.startswith("bench_")
    ]


@pytest.mark.parametrize("signature", hook_signatures())
def test_every_hook_is_documented_with_its_signature(signature: str) -> None:
    assert signature in PLUGINS


@pytest.mark.parametrize("function", [MakesPictures.pictures, MixesImages.mixing_strip])
def test_what_a_method_may_have_is_documented_with_its_signature(
    function: Callable[..., object],
) -> None:
    signature = str(inspect.signature(function)).replace("self, ", "")
    assert function.__name__ + re.sub(r"'|torch\.", "", signature) in PLUGINS


def documented_commands() -> Iterator[list[str]]:
    for text in re.findall(r"`(bench [^`]+)`", COMMANDS) + re.findall(
        r"^bench .+$", COMMANDS, re.MULTILINE
    ):
        yield text.split()[1:]


@pytest.mark.parametrize("words", list(documented_commands()), ids=" ".join)
def test_every_documented_command_exists_with_its_options(
    words: list[str], registry: Registry
) -> None:
    command: click.Command = build_cli(registry)
    while isinstance(command, click.Group) and words:
        assert words[0] in command.commands
        command, words = command.commands[words[0]], words[1:]
    known = {name for parameter in command.params for name in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


def test_every_method_is_in_the_readme_with_its_variants(registry: Registry) -> None:
    for spec in registry.methods.values():
        (row,) = [line for line in README.splitlines() if line.startswith(f"| `{spec.id}` |")]
        assert all(f"`{variant.name}`" in row for variant in spec.variants[1:])
