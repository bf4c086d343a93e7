"""How errors end a command: one `Error:` line, and an exit code."""

from __future__ import annotations

import io
import os
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from bench_core.contracts.errors import BenchError, PluginError, UsageError
from bench_core.system.escaping import in_one_line, terminal_line, terminal_text

if TYPE_CHECKING:
    from bench_core.plugins import Registry

TRACEBACK_VARIABLE = "VIREID_BENCH_TRACEBACK"
"""Set in the environment, it has the traceback of an unexpected error printed, too."""


class Failure(click.ClickException):
    """A `BenchError` as click reports it: one `Error:` line and exit 1."""

    exit_code = 1


class WrongUsage(Failure):
    """A `UsageError` as click reports it: one `Error:` line and exit 2."""

    exit_code = 2


def as_failure(error: BenchError, registry: Registry) -> Failure:
    """Turn an error into what click prints and exits with; a plugin's fault names the plugin."""
    kind = WrongUsage if isinstance(error, UsageError) else Failure
    text = str(error)
    if isinstance(error, PluginError) and (plugin := registry.culprit(error)):
        text = text if plugin.distribution in text else f"{plugin}: {text}"
    return kind(terminal_line(text))


def refused_by_system(error: OSError) -> Failure:
    """Turn a refusal to open, read or write a file, such as for its name, into one line."""
    name = error.filename if isinstance(error.filename, int) else os.fsdecode(error.filename)
    return Failure(terminal_line(f"cannot use {name}: {error.strerror}"))


def describe_unexpected(error: BaseException, registry: Registry) -> str:
    """Return one line about an error that no part of bench expected, with the way out.

    Args:
        error: Anything that was raised, with its traceback.
        registry: The plugins, one of which may be to blame.
    """
    if isinstance(error, MemoryError):
        return "out of memory; use smaller batches or images, or a machine with more of it"
    where = traceback.extract_tb(error.__traceback__)
    place = f", in {where[-1].filename}, line {where[-1].lineno}" if where else ""
    what = f"{in_one_line(error)}{place}"
    if isinstance(error, SystemExit | KeyboardInterrupt):
        what = f"{type(error).__name__} was raised, which ends a program{place}"
    plugin = registry.culprit(error)
    whose = "This is a fault of bench" if plugin is None else f"It came up in {plugin}"
    whom = "vireid-bench" if plugin is None else plugin.distribution
    advice = f"report it to those who maintain {whom}, with what {TRACEBACK_VARIABLE}=1 shows"
    return terminal_line(f"{what}. {whose}: {advice}")


def print_unexpected(error: BaseException, registry: Registry) -> None:
    """Print the line about an unexpected error, after its traceback where that was asked for."""
    if os.environ.get(TRACEBACK_VARIABLE):
        print_line("".join(traceback.format_exception(error)))
    print_line(f"Error: {describe_unexpected(error, registry)}")


def print_usage(error: click.ClickException) -> None:
    """Print an error as click does: for wrong usage, after how the command is called."""
    shown = io.StringIO()
    error.show(shown)
    print_line(terminal_text(shown.getvalue().rstrip("\n")))


def print_line(line: str) -> None:
    """Print a line to standard error; where that is closed or full, the exit code must do."""
    with suppress(OSError):
        click.echo(line, err=True)
