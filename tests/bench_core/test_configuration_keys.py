"""Keys of a configuration are described by their class: type, meaning, place."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from bench_core.configuration import FrozenModel, MethodConfig
from bench_core.configuration_keys import configuration_keys, shown_value, values_by_key


class Part(FrozenModel):
    """A part.

    Attributes:
        rates: Two rates,
            in this order.
        kind: Which: one or the other.

    Example:
        other: this is no attribute.
    """

    rates: tuple[float, float] = (0.5, 0.25)
    kind: Literal["one", "two"] | None = None


class Config(MethodConfig):
    """A method's.

    Attributes:
        part: What belongs together.
        share: A share.
    """

    part: Part = Part()
    share: float = Field(default=0.5, ge=0, lt=1)
    undocumented: list[int] = Field(default=[1])
    described: bool = Field(default=True, description="By its field.")
    only: Literal["this"] = "this"


def described(kind: type[BaseModel] = Config) -> dict[str, tuple[str, str, str]]:
    return {key.name: (key.type, key.meaning, key.group) for key in configuration_keys(kind)}


def test_a_key_has_the_type_and_bounds_of_its_field() -> None:
    types = {name: kind for name, (kind, _, _) in described().items()}
    assert types["image_height"] == "integer >= 16"
    assert types["weights"] == "imagenet | none | file"
    assert types["share"] == "number >= 0 and < 1"
    assert types["part.rates"] == "[number, number]"
    assert types["part.kind"] == "one | two or null"
    assert types["undocumented"] == "list of integer"
    assert types["described"] == "boolean"
    assert types["only"] == "this"


def test_a_key_means_what_the_docstring_of_its_class_says() -> None:
    keys = described()
    assert keys["share"][1:] == ("A share.", "")
    assert keys["image_height"][1] == "Height that images are resized to, in pixels."
    assert keys["part.rates"][1:] == ("Two rates, in this order.", "What belongs together.")
    assert keys["part.kind"][1] == "Which: one or the other."
    assert keys["described"][1] == "By its field."
    assert keys["undocumented"][1] == ""
    assert "other" not in " ".join(keys)


def test_values_are_found_by_the_names_of_keys() -> None:
    values = values_by_key(Config(part=Part(kind="two")))
    assert list(values) == list(described())
    assert values["part.kind"] == "two"
    assert [shown_value(values[name]) for name in ("part.rates", "described", "part.kind")] == [
        "[0.5, 0.25]",
        "true",
        "two",
    ]
