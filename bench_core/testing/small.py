"""Settings that make any method small: seconds of training on a CPU, without knowing its keys."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from bench_core.configuration import choose_method
from bench_core.configuration_keys import values_by_key
from bench_core.contracts.errors import UsageError
from bench_core.contracts.method import MethodSpec, VariantSpec
from bench_core.released.declaration import ReleasedConfig

_SMALL = {"identities": 3, "images": 2, "steps_per_epoch": 1, "epochs": 2}
"""By the last word of a key. A training has two epochs, so that it can be interrupted."""
_SIZES = (("image_height=32", "image_width=16"), ("image_height=32", "image_width=32"))


def small_assignments(
    spec: MethodSpec, variant: VariantSpec, given: Sequence[str] = ()
) -> tuple[str, ...]:
    """Return `key=value` texts that make the preset "quick" of a method small.

    A key that a method does not have, or holds to other bounds, stays as it is; so does the size
    of the images of a released model, whose network may know no other.

    Args:
        spec: The method.
        variant: The variant.
        given: `key=value` texts of the user, which go before these.

    Returns:
        Those texts and further ones.

    Raises:
        UsageError: A text of the user does not fit the method.
        PluginError: The method's own configuration is wrong.
    """
    config = choose_method(spec, variant, "quick", given).config
    taken = {text.partition("=")[0] for text in given}
    small = tuple(given)
    waiting = [_without(texts, taken) for texts in _wanted(values_by_key(config))]
    while fresh := next(
        (texts for texts in waiting if _fits(spec, variant, (*small, *texts))), None
    ):
        small += fresh
        waiting.remove(fresh)  # those that were refused may fit now, as keys may bound each other
    sizes = (_without(texts, taken) for texts in _SIZES if not isinstance(config, ReleasedConfig))
    return small + next((texts for texts in sizes if _fits(spec, variant, (*small, *texts))), ())


def _without(texts: Sequence[str], taken: Collection[str]) -> tuple[str, ...]:
    return tuple(text for text in texts if text.partition("=")[0] not in taken)


def _wanted(values: dict[str, object]) -> Iterator[tuple[str, ...]]:
    for key, value in values.items():
        word = key.rpartition(".")[2]
        least = next((size for name, size in _SMALL.items() if word.endswith(name)), None)
        if least is not None and (value is None or (isinstance(value, int) and value > least)):
            yield (f"{key}={least}",)


def _fits(spec: MethodSpec, variant: VariantSpec, texts: Sequence[str]) -> bool:
    try:
        choose_method(spec, variant, "quick", texts)
    except UsageError:
        return False
    return True
