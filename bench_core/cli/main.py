"""The entry point of `bench`: builds the command line and turns errors into one line each."""

from __future__ import annotations

from typing import Any

import click

from bench_core.cli import (
    compare,
    data,
    doctor,
    leaderboard,
    listing,
    profile,
    report,
    run,
    show,
    steps,
)
from bench_core.contracts.errors import BenchError, PluginError, UsageError
from bench_core.plugins import Registry, load_registry

BUILT_IN_COMMANDS = (
    run.run,
    steps.train,
    steps.extract,
    steps.evaluate,
    leaderboard.leaderboard,
    compare.compare,
    report.report,
    profile.profile,
    listing.listing,
    show.show,
    data.data,
    doctor.doctor,
)


class Failure(click.ClickException):
    """A `BenchError` as click reports it: one `Error:` line and exit 1."""

    exit_code = 1


class WrongUsage(Failure):
    """A `UsageError` as click reports it: one `Error:` line and exit 2."""

    exit_code = 2


def as_failure(error: BenchError) -> Failure:
    """Turn an error into what click prints and exits with."""
    kind = WrongUsage if isinstance(error, UsageError) else Failure
    return kind(str(error))


class BenchGroup(click.Group):
    """A group whose commands may raise `BenchError`, and where no command is replaced silently."""

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Add a command.

        Raises:
            PluginError: The name is taken.
        """
        name = name or cmd.name
        if name in self.commands:
            raise PluginError(f"a plugin adds the command '{name}', which exists already")
        super().add_command(cmd, name)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a `BenchError` becomes one line."""
        try:
            return super().invoke(ctx)
        except BenchError as error:
            raise as_failure(error) from None


def build_cli(registry: Registry) -> click.Group:
    """Build the command line with the commands of all plugins."""

    @click.group(
        cls=BenchGroup,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    @click.version_option(package_name="vireid-bench", prog_name="bench")
    @click.pass_context
    def cli(context: click.Context) -> None:
        """Train, score, cost and compare methods for visible-infrared person re-identification."""
        context.obj = registry
        for plugin in registry.plugins:
            if plugin.error:
                click.echo(
                    f"Warning: plugin '{plugin.name}' ({plugin.distribution}) could not be loaded "
                    f"and is left out: {plugin.error}",
                    err=True,
                )

    for command in BUILT_IN_COMMANDS:
        cli.add_command(command)
    registry.add_commands(cli)
    return cli


def main() -> None:
    """Run `bench` with the arguments of this process."""
    build_cli(load_registry()).main(prog_name="bench")
