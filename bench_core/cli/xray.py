"""`bench xray`: what somebody's evaluation function does, named."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench_core.cli.options import json_option
from bench_core.cli.printing import print_json, print_table
from bench_core.contracts.errors import BenchError, UsageError
from bench_core.system.escaping import terminal_line
from bench_core.system.standard_output import echo
from bench_core.system.text_layout import terminal_paragraph

if TYPE_CHECKING:
    from bench_core.plugins import Registry
    from bench_core.xray.report import Finding, XrayReport

FORMS = ("auto", "agw", "regdb", "mpanet", "mpanet-regdb", "draw")
ARRAYS = ("auto", "numpy", "torch")


@click.command()
@click.argument("target", metavar="SCRIPT:FUNCTION")
@click.option(
    "--form",
    type=click.Choice(FORMS),
    default="auto",
    show_default=True,
    help="How the function is called; auto goes by the number of arguments that it must be given.",
)
@click.option(
    "--protocol",
    "protocol_id",
    metavar="ID",
    help="What it is compared with; see 'bench list protocols'. [default: the nearest]",
)
@click.option(
    "--arrays",
    type=click.Choice(ARRAYS),
    default="auto",
    show_default=True,
    help="In what features are given; auto is torch for the forms that take features.",
)
@click.option(
    "--timeout",
    "timeout_seconds",
    type=click.FloatRange(min=1, max=86_400),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="The most that the function may take, all its calls together.",
)
@click.option("--check", is_flag=True, help="Exit 1 where scores differ from those of --protocol.")
@json_option
@click.pass_obj
def xray(  # noqa: PLR0913  # an argument for each option
    registry: Registry,
    *,
    target: str,
    form: str,
    protocol_id: str | None,
    arrays: str,
    timeout_seconds: float,
    check: bool,
    as_json: bool,
) -> None:
    """Name what an evaluation function of somebody else does.

    SCRIPT:FUNCTION is such as test.py:eval_sysu. The function is called, in a process of its own,
    with made-up inputs that tell apart what the field's functions do; what nothing known explains
    is said to be unknown.
    """
    from bench_core.xray.analysis import identify
    from bench_core.xray.process import call
    from bench_core.xray.report import make_report

    if check and protocol_id is None:
        raise UsageError("--check needs --protocol, to know what the scores must be")
    script, function = _split(target)
    specs = [registry.protocol(protocol_id)] if protocol_id else list(registry.protocols.values())
    transcript = call(script, function, form=form, arrays=arrays, timeout_seconds=timeout_seconds)
    try:
        identity = identify(transcript)
    except BenchError as error:
        raise BenchError(f"{target}: {error}") from error
    report = make_report(target, identity, specs)
    if as_json:
        print_json(report)
    else:
        _print_report(report, is_chosen=protocol_id is not None)
    if check and not report.agrees:
        raise BenchError(f"{target} does not give the scores of {protocol_id}; see the report")


def _split(target: str) -> tuple[Path, str]:
    script, colon, function = target.rpartition(":")
    if not colon or not script or not function.isidentifier():
        raise UsageError(f"{target}: expected SCRIPT:FUNCTION, such as test.py:eval_sysu")
    return Path(script), function


def _print_report(report: XrayReport, *, is_chosen: bool) -> None:
    from bench_core.xray.report import unexplained

    echo(f"{terminal_line(report.function)}, called in the form '{report.identity.form}'\n")
    print_table(
        ["choice", "this function", report.protocol],
        [[one.title, one.meaning, _beside(one)] for one in report.findings],
        text=("choice", "this function", report.protocol),
    )
    for line in unexplained(report.identity):
        _paragraph(line)
    _print_effects([one for one in report.findings if one.effect is not None])
    for note in report.identity.notes:
        _paragraph(f"Note: {note}.")
    _paragraph(_conclusion(report, is_chosen=is_chosen))


def _beside(finding: Finding) -> str:
    if finding.agrees:
        return "the same"
    if finding.choice == "draw" and not finding.counts:
        return f"another convention of its own; {finding.expected_meaning} by default"
    return finding.expected_meaning


def _print_effects(findings: list[Finding]) -> None:
    """Print by how many points each difference moves the score of a probe."""
    from bench_core.xray.standard import METRICS

    if not findings:
        return
    echo("\nWhat each difference alone moves the score of probes by, in points:\n")
    rows = [
        [one.title, *(f"{one.effect[name]:+.2f}" for name in METRICS)]
        for one in findings
        if one.effect is not None
    ]
    print_table(["choice", *METRICS], rows)


def _paragraph(text: str) -> None:
    echo()
    for line in terminal_paragraph(text):
        echo(line)


def _conclusion(report: XrayReport, *, is_chosen: bool) -> str:
    if report.agrees:
        others = [name for name in report.agrees_with if name != report.protocol]
        also = f"; so it does for {', '.join(others)}" if others else ""
        apart = [one.title for one in report.findings if not one.agrees and one.choice != "draw"]
        but = f", apart from: {', '.join(apart)}" if apart else ""
        return f"It gives the scores of {report.protocol}{but}{also}."
    nearest = "" if is_chosen else ", the nearest protocol"
    return f"It does not give the scores of {report.protocol}{nearest}."
