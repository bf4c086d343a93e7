"""Methods at hand, built as they are profiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pytest

from bench_core.configuration import MethodChoice, choose_method
from bench_core.plugins import Registry

Choose: TypeAlias = Callable[..., MethodChoice]


@pytest.fixture(scope="session")
def choose(registry: Registry) -> Choose:
    """Choose a method by its name, a preset, and values over it."""

    def make(name: str, preset: str = "quick", *assignments: str) -> MethodChoice:
        return choose_method(*registry.method(name), preset, assignments)

    return make
