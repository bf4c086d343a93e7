"""Presets and variants of every method, and how they are combined."""

from __future__ import annotations

import pytest

from bench_core import MethodSpec
from bench_core.configuration import choose_method
from bench_core.loading import load_object
from bench_core.methods import ReIDConfig, TransformerReIDConfig
from bench_core.plugins import load_registry
from bench_core.testing.conformance import is_handcrafted

METHODS = load_registry().methods
COMBINATIONS = [
    (spec.id, variant.name, preset.name)
    for spec in METHODS.values()
    for variant in spec.variants
    for preset in spec.presets
]


@pytest.mark.parametrize(("method", "variant", "preset"), COMBINATIONS)
def test_every_preset_fits_every_variant(method: str, variant: str, preset: str) -> None:
    spec = METHODS[method]
    (chosen,) = (known for known in spec.variants if known.name == variant)
    config = choose_method(spec, chosen, preset, ()).config
    for name, value in chosen.values.items():
        assert getattr(config, name) == value


SIZES = {"backbone", "stem_relu"}
"""A row on another backbone is that of a larger network; a small preset may have another."""


# The presets of JSIA's AAAI paper set what its ablations are about: that paper has no more.
@pytest.mark.parametrize("spec", [spec for spec in METHODS.values() if spec.id != "jsia"])
def test_no_preset_sets_what_a_variant_is_named_for(spec: MethodSpec) -> None:
    fixed = {name for variant in spec.variants for name in variant.values} - SIZES
    for preset in spec.presets:
        assert not fixed & set(preset.values)


@pytest.mark.parametrize(
    ("method", "values"),
    [
        ("aligngan", {"resize_filter": "bicubic", "flip_average": True}),
        ("jsia", {"resize_filter": "bicubic", "flip_average": None}),
    ],
)
def test_the_authors_code_prepares_images_as_it_is_said_to(
    method: str, values: dict[str, object]
) -> None:
    spec = METHODS[method]
    config = choose_method(spec, spec.variants[0], "official-code", ()).config
    assert {name: getattr(config, name, None) for name in values} == values


WORDS = {"embedding", "epochs", "sampling", "schedule", "augmentation"}
"""What a training is set by, whatever embeds its images."""


HANDCRAFTED = {spec.id for spec in METHODS.values() if is_handcrafted(load_object(spec.method))}
"""They have no backbone, and describe images of their own size in any preset."""


def test_descriptors_are_those_that_are_known() -> None:
    assert {"hog", "lomo"} == HANDCRAFTED


@pytest.mark.parametrize("method", sorted(HANDCRAFTED))
def test_a_descriptor_is_of_one_size_and_starts_from_nothing(method: str) -> None:
    spec = METHODS[method]
    presets = ("paper", "quick")
    paper, quick = (choose_method(spec, spec.variants[0], name).config for name in presets)
    assert paper.image_size == quick.image_size
    assert paper.weights == quick.weights == "none"


@pytest.mark.parametrize(
    "spec",
    [spec for spec in METHODS.values() if spec.id not in HANDCRAFTED],
    ids=lambda spec: spec.id,
)
def test_methods_share_their_words_and_the_size_of_a_quick_image(spec: MethodSpec) -> None:
    config = choose_method(spec, spec.variants[0], "quick").config
    assert isinstance(config, ReIDConfig | TransformerReIDConfig)
    assert config.image_size == (96, 48)
    assert type(config).model_fields.keys() >= WORDS
