"""From the repository to the site: the pages are written, and the site is built of them."""

from __future__ import annotations

import functools
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from bench_core.contracts.errors import BenchError
from bench_core.plugins import load_registry
from site_builder.command_line import command_pages
from site_builder.file_forms import form_pages
from site_builder.methods import methods_page
from site_builder.navigation import navigation
from site_builder.pages import Pages
from site_builder.python_reference import python_pages

ROOT = Path(__file__).parents[1]
STAGE = ROOT / "build" / "site"
"""Where the pages and the configuration are written, of which the site is built."""
SITE = ROOT / "site"
BUILT = "site"
"""Where it is built, below the stage: the program writes nowhere else."""
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_COMPLAINT = re.compile(r"warning|error|mkdocstrings|griffe|autorefs", re.IGNORECASE)
SECONDS_BETWEEN_LOOKS = 0.5


def write_pages(root: Path = ROOT, stage: Path = STAGE) -> Path:
    """Write the pages of the site with its configuration.

    Args:
        root: The repository.
        stage: The folder that is written; what else its pages have is removed.

    Returns:
        The configuration.

    Raises:
        BenchError: A link names nothing, or two pages have one place.
    """
    pages = Pages(root)
    pages.add_repository()
    for place, text in _generated(root):
        pages.generate(place, text)
    pages.write(stage / "pages")
    return _write_configuration(root, stage, pages)


@functools.cache
def _generated(root: Path) -> tuple[tuple[str, str], ...]:
    """Return the pages that are made from the code, which this process loads once."""
    registry = load_registry()
    return (
        *command_pages(registry),
        *form_pages(),
        *python_pages(root),
        ("methods/index.md", methods_page(registry)),
    )


def _write_configuration(root: Path, stage: Path, pages: Pages) -> Path:
    configuration: dict[str, Any] = yaml.safe_load((root / "mkdocs.yml").read_text())
    (python,) = (
        plugin["mkdocstrings"]["handlers"]["python"]
        for plugin in configuration["plugins"]
        if "mkdocstrings" in plugin
    )
    python["paths"] = [str(root)]
    look = root / configuration["theme"].pop("assets")
    for source in look.iterdir():
        (stage / "pages" / source.name).write_bytes(source.read_bytes())
    configuration |= {
        "docs_dir": "pages",
        "site_dir": BUILT,
        "nav": navigation(pages.texts),
    }
    path = stage / "mkdocs.yml"
    path.write_text(yaml.safe_dump(configuration, sort_keys=False))
    return path


def build(stage: Path = STAGE, site: Path = SITE) -> None:
    """Build the site of pages that were written; a warning is an error.

    Args:
        stage: Where `write_pages` wrote them.
        site: The folder that the site becomes; an older one is replaced.

    Raises:
        BenchError: A link or an anchor leads nowhere, or a name of the reference is unknown; what
            was found is told before.
    """
    done = subprocess.run(
        [*_program(), "build", "--strict", "--clean", "--config-file", stage / "mkdocs.yml"],
        capture_output=True,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
        check=False,
    )
    told = _COLOUR.sub("", done.stdout + done.stderr).partition("Traceback (most recent")[0]
    if done.returncode or _COMPLAINT.search(told):
        sys.stderr.write(told)
        raise BenchError(f"the site cannot be built: see above; its pages are in {stage / 'pages'}")
    shutil.rmtree(site, ignore_errors=True)
    shutil.move(stage / BUILT, site)


def serve(address: str, root: Path = ROOT, stage: Path = STAGE) -> None:
    """Serve the site, and write its pages anew whenever a page of the repository changes.

    Args:
        address: "HOST:PORT".
        root: The repository.
        stage: Where its pages are written, as by `write_pages`.
    """
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    configuration = write_pages(root, stage)
    server = [*_program(), "serve", "--dev-addr", address, "--config-file", str(configuration)]
    with subprocess.Popen(server) as process:
        seen = _changed_at(root)
        try:
            while process.poll() is None:
                time.sleep(SECONDS_BETWEEN_LOOKS)
                if (now := _changed_at(root)) != seen:
                    seen = now
                    _write_again(root, stage)
        finally:
            process.terminate()


def _write_again(root: Path, stage: Path) -> None:
    """Write the pages; what is wrong with them is told, and mended while the server runs."""
    try:
        write_pages(root, stage)
    except BenchError as error:
        sys.stderr.write(f"Error: {error}\n")


def _changed_at(root: Path) -> float:
    watched = [root / "mkdocs.yml", *root.glob("*.md"), *(root / "docs").rglob("*")]
    return max(path.stat().st_mtime for path in watched if path.is_file())


def _program() -> list[str]:
    return [sys.executable, "-m", "zensical"]
