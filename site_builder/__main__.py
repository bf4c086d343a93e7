"""`python -m site_builder build | serve`: the documentation site."""

from __future__ import annotations

import sys
import time

import click

from bench_core.contracts.errors import BenchError
from site_builder import building


@click.group()
def cli() -> None:
    """Build the documentation site, or serve it while it is written."""


@cli.command()
def build() -> None:
    """Build the site into the folder site; a broken link, an unknown name, any warning fails."""
    started = time.perf_counter()
    building.write_pages()
    building.build()
    click.echo(f"site {building.SITE} ({time.perf_counter() - started:.1f} s)")


@cli.command()
@click.option("--address", default="127.0.0.1:8000", show_default=True, metavar="HOST:PORT")
def serve(address: str) -> None:
    """Serve the site, and build it again whenever a page changes."""
    building.serve(address)


if __name__ == "__main__":
    try:
        cli(standalone_mode=True)
    except BenchError as error:
        sys.stderr.write(f"Error: {error}\n")
        sys.exit(1)
