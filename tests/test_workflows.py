"""What runs on the forge: the commands exist, and a stranger's pull request is only read."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from bench_core.cli.main import build_cli
from bench_core.plugins import Registry

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SUBMISSION = ROOT / ".github" / "workflows" / "submission.yml"


def steps_of(path: Path) -> Iterator[dict[str, Any]]:
    for job in yaml.safe_load(path.read_text())["jobs"].values():
        assert job["runs-on"]
        assert job["timeout-minutes"] <= 60
        yield from job["steps"]


def lines_of(path: Path) -> Iterator[str]:
    for step in steps_of(path):
        yield from step.get("run", "").splitlines()


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_read_alone_and_run_what_exists(path: Path) -> None:
    document = yaml.safe_load(path.read_text())
    assert document["permissions"] == {"contents": "read"}
    makefile = (ROOT / "Makefile").read_text()
    for step in steps_of(path):
        assert ("uses" in step) != ("run" in step)
    for line in lines_of(path):
        words = shlex.split(line)
        if words[0] == "make":
            assert re.search(rf"^{words[1]}:", makefile, re.MULTILINE), line
        elif words[0] == "bash":
            assert (ROOT / words[1]).is_file(), line


def test_the_check_of_a_pull_request_gives_a_stranger_nothing() -> None:
    text = SUBMISSION.read_text()
    document = yaml.safe_load(text)
    assert list(document[True]) == ["pull_request"]  # the key "on" is what YAML calls true
    assert "pull_request_target" not in text
    assert "secrets." not in text
    assert "${{ github.event" not in text  # which a stranger writes
    checkouts = [step for step in steps_of(SUBMISSION) if "checkout" in step.get("uses", "")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_of_a_pull_request_nothing_is_run() -> None:
    """What is installed lies in the base; the head is a word of git and of the check alone."""
    for line in lines_of(SUBMISSION):
        words = shlex.split(line)
        if "head" in words:
            assert words[:2] in (["git", "-C"], ["bench", "submit"])
        if "install" in words:
            assert words[-1] == "./base"


def test_the_check_of_a_pull_request_is_a_command(registry: Registry) -> None:
    (line,) = [line for line in lines_of(SUBMISSION) if line.startswith("bench ")]
    command, _, rest = line.partition(" | ")
    assert rest == 'tee -a "$GITHUB_STEP_SUMMARY"'
    (step,) = [step for step in steps_of(SUBMISSION) if step.get("run") == line]
    assert step["shell"] == "bash"  # where a pipe fails as its first command does
    cli = build_cli(registry)
    _, name, *arguments = shlex.split(command)
    found = cli.get_command(click.Context(cli), name)
    assert found is not None
    context = found.make_context(name, list(arguments), parent=click.Context(cli, obj=registry))
    assert context.params["changes"] == (Path("base"), Path("head"))
