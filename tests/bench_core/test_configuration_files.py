"""Configuration files: what is written gives the same configuration, and what differs is said."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import pytest
from pydantic import Field

from bench_core.configuration import MethodChoice, MethodConfig, choose_method
from bench_core.configuration_files import configuration_text, read_configuration
from bench_core.contracts.errors import UsageError
from bench_core.contracts.method import MethodSpec, Paper, PresetSpec, VariantSpec
from bench_core.plugins import Registry, load_registry

Choose: TypeAlias = Callable[..., MethodChoice]
SPECS = load_registry().methods.values()


@pytest.fixture
def choose(registry: Registry, tmp_path: Path) -> Choose:
    """Choose a method with the text of a configuration file."""
    path = tmp_path / "mine.toml"

    def chosen(
        text: str, *assignments: str, method: str = "xiv", preset: str = "paper"
    ) -> MethodChoice:
        path.write_text(text)
        return choose_method(
            *registry.method(method), preset, assignments, read_configuration(path)
        )

    return chosen


def by_hand(registry: Registry, *assignments: str, method: str = "xiv") -> MethodChoice:
    return choose_method(*registry.method(method), "paper", assignments)


@pytest.mark.parametrize(
    ("spec", "preset"),
    [(spec, preset) for spec in SPECS for preset in spec.presets],
    ids=lambda each: getattr(each, "id", None) or each.name,
)
def test_a_written_configuration_is_read_again_as_it_was(
    choose: Choose, spec: MethodSpec, preset: PresetSpec
) -> None:
    for variant in (spec.variants[0], spec.variants[-1]):
        written = choose_method(spec, variant, preset.name)
        again = choose(configuration_text(written), method=written.name, preset=preset.name)
        assert again.config == written.config
        assert again.overrides == {}


def test_a_file_gives_its_preset_over_every_other(choose: Choose, registry: Registry) -> None:
    quick = choose_method(*registry.method("xiv"), "quick")
    over_paper = choose(configuration_text(quick))
    assert over_paper.config == quick.config
    assert over_paper.preset.name == "paper"
    over_quick = choose(configuration_text(by_hand(registry)), preset="quick")
    assert over_quick.config == by_hand(registry).config  # a value that is null among them


def test_lines_are_narrow_and_say_what_each_key_means(registry: Registry) -> None:
    text = configuration_text(choose_method(*registry.method("xiv:baseline"), "paper"))
    assert max(map(len, text.splitlines())) <= 80
    assert "# lambda of Eq. 11. (number >= 0)\ncross_modality_weight = 0.1\n" in text
    assert "Fixed by the variant.\nx_source" in text.replace("\n# ", " ")
    assert 'null = ["sampling.steps_per_epoch"]' in text


def test_values_are_the_same_whichever_way_they_came(choose: Choose, registry: Registry) -> None:
    given = ["epochs=5", "optimizer.learning_rate=0.01"]
    written = by_hand(registry, *given)
    whole = choose(configuration_text(written))
    part = choose(
        'method = "xiv"\n[set]\nepochs = 5\noptimizer.learning_rate = 0.01\nlabel_smoothing = 0.0'
    )
    mixed = choose('method = "xiv"\n[set]\nepochs = 9\n"optimizer.learning_rate" = 0.01', given[0])
    for chosen in (whole, part, mixed):
        assert chosen.config == written.config
        assert chosen.overridden_keys == written.overridden_keys


def test_what_is_set_goes_over_the_file_and_is_listed(choose: Choose) -> None:
    chosen = choose('method = "xiv"\n[set]\nepochs = 5', "epochs=120", "sampling.images=2")
    assert chosen.config.model_dump()["epochs"] == 120
    assert chosen.overridden_keys == ("epochs", "sampling.images")


def test_a_value_of_the_preset_is_listed_where_something_else_would_change_it(
    choose: Choose, registry: Registry
) -> None:
    """DenseNet-121 has other images, unless their size is given."""
    text = configuration_text(by_hand(registry, "backbone=small")).replace(
        '"small"', '"densenet121"'
    )
    chosen = choose(text)
    assert chosen.config.image_size == (256, 128)
    assert chosen.overridden_keys == ("backbone", "image_height", "image_width")
    again = by_hand(registry, "backbone=densenet121", "image_height=256", "image_width=128")
    assert again.config == chosen.config


def test_a_value_may_be_nothing(choose: Choose, registry: Registry) -> None:
    chosen = choose('method = "xiv"\nnull = ["sampling.steps_per_epoch"]', preset="quick")
    assert chosen.overridden_keys == ("sampling.steps_per_epoch",)
    assert chosen.config.model_dump()["sampling"]["steps_per_epoch"] is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("method = ", "is not TOML of a configuration"),
        ("[set]\nepochs = 3", "the key 'method' is missing"),
        ('method = "jsia"', "method: it is a configuration of jsia, not xiv"),
        ('method = "xiv:baseline"', "it is a configuration of xiv:baseline, not xiv"),
        ('method = "xiv"\nsett.epochs = 3', "unknown configuration key 'sett'.*'set'"),
        ('method = "xiv"\nset.epoch = 3', "unknown configuration key 'epoch'.*'epochs'"),
        ('method = "xiv"\nset.epochs = "3"', 'epochs="3": '),
        ('method = "xiv"\nset.epochs = 0', "epochs=0: "),
        ('method = "xiv"\nset.epochs = true', "epochs=true: "),
        ('method = "xiv"\nset.epochs = 9999999999999999999', "a whole number lies between"),
        ('method = "xiv"\nset.epochs = 2026-01-01', "no key takes a date"),
        ('method = "xiv"\nset.sampling = 3', "sampling=3: "),
        ('method = "xiv"\nnull = ["epochs"]', "epochs=null: "),
        ('method = "xiv"\nnull = ["epochs"]\nset.epochs = 3', "null: epochs has a value"),
        ('method = "xiv"\nnull = ["sampling.nothing"]', "unknown configuration key 'sampling.not"),
    ],
)
def test_a_wrong_file_is_one_line_with_file_and_key(
    choose: Choose, text: str, message: str
) -> None:
    with pytest.raises(UsageError, match=rf"mine\.toml.*{message}") as caught:
        choose(text)
    assert "\n" not in str(caught.value)
    assert "--set" not in str(caught.value)


def test_what_a_variant_fixes_may_stand_there_and_not_change(choose: Choose) -> None:
    text = 'method = "xiv:baseline"\n[set]\nx_source = "none"'
    assert choose(text, method="xiv:baseline").overrides == {}
    with pytest.raises(UsageError, match=r"mine\.toml: x_source: the variant 'xiv:baseline' fixes"):
        choose(text.replace("none", "gray"), method="xiv:baseline")


class Odd(MethodConfig):
    """A configuration with values of any kind."""

    layers: list[int | None] = Field(default_factory=list, description="x\n[set]\x1b[2J")
    arguments: dict[str, Any] = Field(default_factory=dict)


@pytest.fixture
def odd(monkeypatch: pytest.MonkeyPatch) -> Callable[..., MethodChoice]:
    module = ModuleType("odd_config")
    module.Odd = Odd  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "odd_config", module)

    def spec_with(**values: Any) -> MethodChoice:
        full = VariantSpec(name="full", summary="all")
        spec = MethodSpec(
            id="odd",
            title="Odd",
            paper=Paper(title="", authors="", venue="", year=2020),
            variants=(full,),
            presets=(PresetSpec(name="paper", summary="as printed", values=values),),
            method="odd_method:Odd",
            config="odd_config:Odd",
        )
        return choose_method(spec, full, "paper")

    return spec_with


def test_a_plugin_cannot_forge_lines_nor_keys(
    odd: Callable[..., MethodChoice], tmp_path: Path
) -> None:
    written = odd(arguments={"a b": '"\n[set]\nx = 1', "on": True})
    path = tmp_path / "odd.toml"
    path.write_text(configuration_text(written))
    assert "\x1b" not in path.read_text()
    chosen = choose_method(written.spec, written.variant, "paper", (), read_configuration(path))
    assert (chosen.config, chosen.overrides) == (written.config, {})


def test_what_toml_cannot_hold_is_refused_by_its_key(odd: Callable[..., MethodChoice]) -> None:
    with pytest.raises(UsageError, match=r"layers cannot be written: TOML has no null; use --json"):
        configuration_text(odd(layers=[1, None]))
