"""What a package of a released model wraps: a library's network, a module, or a file of one."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench_core.contracts.errors import BenchError, UsageError
from bench_core.released.source import root_of
from bench_core.scaffolding.copied_code import NETWORK_FILE, read_code
from bench_core.scaffolding.naming import PackageName
from bench_core.system.escaping import terminal_line

USUAL_SIZE = (256, 128)
"""Height and width of images in the field."""
_REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@dataclass(frozen=True, kw_only=True)
class WrappedModel:
    """A network, as its declaration says it.

    Attributes:
        network: "module:name" of what makes it.
        arguments: What that is called with.
        passed_through: Parts that pass on what they get.
        unused: Patterns of names in a weights file that are left out.
        image_size: Height and width in pixels.
        code: Texts of modules that lie in the package, by file name; none where it is installed.
    """

    network: str
    arguments: dict[str, Any] = field(default_factory=dict)
    passed_through: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    image_size: tuple[int, int] = USUAL_SIZE
    code: Mapping[str, str] = field(default_factory=dict)


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
        module = f"{package.module}.{Path(NETWORK_FILE).stem}"
        return WrappedModel(network=f"{module}:{factory}", code=read_code(Path(path), factory))
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
