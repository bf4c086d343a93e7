"""Configurations: from a preset, a variant and `--set` options to one frozen model."""

from __future__ import annotations

import sys
from dataclasses import replace
from types import ModuleType
from typing import Any, Literal

import pytest
from pydantic import Field, ValidationError

from bench_core.configuration import (
    FrozenModel,
    MethodChoice,
    MethodConfig,
    choose_method,
    parse_assignments,
    validate_config,
)
from bench_core.contracts.errors import UsageError
from bench_core.contracts.method import MethodSpec, Paper, PresetSpec, VariantSpec
from bench_core.plugins import Registry


class Sampling(FrozenModel):
    """A nested part, as methods have them."""

    identities: int = Field(default=8, ge=2)
    images: int = Field(default=4, ge=1)
    steps_per_epoch: int | None = Field(default=None, ge=1)


class Config(MethodConfig):
    """The configuration of an invented method; its nested default is not the part's own."""

    epochs: int = Field(default=120, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    stem_relu: bool = True
    source: Literal["learned", "mean"] = "learned"
    sampling: Sampling = Sampling(identities=12)


SPEC = MethodSpec(
    id="demo",
    title="Demo",
    paper=Paper(title="A demo", authors="A. Nobody", venue="Nowhere", year=2020),
    variants=(
        VariantSpec(name="full", summary="all of it"),
        VariantSpec(name="mean", summary="without learning", values={"source": "mean"}),
        VariantSpec(name="pairs", summary="pairs only", values={"sampling": {"images": 2}}),
    ),
    presets=(
        PresetSpec(name="paper", summary="as printed"),
        PresetSpec(
            name="quick",
            summary="for a laptop",
            values={"epochs": 3, "source": "learned", "sampling": {"steps_per_epoch": 5}},
        ),
    ),
    method="demo_method:Demo",
    config="demo_config:Config",
)
FULL, MEAN, PAIRS = SPEC.variants


@pytest.fixture(autouse=True)
def importable_config(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make `demo_config:Config` what the spec says it is."""
    module = ModuleType("demo_config")
    module.Config = Config  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "demo_config", module)


def choose(*assignments: str, variant: VariantSpec = FULL, preset: str = "paper") -> MethodChoice:
    return choose_method(SPEC, variant, preset, assignments)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("1e-3", 0.001),
        ("true", True),
        ("null", None),
        ("[40, 70]", [40, 70]),
        ('{"identities": 6}', {"identities": 6}),
        ("resnet50", "resnet50"),
        ("", ""),
        ("a=b", "a=b"),
    ],
)
def test_a_value_is_json_where_it_can_be_and_text_elsewhere(text: str, value: object) -> None:
    assert parse_assignments([f"key={text}"]) == {"key": value}


def test_a_dot_reaches_into_a_part() -> None:
    parsed = parse_assignments(["a.b=1", "a.c=2", "d=3"])
    assert parsed == {"a": {"b": 1, "c": 2}, "d": 3}


def test_blanks_around_a_key_do_not_count() -> None:
    assert parse_assignments([" epochs =3"]) == {"epochs": 3}


@pytest.mark.parametrize("text", ["epochs", "", "=3", "a..b=1", ".a=1", "a.=1"])
def test_what_is_no_assignment_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="expected key=value, such as epochs=3"):
        parse_assignments([text])


@pytest.mark.parametrize(
    ("assignments", "repeated"),
    [
        (["epochs=3", "epochs=4"], "epochs"),
        (["sampling.images=3", "sampling.images=3"], "sampling.images"),
        (["sampling.images=3", 'sampling={"images": 4}'], "sampling"),
        (['sampling={"images": 4}', "sampling.images=3"], "sampling.images"),
        (["epochs=3", "epochs.more=4"], "epochs.more"),
        (["epochs.more=4", "epochs=3"], "epochs"),
    ],
)
def test_a_key_given_twice_is_refused(assignments: list[str], repeated: str) -> None:
    with pytest.raises(UsageError, match=f"--set {repeated}: given twice"):
        parse_assignments(assignments)


def test_parts_of_one_whole_may_be_given_one_by_one() -> None:
    parsed = parse_assignments(['sampling={"images": 4}', "sampling.identities=3"])
    assert parsed == {"sampling": {"images": 4, "identities": 3}}


def test_without_more_the_configuration_is_the_preset() -> None:
    assert choose().config == Config()
    quick = choose(preset="quick").config
    assert quick == Config(epochs=3, sampling=Sampling(identities=12, steps_per_epoch=5))


def test_setting_a_nested_key_keeps_the_defaults_of_the_whole() -> None:
    sampling = choose("sampling.steps_per_epoch=2").config.model_dump()["sampling"]
    assert sampling == {"identities": 12, "images": 4, "steps_per_epoch": 2}


def test_a_part_given_whole_keeps_the_other_defaults_too() -> None:
    sampling = choose('sampling={"images": 2}').config.model_dump()["sampling"]
    assert sampling == {"identities": 12, "images": 2, "steps_per_epoch": None}


def test_options_win_over_the_preset() -> None:
    config = choose("epochs=7", "sampling.steps_per_epoch=null", preset="quick").config
    assert config == Config(epochs=7)


def test_the_variant_wins_over_the_preset() -> None:
    assert choose(variant=MEAN, preset="quick").config.model_dump()["source"] == "mean"


@pytest.mark.parametrize(
    ("variant", "assignment", "key"),
    [
        (MEAN, "source=learned", "source"),
        (MEAN, "source=mean", "source"),
        (PAIRS, "sampling.images=3", "sampling.images"),
        (PAIRS, 'sampling={"images": 3}', "sampling.images"),
    ],
)
def test_what_a_variant_fixes_cannot_be_set(
    variant: VariantSpec, assignment: str, key: str
) -> None:
    with pytest.raises(UsageError, match=rf"--set {key}: the variant 'demo:{variant.name}' fixes"):
        choose(assignment, variant=variant)


def test_what_a_variant_leaves_open_can_be_set() -> None:
    config = choose("sampling.identities=3", variant=PAIRS).config.model_dump()
    assert config["sampling"] == {"identities": 3, "images": 2, "steps_per_epoch": None}


def test_an_unknown_preset_gets_the_nearest_right_one() -> None:
    with pytest.raises(UsageError, match=r"unknown preset of demo 'quik'; did you mean 'quick'\?"):
        choose(preset="quik")


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("epoch", "epochs"),
        ("lerning_rate", "learning_rate"),
        ("sampling.identity", "sampling.identities"),
        ("image_heigth", "image_height"),
    ],
)
def test_an_unknown_key_gets_the_nearest_right_one(key: str, nearest: str) -> None:
    with pytest.raises(UsageError) as caught:
        choose(f"{key}=1")
    assert f"unknown configuration key '{key}'; did you mean '{nearest}'?" in str(caught.value)


@pytest.mark.parametrize(
    ("assignment", "shown"),
    [
        ("epochs=many", '--set epochs="many": input should be a valid integer'),
        ("epochs=2.5", "--set epochs=2.5: input should be a valid integer"),
        ("epochs=null", "--set epochs=null: input should be a valid integer"),
        ("epochs=[3]", "--set epochs=[3]: input should be a valid integer"),
        ("learning_rate=fast", '--set learning_rate="fast": input should be a valid number'),
        ("stem_relu=maybe", '--set stem_relu="maybe": input should be a valid boolean'),
        ("source=gray", "--set source=\"gray\": input should be 'learned' or 'mean'"),
        ("sampling=4", "--set sampling=4: input should be an object"),
        ("sampling.images=few", '--set sampling.images="few": input should be a valid integer'),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_in_one_line(assignment: str, shown: str) -> None:
    with pytest.raises(UsageError) as caught:
        choose(assignment)
    assert str(caught.value).startswith(shown)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("assignment", "limit"),
    [
        ("epochs=0", "greater than or equal to 1"),
        ("learning_rate=0", "greater than 0"),
        ("learning_rate=NaN", "a finite number"),
        ("learning_rate=Infinity", "a finite number"),
        ("sampling.identities=1", "greater than or equal to 2"),
        ("image_height=8", "greater than or equal to 16"),
        ("extraction_batch=0", "greater than or equal to 1"),
    ],
)
def test_a_value_out_of_range_is_refused_with_the_limit(assignment: str, limit: str) -> None:
    key = assignment.partition("=")[0]
    with pytest.raises(UsageError, match=f"--set {key}=.*: input should be {limit}"):
        choose(assignment)


def test_a_configuration_is_frozen_through_and_through() -> None:
    config: Any = choose().config
    with pytest.raises(ValidationError, match="frozen"):
        config.epochs = 1
    with pytest.raises(ValidationError, match="frozen"):
        config.sampling.images = 1


def test_making_a_choice_leaves_the_spec_as_it_was() -> None:
    choose("sampling.steps_per_epoch=1", variant=PAIRS, preset="quick")
    assert SPEC.presets[1].values["sampling"] == {"steps_per_epoch": 5}
    assert PAIRS.values == {"sampling": {"images": 2}}


def test_a_choice_is_named_by_method_and_variant() -> None:
    assert choose().name == "demo"
    assert choose(variant=MEAN).name == "demo:mean"


def test_a_choice_remembers_what_was_set() -> None:
    choice = choose("sampling.images=2", "epochs=3")
    assert choice.overridden_keys == ("epochs", "sampling.images")
    assert choice.overrides == {"epochs": 3, "sampling": {"images": 2}}
    assert choose().overridden_keys == ()


def test_the_image_size_is_height_then_width() -> None:
    assert choose("image_height=64", "image_width=32").config.image_size == (64, 32)


def test_a_plain_mapping_is_validated_alike() -> None:
    assert validate_config(Config, {"epochs": 2}) == Config(epochs=2)
    with pytest.raises(UsageError, match="unknown configuration key 'epoch'"):
        validate_config(Config, {"epoch": 2})


def test_the_keys_of_a_preset_and_a_variant_may_have_dots() -> None:
    dotted = replace(
        SPEC,
        variants=(
            VariantSpec(name="full", summary="all of it"),
            VariantSpec(name="pairs", summary="pairs only", values={"sampling.images": 2}),
        ),
        presets=(PresetSpec(name="quick", summary="", values={"sampling.steps_per_epoch": 5}),),
    )
    config: Any = choose_method(dotted, dotted.variants[1], "quick").config
    assert config.sampling == Sampling(identities=12, images=2, steps_per_epoch=5)
    with pytest.raises(UsageError, match=r"--set sampling\.images: the variant 'demo:pairs' fixes"):
        choose_method(dotted, dotted.variants[1], "quick", ["sampling.images=3"])


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("epochs=" + "9" * 5000, "--set epochs="),
        ("epochs=" + "[" * 5000, "--set epochs="),
        ("epochs=" + "[" * 300 + "]" * 300, "more than 16 levels deep"),
        ("a." * 3000 + "b=1", "more than 16 levels deep"),
        ("epochs=" + '{"a":' * 20 + "1" + "}" * 20, "more than 16 levels deep"),
        ("epochs=9223372036854775808", "a whole number lies between -9223372036854775807 and"),
        ("epochs=[-9223372036854775808]", "a whole number lies between"),
        ("x" * 5000, "expected key=value"),
        ("epochs=NaN", "--set epochs=NaN"),
        ("epochs=\udcff", "--set"),
    ],
)
def test_a_value_that_no_configuration_holds_is_one_short_line(
    assignment: str, message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        choose_method(SPEC, SPEC.variants[0], "quick", [assignment])
    assert message in str(caught.value)
    assert len(str(caught.value)) < 500


def test_digits_without_limit_are_no_way_around() -> None:
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)  # as PYTHONINTMAXSTRDIGITS=0 does
    try:
        with pytest.raises(UsageError, match="a whole number lies between"):
            parse_assignments(["epochs=" + "9" * 5000])
    finally:
        sys.set_int_max_str_digits(before)


@pytest.mark.parametrize("method_id", ["aligngan", "jsia", "ts-gan", "xiv"])
def test_what_a_backbone_ignores_is_refused(registry: Registry, method_id: str) -> None:
    """Else two trainings that are the same would have two identities."""
    method = registry.method(method_id)
    assignment = "last_stride=2"
    with pytest.raises(UsageError, match="an option of backbone=resnet50 alone, and backbone=smal"):
        choose_method(*method, "quick", [assignment])
    resnet = ["backbone=resnet50", "weights=none"]
    changed, plain = (
        choose_method(*method, "quick", options).config
        for options in ([*resnet, assignment], resnet)
    )
    assert changed != plain


class Unbounded(Config):
    image_height: int = 32


def test_an_image_without_pixels_is_refused_whatever_a_plugin_lets_through() -> None:
    with pytest.raises(UsageError, match="--set image_height=-1: an image has at least one pixel"):
        choose_method(
            replace(SPEC, config=f"{__name__}:Unbounded"), SPEC.variants[0], "quick",
            ["image_height=-1"],
        )  # fmt: skip
