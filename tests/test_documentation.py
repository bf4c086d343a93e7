"""The documentation says what the code does: hooks, commands, the example method."""

from __future__ import annotations

import inspect
import re
import shlex
from collections.abc import Callable, Iterator
from itertools import pairwise
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
PAGES = [
    str(path.relative_to(ROOT))
    for path in sorted(
        [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*/*.md")]
    )
    if "bench " in path.read_text()
]


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


def documented_commands(page: str) -> Iterator[list[str]]:
    """Yield the words of each command of a page: in the text, and on lines of their own."""
    text = (ROOT / page).read_text()
    for command in re.findall(r"(?<!`)`(bench [^`]+)`(?!`)", text) + re.findall(
        r"^(?:\$ )?(bench [a-z].*?)(?:  #.*)?$", text, re.MULTILINE
    ):
        yield shlex.split(command)[1:]


def find_command(root: click.Command, words: list[str]) -> tuple[click.Command, list[str]]:
    """Return the command that words begin with, and the words behind its name."""
    command, rest = root, words
    while isinstance(command, click.Group) and rest and not rest[0].startswith(("-", "...")):
        assert rest[0] in command.commands, f"no command {rest[0]}"
        command, rest = command.commands[rest[0]], rest[1:]
    return command, rest


def is_placeholder(value: str) -> bool:
    """Whether a value stands for others: NAME, a|b, ..., or what the reader makes."""
    return bool(re.search(r"[A-Z|]|\.\.\.|^(my|their)-|\.toml$|^hetero-center", value))


def check_value(option: click.Option, value: str, registry: Registry) -> None:
    if not value or is_placeholder(value):
        return
    if isinstance(option.type, click.Choice):
        assert value in option.type.choices, f"{option.opts[0]} {value}"
    if "--method" in option.opts:
        registry.method(value)
    if "--protocol" in option.opts:
        registry.protocol(value)


@pytest.mark.parametrize("page", PAGES)
def test_every_documented_command_exists_with_its_options(page: str, registry: Registry) -> None:
    """Whether it can be run, and says what is shown, tests of the pages say."""
    root = build_cli(registry)
    for words in documented_commands(page):
        command, rest = find_command(root, words)
        known = {
            name: parameter
            for parameter in command.params
            for name in (*parameter.opts, *parameter.secondary_opts)
        }
        for word, following in pairwise([*rest, ""]):
            name, _, given = word.partition("=")
            if name.startswith("--"):
                assert name in known, f"bench {shlex.join(words)}: no {name}"
                option = known[name]
                assert isinstance(option, click.Option)
                if not option.is_flag:
                    check_value(option, given or following, registry)


def test_every_method_is_in_the_readme_with_its_variants(registry: Registry) -> None:
    for spec in registry.methods.values():
        (row,) = [line for line in README.splitlines() if line.startswith(f"| `{spec.id}` |")]
        assert all(f"`{variant.name}`" in row for variant in spec.variants[1:])


METHOD_PAGE = (
    "What it is",
    "Training",
    "Equations implemented",
    "From the description",
    "Presets and variants",
    "Cost",
    "Pictures",
    "Verified",
    "Could not be settled",
    "Published numbers",
    "How to run",
)
"""The headings of a page on a method."""


def test_every_method_has_a_page_with_the_same_headings(registry: Registry) -> None:
    for spec in registry.methods.values():
        page = (ROOT / "docs" / "methods" / f"{spec.id}.md").read_text()
        assert tuple(re.findall(r"^## (.+)$", page, re.MULTILINE)) == METHOD_PAGE, spec.id


def test_the_readme_shows_rows_of_the_leaderboard() -> None:
    section = README.partition("## The leaderboard")[2].partition("\n## ")[0]
    shown = [line for line in section.splitlines() if line.startswith("|")]
    leaderboard = (ROOT / "results" / "leaderboard.md").read_text()
    _, _, official = leaderboard.partition(": sysu-all-single, official galleries")
    rows = [line for line in official.splitlines() if line.startswith("|")]
    assert len(shown) > 4
    assert shown == rows[: len(shown)]
