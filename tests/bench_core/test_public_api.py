"""The public API: complete, documented, and light until something heavy is asked for."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import bench_core

HEAVY = ("torch", "torchvision", "numpy", "pandas", "scipy", "PIL", "pydantic")
LIGHT_NAMES = ("MethodSpec", "Paper", "PresetSpec", "VariantSpec", "ProtocolSpec", "DatasetSpec")


def imported_after(code: str) -> set[str]:
    """Run code in a fresh interpreter and return which heavy libraries it loaded."""
    script = f"import sys; sys.path[:0] = {sys.path!r}\n{code}\nprint(*sys.modules, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    return set(HEAVY) & set(done.stdout.split())


def names_for_type_checkers() -> dict[str, list[str]]:
    """Read the imports under `if TYPE_CHECKING` from the source."""
    tree = ast.parse(Path(bench_core.__file__).read_text())
    blocks = [node for node in tree.body if isinstance(node, ast.If)]
    imports = [node for block in blocks for node in block.body if isinstance(node, ast.ImportFrom)]
    return {str(node.module): [alias.name for alias in node.names] for node in imports}


@pytest.mark.parametrize("name", bench_core.__all__)
def test_every_public_name_resolves(name: str) -> None:
    assert getattr(bench_core, name) is not None


@pytest.mark.parametrize("name", bench_core.__all__)
def test_every_public_class_and_function_is_documented(name: str) -> None:
    value = getattr(bench_core, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert (value.__doc__ or "").strip()
        assert not (value.__doc__ or "").startswith(f"{name}(")  # what a dataclass writes itself


def test_no_name_is_listed_twice() -> None:
    assert len(set(bench_core.__all__)) == len(bench_core.__all__)


def test_type_checkers_see_what_the_program_sees() -> None:
    typed = names_for_type_checkers()
    listed = [name for names in typed.values() for name in names]
    assert sorted(listed) == sorted(bench_core.__all__)
    for module, names in typed.items():
        for name in names:
            assert getattr(bench_core, name) is getattr(sys.modules[module], name)


def test_dir_lists_every_public_name() -> None:
    assert set(bench_core.__all__) <= set(dir(bench_core))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'bench_core' has no attribute 'Methud'"):
        bench_core.Methud  # noqa: B018


def test_importing_the_package_loads_no_heavy_library() -> None:
    assert imported_after("import bench_core") == set()


def test_registering_specs_needs_no_heavy_library() -> None:
    assert imported_after(f"from bench_core import hookimpl, {', '.join(LIGHT_NAMES)}") == set()


def test_asking_for_a_configuration_loads_what_it_needs() -> None:
    """Shows that the two tests above could fail."""
    assert imported_after("from bench_core import MethodConfig") == {"pydantic"}
