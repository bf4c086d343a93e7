"""`bench show`: what a stranger needs to know of a method before running it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bench_core.cli.main import build_cli
from bench_core.configuration import choose_method, parse_assignments
from bench_core.configuration_keys import ConfigurationKey
from bench_core.plugins import Registry, load_registry

Bench = Callable[..., Result]
METHODS = list(load_registry().methods)


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("method", METHODS)
def test_every_built_in_method_reads_at_80_columns(
    bench: Bench, registry: Registry, method: str
) -> None:
    spec, _ = registry.method(method)
    text = bench("show", method).stdout
    assert max(map(len, text.splitlines())) <= 80
    for part in (spec.paper.title, spec.paper.authors, *(p.summary for p in spec.presets)):
        assert part in words(text)
    assert all(variant.summary in words(text) for variant in spec.variants)


@pytest.mark.parametrize("method", METHODS)
def test_every_key_of_a_built_in_method_has_a_meaning(bench: Bench, method: str) -> None:
    document = json.loads(bench("show", method, "--json").stdout)
    assert [key["key"] for key in document["keys"] if not key["meaning"]] == []


def test_values_of_presets_stand_side_by_side_where_they_differ(bench: Bench) -> None:
    lines = [line.split() for line in bench("show", "xiv").stdout.splitlines()]
    assert ["epochs", "120", "30"] in lines
    assert ["image_height", "256", "96"] in lines


def test_a_variant_shows_what_it_fixes(bench: Bench, registry: Registry) -> None:
    text = bench("show", "xiv:baseline").stdout
    assert "x_source: learned | mean | gray | v | y | none (fixed by the variant)" in text
    assert "x_source=none, cross_modality_gap=false" in text
    document = json.loads(bench("show", "xiv:baseline", "--json").stdout)
    (key,) = [key for key in document["keys"] if key["key"] == "x_source"]
    assert key["fixed"] is True
    assert set(key["values"].values()) == {"none"}
    assert key["values"].keys() == {preset.name for preset in registry.methods["xiv"].presets}


def test_a_part_is_explained_before_its_keys(bench: Bench) -> None:
    text = words(bench("show", "xiv").stdout)
    assert "sampling: P identities x K images; the paper gives their product, 48." in text


def test_a_whole_preset_is_printed_as_set_takes_it(bench: Bench, registry: Registry) -> None:
    lines = bench("show", "xiv:baseline", "--preset", "quick").stdout.splitlines()
    assert "optimizer.learning_rate=0.004" in lines
    spec, variant = registry.method("xiv")
    config = choose_method(spec, variant, "paper", lines).config
    assert config == choose_method(*registry.method("xiv:baseline"), "quick").config
    document = json.loads(bench("show", "xiv:baseline", "--preset", "quick", "--json").stdout)
    assert (document["method"], document["preset"]) == ("xiv:baseline", "quick")
    assert document["config"] == config.model_dump(mode="json")
    assert parse_assignments(lines)["epochs"] == document["config"]["epochs"]


@pytest.mark.parametrize("method", METHODS)
def test_no_key_and_no_number_is_broken(bench: Bench, method: str) -> None:
    document = json.loads(bench("show", method, "--json").stdout)
    table = bench("show", method).stdout.partition("Values by preset")[2]
    shown = set(table.replace("[", " ").replace("]", " ").replace(",", " ").split())
    for key in document["keys"]:
        assert key["key"] in shown
        for value in key["values"].values():
            numbers = value if isinstance(value, list) else [value]
            assert {f"{part:.6g}" for part in numbers if type(part) is float} <= {
                f"{float(word):.6g}" for word in shown if word[0].isdecimal()
            }


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["xvi"], "did you mean 'xiv'"),
        (["xiv:baselin"], "did you mean"),
        (["xiv", "--preset", "quik"], "did you mean 'quick'"),
    ],
)
def test_a_misspelt_name_gets_the_nearest(bench: Bench, arguments: list[str], says: str) -> None:
    result = bench("show", *arguments)
    assert result.exit_code == 2
    assert says in result.stderr


def test_many_presets_and_long_keys_stay_within_80_columns(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, variant = registry.method("xiv")
    more = tuple(replace(spec.presets[0], name=f"preset-number-{place}") for place in range(9))
    many = replace(spec, presets=(*spec.presets, *more))
    keys = [
        ConfigurationKey("part.of_a_part." + "long_name_" * 6, "any value", "", "A part."),
        ConfigurationKey("epochs", "integer", "Epochs.", ""),
    ]
    monkeypatch.setattr(type(registry), "method", lambda *_: (many, variant))
    monkeypatch.setattr("bench_core.configuration_keys.configuration_keys", lambda _kind: keys)
    monkeypatch.setattr(
        "bench_core.configuration_keys.values_by_key",
        lambda _config: {key.name: "value-" * 20 for key in keys},
    )
    text = CliRunner().invoke(build_cli(registry), ["show", "xiv"], catch_exceptions=False).stdout
    assert max(map(len, text.splitlines())) <= 80
    assert all(preset.name in words(text) for preset in many.presets)


def test_text_of_a_plugin_cannot_forge_lines(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, variant = registry.method("xiv")
    hostile = replace(spec, title="x\nError: all is lost\x1b[2J " + "long" * 40)
    monkeypatch.setattr(type(registry), "method", lambda *_: (hostile, variant))
    text = CliRunner().invoke(build_cli(registry), ["show", "xiv"]).stdout
    assert "Error:" not in [line[:6] for line in text.splitlines()]
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_preset_is_written_as_a_file_that_commands_take(bench: Bench) -> None:
    written = bench("show", "xiv:baseline", "--preset", "quick", "--output", "mine.toml")
    assert written.exit_code == 0, written.stderr
    assert "bench run --method xiv:baseline --config mine.toml" in written.stdout
    text = Path("mine.toml").read_text()
    Path("mine.toml").write_text(text.replace("\nepochs = 30\n", "\nepochs = 7\n"))
    profile = ["profile", "--method", "xiv:baseline", "--config", "mine.toml", "--json"]
    document = json.loads(bench(*profile).stdout)
    assert document["preset"] == "quick"  # that of the file
    assert document["overrides"] == ["epochs"]
    other = bench(*profile, "--preset", "paper", "--set", "image_width=64")
    assert json.loads(other.stdout)["image_size"] == [96, 64]
    wrong = bench("profile", "--method", "xiv", "--config", "mine.toml")
    assert wrong.exit_code == 2
    assert "mine.toml: method: it is a configuration of xiv:baseline" in wrong.stderr


def test_a_written_preset_is_told_in_json(bench: Bench) -> None:
    arguments = ["show", "xiv", "--preset", "quick", "--output", "mine.toml", "--json"]
    document = json.loads(bench(*arguments).stdout)
    assert document == {"method": "xiv", "preset": "quick", "file": "mine.toml"}


def test_a_file_of_no_preset_is_refused(bench: Bench) -> None:
    result = bench("show", "xiv", "--output", "mine.toml")
    assert result.exit_code == 2
    assert "say which with --preset NAME" in result.stderr
    assert not Path("mine.toml").exists()


def test_commands_for_a_declared_model_name_its_file(bench: Bench, released_model: Path) -> None:
    path = released_model / "theirs.toml"
    path.write_text('name = "theirs"\ntitle = "T"\n' + (released_model / "agw.toml").read_text())
    text = words(bench("show", path).stdout)
    assert f"bench show {path} --preset NAME" in text
    assert "--method theirs" not in text
    written = bench("show", path, "--preset", "paper", "--output", "mine.toml")
    assert f"bench run --method {path} --config mine.toml" in written.stdout
    shown = bench("profile", "--method", path, "--config", "mine.toml", "--json")
    assert json.loads(shown.stdout)["overrides"] == []
