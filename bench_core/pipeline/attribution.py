"""Whose fault it is: errors of a plugin at run time, with the package that it came from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bench_core.contracts.errors import PluginError
from bench_core.plugins import Registry


@contextmanager
def attributed(registry: Registry, method_id: str) -> Iterator[None]:
    """Name method and package in an error about a plugin that breaks its contract in this block.

    Args:
        registry: Where the method is registered.
        method_id: The method that runs in the block.

    Raises:
        PluginError: The block raised it.
    """
    try:
        yield
    except PluginError as error:
        package = registry.distribution_of(method_id)
        raise PluginError(f"method '{method_id}' (package {package}): {error}") from error
