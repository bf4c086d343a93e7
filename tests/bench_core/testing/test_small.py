"""Any method is made small without knowing its keys."""

from __future__ import annotations

import pytest

from bench_core.configuration import choose_method
from bench_core.contracts.errors import UsageError
from bench_core.plugins import Registry
from bench_core.testing.small import small_assignments


def test_batches_epochs_and_images_are_small_though_keys_bound_each_other(
    registry: Registry,
) -> None:
    spec = registry.methods["jsia"]  # generation_sampling may not be larger than sampling
    small = small_assignments(spec, spec.variants[0])
    config = choose_method(spec, spec.variants[0], "quick", small).config
    assert (config.sampling.identities, config.generation_sampling.identities) == (3, 3)
    assert (config.sampling.images, config.sampling.steps_per_epoch) == (2, 1)
    assert (config.epochs, config.generation_epochs) == (2, 2)
    assert config.image_size == (32, 32)  # it takes no images of 16 pixels


def test_what_the_user_sets_stays(registry: Registry) -> None:
    spec = registry.methods["xiv"]
    small = small_assignments(spec, spec.variants[0], ["epochs=7", "image_width=48"])
    config = choose_method(spec, spec.variants[0], "quick", small).config
    assert (config.epochs, config.image_size) == (7, (32, 48))


def test_what_does_not_fit_is_refused(registry: Registry) -> None:
    spec = registry.methods["xiv"]
    with pytest.raises(UsageError, match="unknown configuration key"):
        small_assignments(spec, spec.variants[0], ["epoch=7"])
