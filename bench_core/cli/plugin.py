"""`bench plugin`: a method by a stranger, begun and checked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench_core.cli.options import json_option
from bench_core.cli.printing import print_json, print_paragraph, print_table
from bench_core.contracts.errors import BenchError, UsageError, unknown_name
from bench_core.system.escaping import terminal_line
from bench_core.system.standard_output import echo
from bench_core.system.text_layout import terminal_paragraph

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench_core.plugin_check.report import CheckResult, PluginReport
    from bench_core.plugins import PluginInfo, Registry


USUAL_MODEL = "torchvision:resnet50"


@click.group()
def plugin() -> None:
    """Begin a method of your own; check a method or a re-ranker."""


@plugin.command()
@click.argument("name")
@click.option(
    "--output",
    "output",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder to write, which must not exist. [default: NAME]",
)
@click.option(
    "--extract-only",
    is_flag=True,
    help="Wrap a released model, which trains nothing, instead of a method of your own.",
)
@click.option(
    "--module",
    "wrapped",
    metavar="MODEL",
    help="With --extract-only: what makes the network, as package.module:factory, FILE.py:factory "
    "(which is copied, with what it imports from its folder), torchvision:NAME or timm:NAME. "
    f"[default: {USUAL_MODEL}]",
)
@json_option
@click.pass_obj
def new(
    registry: Registry,
    *,
    name: str,
    output: Path | None,
    extract_only: bool,
    wrapped: str | None,
    as_json: bool,
) -> None:
    """Write a package with a small method, or with a released model, that works as it is.

    NAME is what the package and the method are called, such as my-method.
    """
    if wrapped is not None and not extract_only:
        raise UsageError("--module names a released model to wrap; add --extract-only")

    from bench_core.scaffolding.package import write_package

    model = (wrapped or USUAL_MODEL) if extract_only else None
    written = write_package(name, Path(name) if output is None else output, registry, model)
    if as_json:
        print_json(written)
        return
    echo(f"{terminal_line(str(written.folder))}: {len(written.files)} files. What comes next:\n")
    for command in written.next_commands:
        echo(f"  {terminal_line(command)}")


@plugin.command()
@click.argument("name")
@click.option(
    "--variant",
    "variants",
    multiple=True,
    metavar="NAME",
    help="Check this variant; may be repeated. [default: all]",
)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change a value of the configuration, which of a method is the preset quick made small.",
)
@click.option(
    "--timeout",
    "timeout_seconds",
    type=click.FloatRange(min=1, max=86_400),
    default=120.0,
    show_default=True,
    metavar="SECONDS",
    help="The most that each check may take.",
)
@json_option
@click.pass_obj
def check(
    registry: Registry,
    *,
    name: str,
    variants: tuple[str, ...],
    assignments: tuple[str, ...],
    timeout_seconds: float,
    as_json: bool,
) -> None:
    """Check a plugin: what it registers, trains, extracts, writes. Exit 1 where a check failed.

    NAME is a method, a re-ranker, or an entry point as 'bench list plugins' shows it. The plugin
    runs in a process of its own, on random images, without the network.
    """
    from bench_core.plugin_check.process import Wanted, check_plugin
    from bench_core.system.progress import progress

    found, ids = _find(registry, name, variants)
    wanted = Wanted(**ids, variants=variants, assignments=assignments)
    with progress(total=0, description="checking", unit="check") as bar:

        def show(done: int, known: int) -> None:
            bar.total = known
            bar.update(done - bar.n)

        report = check_plugin(found, wanted, timeout_seconds=timeout_seconds, listener=show)
    if as_json:
        print_json(report)
    else:
        _print_report(report)
    if not report.passed:
        raise BenchError(f"{found}: {report.summary()}")


def _find(
    registry: Registry, name: str, variants: tuple[str, ...]
) -> tuple[PluginInfo, dict[str, tuple[str, ...]]]:
    """Return the plugin of a method, a re-ranker or an entry point, and which of it are checked.

    Raises:
        UsageError: There is none of these, or no such variant.
        PluginError: Two plugins claim an id.
    """
    plugins = {info.name: info for info in registry.plugins}
    methods, rerankers = registry.methods, registry.rerankers
    if name in methods:
        known = {variant.name for variant in methods[name].variants}
        for variant in variants:
            if variant not in known:
                raise unknown_name(f"variant of {name}", variant, known)
        return registry.plugin_of(name), {"methods": (name,)}
    if name in rerankers:
        if variants:
            raise UsageError(f"--variant {variants[0]}: '{name}' is a re-ranker, without variants")
        return registry.plugin_of_reranker(name), {"rerankers": (name,)}
    if name not in plugins:
        raise unknown_name("method, re-ranker or plugin", name, {*methods, *rerankers, *plugins})
    return plugins[name], {}


def _print_report(report: PluginReport) -> None:
    echo(f"plugin '{terminal_line(report.plugin)}' ({terminal_line(report.package)})")
    for about in dict.fromkeys(result.about for result in report.checks):
        results = [result for result in report.checks if result.about == about]
        echo(f"\n{terminal_line(about)}\n")
        columns = ["check", "result"]
        print_table(columns, [[one.check, one.state] for one in results], text=columns)
        for result in results:
            if result.state == "failed":
                _print_finding(result, report.package)
        for detail in dict.fromkeys(one.detail for one in results if one.state == "not run"):
            _print_reason(detail, [one.check for one in results if one.detail == detail])
    echo(f"\n{report.summary()}")


def _print_finding(result: CheckResult, package: str) -> None:
    """Print what is wrong, where in whose code, and how it is mended."""
    place = f" In {package}: {result.file}, line {result.line}." if result.file else ""
    echo()
    for line in terminal_paragraph(f"{result.check}: {result.detail}.{place}", hanging="  "):
        echo(line)
    if result.mend:
        for line in terminal_paragraph(f"To mend it: {result.mend}", margin="  "):
            echo(line)


def _print_reason(detail: str, checks: Sequence[str]) -> None:
    """Print why some checks were not run, once for all of them."""
    echo()
    print_paragraph(f"not run: {', '.join(checks)}: {detail}.")
