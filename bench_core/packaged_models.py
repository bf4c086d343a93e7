"""A released model as a method, from its declaration as plain values; a package may bring one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench_core.contracts.errors import PluginError, UsageError
from bench_core.contracts.method import MethodSpec, Paper, PresetSpec, VariantSpec
from bench_core.system.toml_files import read_toml

NOT_PUBLISHED = Paper(title="not published", authors="unknown", venue="none", year=0)
"""What stands for what a declaration does not say of its paper."""


def released_method(name: str, declaration: Path) -> MethodSpec:
    """Return the method that a package makes of a released model; for its entry module.

    The file is read and nothing of the model is imported: what it declares is checked where the
    method is used.

    Args:
        name: Id of the method.
        declaration: A file as docs/checkpoints.md explains it, without `name` and `code`: the
            network is a module of the package, or of another one that is installed.

    Raises:
        PluginError: The file is no TOML, or has no title.
    """
    try:
        values = read_toml(declaration, "a released model")
    except UsageError as error:
        raise PluginError(str(error)) from error
    if not isinstance(values.get("title"), str):
        raise PluginError(f'{declaration}: expected title = "...", a name for people')
    return spec_of(name, values)


def spec_of(name: str, values: Mapping[str, Any]) -> MethodSpec:
    """Return the method of a declaration.

    Args:
        name: Id of the method.
        values: What is declared, as JSON values.
    """
    paper = values.get("paper", {})
    said = {key: paper.get(key, default) for key, default in vars(NOT_PUBLISHED).items()}
    return MethodSpec(
        id=name,
        title=values["title"],
        paper=Paper(**said),
        variants=(VariantSpec(name="full", summary="as it is declared"),),
        presets=(
            PresetSpec(name="paper", summary="as it is declared", values=values),
            PresetSpec(name="quick", summary="the same", values=values),
        ),
        method="bench_core.released.method:ReleasedMethod",
        config="bench_core.released.declaration:ReleasedConfig",
    )
