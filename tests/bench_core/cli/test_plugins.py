"""A broken plugin is named and the rest works; a conflict names both."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench_core.cli.main import build_cli
from bench_core.plugins import Registry, load_registry

COPY = """
import bench_xiv
from bench_core import hookimpl

@hookimpl
def bench_register_methods():
    return bench_xiv.bench_register_methods()
"""


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Load the installed plugins and one more, of the given source."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(name: str, source: str) -> Registry:
        (tmp_path / f"{name}.py").write_text(source)
        extra = EntryPoint(name=name, value=name, group="bench")
        return load_registry([*entry_points(group="bench"), extra])

    return make


def test_a_broken_plugin_is_named_and_the_rest_works(load: object) -> None:
    registry = load("broken_plugin", "import no_such_library")  # type: ignore[operator]
    cli = build_cli(registry)
    result = CliRunner().invoke(cli, ["list", "methods"])
    assert result.exit_code == 0
    assert "xiv" in result.stdout
    assert "Warning: plugin 'broken_plugin'" in result.stderr
    assert "no_such_library" in result.stderr
    listed = json.loads(CliRunner().invoke(cli, ["list", "plugins", "--json"]).stdout)
    states = {plugin["plugin"]: plugin["state"] for plugin in listed}
    assert "ModuleNotFoundError" in states["broken_plugin"]
    assert states["xiv"] == "loaded"
    doctor = CliRunner().invoke(cli, ["doctor"])
    assert doctor.exit_code == 1
    assert "Error: problems with plugin broken_plugin" in doctor.stderr


def test_two_plugins_with_one_id_are_both_named(load: object) -> None:
    cli = build_cli(load("copied_plugin", COPY))  # type: ignore[operator]
    result = CliRunner().invoke(cli, ["list", "methods"])
    assert result.exit_code == 1
    assert "Error: method 'xiv' is registered by plugin 'copied_plugin'" in result.stderr
    assert "and by plugin 'xiv' (vireid-bench" in result.stderr
    assert CliRunner().invoke(cli, ["list", "plugins"]).exit_code == 0


GREEDY = """
import click
from bench_core import hookimpl

@hookimpl
def bench_register_commands(cli):
    cli.add_command(click.Command("greedy"))
    cli.add_command(click.Command("run"))
"""

NOISY = """
from bench_core import hookimpl

@hookimpl
def bench_run_started():
    raise ValueError("no network")
"""


def test_a_plugin_that_takes_a_command_adds_none(load: object) -> None:
    cli = build_cli(load("greedy_plugin", GREEDY))  # type: ignore[operator]
    result = CliRunner().invoke(cli, ["list", "plugins"])
    assert result.exit_code == 0
    assert "Warning: plugin 'greedy_plugin'" in result.stderr
    assert "command 'run', which exists already" in result.stderr
    assert "greedy" not in cli.commands  # type: ignore[attr-defined]


def test_an_observer_that_fails_is_named_and_ends_nothing(
    load: object, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = load("noisy_plugin", NOISY)  # type: ignore[operator]
    registry.notify("bench_run_started", method="xiv", protocol="p", config={})
    warning = capsys.readouterr().err
    assert "Warning: bench_run_started of plugin 'noisy_plugin' (unknown package)" in warning
    assert warning.endswith("failed: ValueError: no network\n")


def test_a_forgotten_return_is_a_broken_plugin(load: object) -> None:
    source = "from bench_core import hookimpl\n@hookimpl\ndef bench_register_methods():\n    pass\n"
    registry = load("silent_plugin", source)  # type: ignore[operator]
    (info,) = [plugin for plugin in registry.plugins if plugin.name == "silent_plugin"]
    assert "bench_register_methods returned None" in info.error
