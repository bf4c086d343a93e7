"""`bench doctor`: what this installation can do, and what is wrong with it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from bench_core.cli.options import json_option
from bench_core.cli.printing import print_json, print_table
from bench_core.contracts.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench_core.plugins import Registry

SPACE_FOR_FULL_DATASET = 5e9
"""Bytes that SYSU-MM01 takes when it is decoded at 256 x 128."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        subject: What was looked at.
        state: "ok", "note" (works, but worth knowing) or "problem".
        detail: What was found and, where needed, the way out.
    """

    subject: str
    state: str
    detail: str


@click.command()
@json_option
@click.pass_obj
def doctor(registry: Registry, *, as_json: bool) -> None:
    """Check the installation: libraries, devices, plugins, folders. Exit 1 on a problem."""
    findings = [*_libraries(), *_plugins(registry), *_folders()]
    if as_json:
        print_json(findings)
    else:
        columns = ["subject", "state", "detail"]
        rows = [[finding.subject, finding.state, finding.detail] for finding in findings]
        print_table(columns, rows, text=columns)
    problems = [finding.subject for finding in findings if finding.state == "problem"]
    if problems:
        raise BenchError(f"problems with {', '.join(problems)}; see the table")


def _libraries() -> Iterator[Finding]:
    import platform

    import torch

    from bench_core.system.devices import default_threads

    yield Finding("python", "ok", platform.python_version())
    yield Finding("torch", "ok", f"{torch.__version__}, {default_threads()} threads for trainings")
    yield _torchvision()
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            yield Finding(f"cuda:{index}", "ok", torch.cuda.get_device_name(index))
    else:
        yield Finding("cuda", "note", "no device: everything runs on the CPU")


def _torchvision() -> Finding:
    try:
        import torchvision
        from torchvision.ops import nms  # noqa: F401  # fails where torch is of another build
    except (ImportError, RuntimeError, OSError) as error:
        advice = "install the torchvision that belongs to this torch"
        return Finding("torchvision", "problem", f"{' '.join(str(error).split())}; {advice}")
    return Finding("torchvision", "ok", str(torchvision.__version__))


def _plugins(registry: Registry) -> Iterator[Finding]:
    for plugin in registry.plugins:
        state = "problem" if plugin.error else "ok"
        yield Finding(f"plugin {plugin.name}", state, plugin.error or plugin.distribution)
    for conflict in registry.conflicts:
        yield Finding("plugins", "problem", f"{conflict}; uninstall one of the two")


def _folders() -> Iterator[Finding]:
    from bench_core.system.cache_folder import cache_directory
    from bench_core.system.files import check_writable

    try:
        folder = cache_directory()
        check_writable(folder)
        free = shutil.disk_usage(folder).free
    except BenchError as error:
        yield Finding("cache", "problem", f"{error}; VIREID_BENCH_CACHE chooses it")
        return
    except OSError as error:
        yield Finding("cache", "problem", f"{error.filename}: {error.strerror}")
        return
    state = "ok" if free > SPACE_FOR_FULL_DATASET else "note"
    yield Finding("cache", state, f"{folder}, {free / 1e9:.0f} GB free")
