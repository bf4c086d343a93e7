"""Tables on a terminal: a cell is one line, whatever a plugin put into it."""

from __future__ import annotations

from dataclasses import replace

from click.testing import CliRunner

from bench_core.cli.main import build_cli
from bench_core.plugins import Registry


def test_a_title_of_a_plugin_stays_in_its_cell(registry: Registry) -> None:
    spec = replace(registry.method("xiv")[0], title="one\nError: two\x1b[2J\u202e")
    changed = {**registry.methods, "xiv": spec}

    class Changed(Registry):
        methods = changed  # type: ignore[assignment]

        def distribution_of(self, method_id: str) -> str:
            return registry.distribution_of(method_id)

    result = CliRunner().invoke(build_cli(Changed((), ())), ["list", "methods"])
    assert [line for line in result.stdout.splitlines() if line.startswith("xiv")]
    assert not [line for line in result.stdout.splitlines() if line.startswith("Error:")]
    assert r"two\x1b[2J\u202e" in result.stdout
