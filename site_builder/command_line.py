"""The reference of the command line, made from the commands themselves."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from bench_core.cli.main import BUILT_IN_COMMANDS, build_cli
from bench_core.plugins import Registry
from site_builder.markdown import code, fenced, prose

FOLDER = "reference/commands"


def command_pages(registry: Registry) -> Iterator[tuple[str, str]]:
    """Give a page for each command of `bench` itself: its place and its Markdown.

    Args:
        registry: The plugins. Their commands are left to their own documentation.
    """
    context = click.Context(build_cli(registry), info_name="bench", obj=registry)
    for command in BUILT_IN_COMMANDS:
        name = str(command.name)
        yield f"{FOLDER}/{name}.md", "\n".join(_command(command, context, level=1))


def _command(command: click.Command, parent: click.Context, level: int) -> Iterator[str]:
    """Give the parts of a command, and of those in its group a level deeper."""
    context = command.context_class(command, info_name=command.name, parent=parent)
    yield f"{'#' * level} {context.command_path}\n"
    yield prose(inspect.cleandoc(command.help or "").replace("\b\n", "")) + "\n"
    usage = " ".join(command.collect_usage_pieces(context))
    yield fenced(f"{context.command_path} {usage}")
    options = list(_options(command, context))
    if options:
        yield f"**Options**\n\n{''.join(options)}"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            yield from _command(command.commands[name], context, level + 1)


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and record[1] and "--help" not in parameter.opts:
            shown, meaning = record
            yield f"{code(shown)}\n:   {prose(meaning)}\n\n"
