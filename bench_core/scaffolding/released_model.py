"""What a package of a released model wraps: a library's network, a module, or a file of one."""

from __future__ import annotations

import ast
import importlib.util
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench_core.contracts.errors import BenchError, UsageError
from bench_core.released.source import root_of
from bench_core.scaffolding.naming import PackageName
from bench_core.system.escaping import terminal_line
from bench_core.system.foreign_files import read_regular

LARGEST_MODULE_BYTES = 1 << 20
USUAL_SIZE = (256, 128)
"""Height and width of images in the field."""
_REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
NETWORK_FILE = "network.py"


@dataclass(frozen=True, kw_only=True)
class WrappedModel:
    """A network, as its declaration says it.

    Attributes:
        network: "module:name" of what makes it.
        arguments: What that is called with.
        passed_through: Parts that pass on what they get.
        unused: Patterns of names in a weights file that are left out.
        image_size: Height and width in pixels.
        code: Text of a module that lies in the package; None where it is installed.
    """

    network: str
    arguments: dict[str, Any] = field(default_factory=dict)
    passed_through: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    image_size: tuple[int, int] = USUAL_SIZE
    code: str | None = None


def find_model(given: str, package: PackageName) -> WrappedModel:
    """Find out what a package shall wrap; nothing of it is run but torchvision and timm.

    Args:
        given: "torchvision:NAME", "timm:NAME", "package.module:factory" or "FILE.py:factory".
        package: What the package is called.

    Raises:
        UsageError: There is no such thing.
    """
    library, _, name = given.partition(":")
    if library in ("torchvision", "timm"):
        return _of_torchvision(name) if library == "torchvision" else _of_timm(name)
    path, _, factory = given.rpartition(":")
    if path.endswith(".py"):
        code = _code_of(Path(path), factory)
        return WrappedModel(network=f"{package.module}.network:{factory}", code=code)
    if not _REFERENCE.fullmatch(given):
        raise UsageError(
            f"--module {terminal_line(given, longest=100)}: expected package.module:factory, "
            "FILE.py:factory, torchvision:NAME or timm:NAME"
        )
    try:
        root_of(library)
        found = importlib.util.find_spec(library)
    except (BenchError, ImportError) as error:
        raise UsageError(f"--module {given}: {error}") from error
    if found is None:
        raise UsageError(f"--module {given}: there is no module {library}; install it first")
    return WrappedModel(network=given)


def _code_of(path: Path, factory: str) -> str:
    """Read a module that shall lie in the package.

    Raises:
        UsageError: It cannot be read, is no Python, or defines no such name.
    """
    option = f"--module {terminal_line(f'{path}:{factory}', longest=100)}"
    try:
        text = read_regular(path, LARGEST_MODULE_BYTES).decode()
        tree = ast.parse(text)
    except OSError as error:
        raise UsageError(f"{option}: {error.strerror or error}") from error
    except (SyntaxError, ValueError) as error:
        raise UsageError(f"{option}: it is no Python file: {error}") from error
    defined = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    if factory not in defined:
        known = ", ".join(defined[:5]) or "nothing"
        raise UsageError(f"{option}: the file defines no {factory or 'name'}, but {known}")
    return text


def _of_torchvision(name: str) -> WrappedModel:
    import torch
    from torchvision import models

    from bench_core.modeling.named_backbones import check_name, classifier_of

    check_name("torchvision", name, models.list_models(module=models))
    with torch.device("meta"):
        classifier = classifier_of(models.get_model(name), name)
    smallest = tuple(models.get_model_weights(name).DEFAULT.meta["min_size"])
    # A network that takes no small images, such as a transformer, knows one size alone.
    height, width = smallest if min(smallest) > min(USUAL_SIZE) else USUAL_SIZE
    return WrappedModel(
        network=f"torchvision.models:{name}",
        passed_through=(classifier,),
        unused=(f"{classifier}.*",),
        image_size=(height, width),
    )


def _of_timm(name: str) -> WrappedModel:
    from bench_core.modeling.named_backbones import check_name, import_timm

    check_name("timm", name, import_timm(name).list_models())
    arguments = {"model_name": name, "num_classes": 0}
    return WrappedModel(network="timm:create_model", arguments=arguments)
