"""The file that declares a released model: typed, in TOML; its values are a configuration."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self, TypeAlias

from pydantic import Field, JsonValue, model_validator

from bench_core.configuration import (
    AfterTraining,
    FrozenModel,
    MethodConfig,
    WeightsKind,
    blaming_file,
    choose_method,
    validate_config,
)
from bench_core.contracts.errors import UsageError
from bench_core.contracts.method import MethodSpec, Metric
from bench_core.loading import load_object
from bench_core.packaged_models import NOT_PUBLISHED, spec_of
from bench_core.plugins import PluginInfo, Registry
from bench_core.registration import checked_specs
from bench_core.released.source import root_of, source_of
from bench_core.system.toml_files import read_toml

Argument: TypeAlias = bool | int | float | str
Step: TypeAlias = int | str
Text: TypeAlias = Annotated[str, Field(min_length=1)]
Three: TypeAlias = tuple[float, float, float]
Positive: TypeAlias = Annotated[float, Field(gt=0)]


def _whole() -> dict[str, tuple[Step, ...]]:
    return {"whole": ()}


class PaperConfig(FrozenModel):
    """Where the model was published.

    Attributes:
        title: Of the paper.
        authors: As they are cited.
        venue: Where it appeared.
        year: When.
    """

    title: str = NOT_PUBLISHED.title
    authors: str = NOT_PUBLISHED.authors
    venue: str = NOT_PUBLISHED.venue
    year: int = Field(default=NOT_PUBLISHED.year, ge=0)


class CallConfig(FrozenModel):
    """How the network is called. "images" and "modality" stand for what they say.

    Attributes:
        positional: Its arguments by position.
        keywords: Its arguments by name.
        visible: What "modality" is of visible images, such as AGW's 1.
        infrared: What it is of infrared images.
    """

    positional: tuple[Argument, ...] = ("images",)
    keywords: dict[str, Argument] = Field(default_factory=dict)
    visible: Argument = "visible"
    infrared: Argument = "infrared"

    @model_validator(mode="after")
    def _gets_images(self) -> Self:
        if "images" not in (*self.positional, *self.keywords.values()):
            raise ValueError("no argument of the call is 'images'")
        return self


class ReleasedConfig(MethodConfig):
    """Everything that is declared of a released model.

    Attributes:
        title: Its name for people.
        paper: Where it was published.
        network: "module:name" of the class or function that makes it.
        arguments: What that is called with, by name.
        source: What code it is, found out when the declaration is read.
        passed_through: Parts of the network that pass on what they get, such as a classifier.
        checkpoint_key: Entry of the weights file that holds the tensors. [default: looked for]
        unused: Patterns of names in the weights file that are left out, such as classifier.*.
        missing: Patterns of names that the file may lack: these tensors stay as they are made.
        call: How the network is called.
        outputs: By name, the way to a feature in what the network returns: indices and keys.
        embedding: Name of the output that is compared.
        flip: Whether the features of an image and its mirror image are added.
        l2: Whether the feature is divided by its norm, in the end.
        metric: The distance between two features.
        mean: What is subtracted from the channels of an image in [0, 1].
        std: What they are divided by afterwards.
    """

    weights: WeightsKind = "file"
    title: Text
    paper: PaperConfig = PaperConfig()
    network: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]
    arguments: dict[str, JsonValue] = Field(default_factory=dict)
    source: str = ""
    passed_through: tuple[Text, ...] = ()
    checkpoint_key: Text | None = None
    unused: tuple[Text, ...] = ()
    missing: tuple[Text, ...] = ()
    call: CallConfig = CallConfig()
    outputs: Annotated[dict[Text, tuple[Step, ...]], Field(min_length=1)] = Field(
        default_factory=_whole
    )
    embedding: Annotated[Text, AfterTraining()] = "whole"
    flip: Annotated[bool, AfterTraining()] = False
    l2: Annotated[bool, AfterTraining()] = False
    metric: Annotated[Metric, AfterTraining()] = "euclidean"
    mean: Three = (0.485, 0.456, 0.406)
    std: tuple[Positive, Positive, Positive] = (0.229, 0.224, 0.225)

    @model_validator(mode="after")
    def _knows_its_source(self) -> Self:
        if not self.source:  # a declaration does not say it; frozen, but not yet in use
            object.__setattr__(self, "source", source_of(self.network))
        return self

    @model_validator(mode="after")
    def _compares_an_output(self) -> Self:
        if self.embedding not in self.outputs:
            raise ValueError(
                f"embedding '{self.embedding}' is none of the outputs: {', '.join(self.outputs)}"
            )
        return self


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """What a file declares.

    Attributes:
        path: The file.
        spec: The model as a method.
        config: Its values.
        code: The folder that its module lies in.
    """

    path: Path
    spec: MethodSpec
    config: ReleasedConfig
    code: Path


def read_declaration(path: Path) -> Declaration:
    """Read the declaration of a released model; its code is looked at and not run.

    Raises:
        UsageError: The file is not what it must be.
        PluginError: Its name is none.
    """
    document = _read(path)
    name, code = document.pop("name", None), document.pop("code", ".")
    if not isinstance(name, str) or not isinstance(code, str):
        raise UsageError(f'{path}: expected name = "...", and of code the folder that it lies in')
    folder = (path.parent / code).resolve()
    if not folder.is_dir():
        raise UsageError(f"{path}: code = '{code}': {folder} is no folder")
    with blaming_file(path), imported_first(folder):
        config = validate_config(ReleasedConfig, document)
        (spec,) = checked_specs([[spec_of(name, config.model_dump(mode="json"))]], MethodSpec)
        if choose_method(spec, spec.variants[0], "paper").config != config:
            raise UsageError("a key in it has a dot, which stands for a part within a part")
    return Declaration(path=path, spec=spec, config=config, code=folder)


def declare(registry: Registry, path: Path) -> MethodSpec:
    """Read a declaration, and let its model be a method of this process.

    Its code is imported here: a file that names it wrongly is refused before anything else runs.

    Args:
        registry: To which it is added.
        path: The file.

    Returns:
        The method, with the configuration that the file declares as both presets.

    Raises:
        UsageError: The file is not what it must be, or the name is taken.
        PluginError: The code cannot be imported.
    """
    found = read_declaration(path)
    network = found.config.network
    with blaming_file(path):
        with imported_first(found.code):
            if not callable(load_object(network)):
                raise UsageError(f"network = '{network}' is nothing that can be called")
            _check_origin(network.partition(":")[0])
        source = PluginInfo(name=found.spec.id, module=str(path), distribution=path.name)
        registry.add_method(found.spec, source)
    return found.spec


def redeclare(registry: Registry, name: str, config: Mapping[str, Any]) -> None:
    """Let a released model be a method again, as the record of its training declares it.

    Nothing is done where the name is known, or the configuration is that of another method.
    """
    if name not in registry.methods and ReleasedConfig.model_fields.keys() <= config.keys():
        declared = validate_config(ReleasedConfig, dict(config))
        info = PluginInfo(name=name, module="a training", distribution="its training")
        registry.add_method(spec_of(name, declared.model_dump(mode="json")), info)


def _read(path: Path) -> dict[str, Any]:
    """Read a file of TOML as JSON values.

    Raises:
        UsageError: It is none.
    """
    document = read_toml(path, "a released model")
    if "source" in document:
        raise UsageError(f"{path}: source is found out and not declared; leave it out")
    return document


def _check_origin(module: str) -> None:
    """Refuse a module that was loaded from another folder than Python finds it in now.

    Raises:
        UsageError: Its name is that of another, which this process uses.
    """
    loaded = sys.modules[module].__file__ or ""
    root = root_of(module)
    if not Path(loaded).resolve().is_relative_to(root):
        raise UsageError(f"there are two modules {module}: {loaded} is used already, not {root}")


@contextmanager
def imported_first(folder: Path) -> Iterator[None]:
    """Import from a folder before all else, as its own scripts do; afterwards, only at last.

    It stays where Python looks, as code may import when it runs, and hides no module of others.
    """
    place = str(folder)
    sys.path.insert(0, place)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(place)
        if place not in sys.path:
            sys.path.append(place)
