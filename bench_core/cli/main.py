"""The command line of `bench`: built of its own commands and those of plugins, and run."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from typing import Any

import click

from bench_core.cli import (
    compare,
    corruption,
    data,
    doctor,
    export,
    failures,
    features,
    leaderboard,
    lint_table,
    listing,
    matrix,
    plugin,
    preview,
    profile,
    published,
    report,
    run,
    schema,
    search,
    show,
    steps,
    submit,
    surroundings,
    verify,
    weights,
    xray,
)
from bench_core.contracts.errors import BenchError, PluginError
from bench_core.plugins import Registry, load_registry
from bench_core.system import interruption, standard_output
from bench_core.system.escaping import terminal_line
from bench_core.system.process_group import asked_for

BUILT_IN_COMMANDS = (
    run.run,
    matrix.matrix,
    steps.train,
    steps.extract,
    steps.evaluate,
    leaderboard.leaderboard,
    published.published,
    lint_table.lint_table,
    corruption.corruption,
    compare.compare,
    verify.verify,
    submit.submit,
    report.report,
    search.search,
    profile.profile,
    preview.preview,
    listing.listing,
    show.show,
    weights.weights,
    export.export,
    xray.xray,
    data.data,
    plugin.plugin,
    features.features,
    schema.schema,
    doctor.doctor,
)
UNWRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})
"""What the system answers where a stream cannot be written, such as on a full disk."""
COMPLETION_VARIABLE = "_BENCH_COMPLETE"
"""Set by a shell that asks click for completions."""


class BenchGroup(click.Group):
    """A group whose commands may raise `BenchError`, and where no command is replaced silently."""

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Add a command.

        Raises:
            PluginError: It is no command, or the name is taken.
        """
        if not isinstance(cmd, click.Command):
            raise PluginError(f"what it adds is no click.Command, but a {type(cmd).__name__}")
        name = name or cmd.name
        if name in self.commands:
            raise PluginError(f"a plugin adds the command '{name}', which exists already")
        super().add_command(cmd, name)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what users can mend, and an exit within our own, become one line."""
        try:
            return super().invoke(ctx)
        except BenchError as error:
            raise failures.as_failure(error, ctx.obj) from error
        except OSError as error:
            if error.filename is None:
                raise
            raise failures.refused_by_system(error) from error
        except SystemExit as error:
            if ctx.invoked_subcommand not in {command.name for command in BUILT_IN_COMMANDS}:
                raise  # a plugin's own command ends as it likes
            raise failures.Failure(failures.describe_unexpected(error, ctx.obj)) from error


class OwnOutput(click.Context):
    """Where a built-in command runs: standard output is kept for its result."""

    def invoke(self, callback: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Run the command's function; what it or a plugin prints goes to standard error."""
        with standard_output.reserved():
            return super().invoke(callback, *args, **kwargs)


def build_cli(registry: Registry) -> click.Group:
    """Build the command line with the commands of all plugins."""

    @click.group(
        cls=BenchGroup,
        context_settings={
            "help_option_names": ["-h", "--help"],
            "max_content_width": 100,
            "obj": registry,
        },
    )
    @click.version_option(package_name="vireid-bench", prog_name="bench")
    def cli() -> None:
        """Train, score, cost and compare methods for visible-infrared person re-identification."""
        surroundings.prepare()
        for known in registry.plugins:
            if known.error:
                line = f"{known} could not be loaded and is left out: {known.error}"
                click.echo(terminal_line(f"Warning: {line}"), err=True)

    for command in BUILT_IN_COMMANDS:
        _keep_output(command)
        cli.add_command(command)
    registry.add_commands(cli)
    return cli


def run_process(arguments: Sequence[str]) -> int:
    """Run `bench` as the process that this is.

    Args:
        arguments: Those of the command line, without the program.

    Returns:
        The exit code: 0 done, 1 failed, 2 wrong usage, 128 and the number of a signal that ended
        it.
    """
    registry = Registry((), ())
    try:
        standard_output.prepare()
        with standard_output.reserved():
            registry = load_registry()
            cli = build_cli(registry)
        with interruption.cleaning_up():
            exit_code = _run(cli, arguments)
            standard_output.finish()
    except BaseException as error:  # noqa: BLE001  # the net: what is left becomes one line
        exit_code = _end(error, registry)
    standard_output.settle()
    return exit_code


def _run(cli: click.Group, arguments: Sequence[str]) -> int:
    if COMPLETION_VARIABLE in os.environ:
        cli.main(list(arguments), prog_name="bench")
    try:
        with cli.make_context("bench", list(arguments)) as context:
            cli.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    return 0


def _end(error: BaseException, registry: Registry) -> int:
    """Print what ended the process, and return its exit code."""
    if (stopped := interruption.stopped()) is not None:
        if asked_for() == 1:  # else whoever started the processes tells
            failures.print_line(f"Stopped by a signal: {stopped}.")
        return stopped.exit_code
    if isinstance(error, click.ClickException):
        failures.print_usage(error)
        return error.exit_code
    if isinstance(error, SystemExit):  # a plugin's own command ends as it likes
        return _exit_code(error)
    if isinstance(error, BrokenPipeError) and error.filename is None:
        return 1  # as when `head` has read enough
    if isinstance(error, OSError) and error.filename is None and error.errno in UNWRITABLE:
        error = BenchError(f"cannot write the output: {error.strerror}")
    if isinstance(error, BenchError | click.Abort):
        failures.print_line(f"Error: {terminal_line(str(error) or 'aborted')}")
    else:
        failures.print_unexpected(error, registry)
    return 1


def _exit_code(error: SystemExit) -> int:
    if error.code is None or isinstance(error.code, int):
        return error.code or 0
    failures.print_line(str(error.code))
    return 1


def _keep_output(command: click.Command) -> None:
    """Keep standard output for the results of a built-in command and of those in its group."""
    command.context_class = OwnOutput
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            _keep_output(inner)
