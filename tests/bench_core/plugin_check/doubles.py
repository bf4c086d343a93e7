"""Plugins of strangers: a good one, and others that differ from it by one mistake each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

ENTRY = """
from bench_core import MethodSpec, Paper, PresetSpec, VariantSpec, hookimpl
@hookimpl
def bench_register_methods():
    return [MethodSpec(
        id="stranger", title="S", paper=Paper(title="T", authors="A", venue="V", year=2026),
        variants=(VariantSpec(name="full", summary="whole"),),
        presets=(PresetSpec(name="paper", summary="p"), PresetSpec(name="quick", summary="q")),
        method="PACKAGE.method:Stranger", config="PACKAGE.config:StrangerConfig")]
"""
CONFIG = """
from bench_core.methods import MethodConfig, SamplingConfig
class StrangerConfig(MethodConfig):
    epochs: int = 5
    image_height: int = 32
    image_width: int = 16
    sampling: SamplingConfig = SamplingConfig(identities=8, images=4, steps_per_epoch=50)
    rate: float = 0.01
"""
METHOD = """
import torch
from torch import nn
from bench_core.methods import (
    AugmentationConfig, OptimizerConfig, OptimizerPlan, Stage, StagedMethod, identity_loss
)
SEEN = []
class Stranger(StagedMethod):
    metric = "euclidean"
    def __init__(self, config, *, num_identities):
        super().__init__(config, num_identities=num_identities)
        self.net = nn.Sequential(nn.AdaptiveAvgPool2d((4, 2)), nn.Flatten(), nn.Linear(24, 8))
        self.classifier = nn.Linear(8, num_identities)
        self.networks = nn.ModuleDict({"net": self.net, "classifier": self.classifier})
        self.calls = 0
    def stages(self):
        plan = OptimizerPlan.of(OptimizerConfig(learning_rate=self.config.rate), self.networks)
        return [Stage(
            name="joint", epochs=self.config.epochs, step=self.step, optimizers={"all": plan},
            sampling=self.config.sampling, augmentation=AugmentationConfig())]
    def step(self, batch, updates):
        features = self.net(torch.cat([batch.visible, batch.infrared]))
        labels = batch.labels.repeat(2)
        loss = identity_loss(self.classifier(features), labels)
        return updates.minimize({"identity": loss}, "all")
    def extract(self, images, modality):
        features = self.net(images)
        return features[:, None]
"""


Change: TypeAlias = tuple[str, str, str]
"""A file, a text in it, and what stands there instead."""


@dataclass(frozen=True)
class Double:
    """A plugin with a mistake.

    Attributes:
        check: The rule that it breaks.
        says: What of the finding's text must be there.
        changes: In which file, which text becomes which.
        line: A text in the line that is blamed; empty where there is none.
    """

    check: str
    says: str
    changes: tuple[Change, ...]
    line: str = ""


def write(folder: Path, package: str, *changes: Change) -> None:
    """Write the good plugin with changes as a package of a folder."""
    texts = {"__init__.py": ENTRY, "config.py": CONFIG, "method.py": METHOD}
    for file, old, new in changes:
        assert old in texts[file]
        texts[file] = texts[file].replace(old, new)
    (folder / package).mkdir()
    for file, text in texts.items():
        (folder / package / file).write_text(text.replace("PACKAGE", package))


def entry(line: str) -> tuple[Change]:
    """Return the change that puts a line at the top of the entry module."""
    return (("__init__.py", "from bench_core import", f"{line}\nfrom bench_core import"),)


def method(old: str, new: str) -> tuple[Change]:
    """Return a change of the method."""
    return (("method.py", old, new),)


def config(old: str, new: str) -> tuple[Change]:
    """Return a change of the configuration."""
    return (("config.py", old, new),)


def extracts(line: str) -> tuple[Change]:
    """Return the change that puts a line before what extract returns."""
    return method(RETURNS, f"        {line}\n{RETURNS}")


def builds(line: str) -> tuple[Change]:
    """Return the change that puts a line before the networks are named."""
    networks = "        self.networks ="
    return method(networks, f"        {line}\n{networks}")


def learns(lines: str) -> tuple[Change]:
    """Return the change that puts lines before what a step returns."""
    return method(LEARNS, f"        {lines}\n{LEARNS}")


RETURNS = "        return features[:, None]"
LEARNS = '        return updates.minimize({"identity": loss}, "all")'
TOP = "class Stranger("

DOUBLES = {
    "cannot-be-built": Double(
        "the-networks-can-be-built",
        "ZeroDivisionError: division by zero",
        builds("1 / 0"),
        "1 / 0",
    ),
    "prints": Double(
        "registering-prints-nothing", "prints: hello there", entry('print("hello there")')
    ),
    "raises-at-entry": Double(
        "it-is-registered",
        "ValueError: not today",
        entry('raise ValueError("not today")'),
        "raise ValueError",
    ),
    "raises-when-asked": Double(
        "it-is-registered",
        "KeyError: 'methods'",
        (("__init__.py", "    return [MethodSpec", "    {}['methods']\n    return [MethodSpec"),),
        "{}['methods']",
    ),
    "has-wrong-syntax": Double(
        "it-is-registered", "SyntaxError", entry("import = 3"), "import = 3"
    ),
    "ends-at-entry": Double("it-is-registered", "exit code 3", entry("import os; os._exit(3)")),
    "imports-torch": Double(
        "registering-loads-no-heavy-library", "loads torch", entry("import torch"), "import torch"
    ),
    "writes-at-entry": Double(
        "registering-changes-nothing",
        "notes.txt",
        entry('open(__file__ + ".notes.txt", "w").close()'),
        "notes.txt",
    ),
    "accepts-anything": Double(
        "unknown-keys-are-refused",
        "accepts an unknown key",
        config("    epochs: int", '    model_config = {"extra": "allow"}\n    epochs: int'),
        "class StrangerConfig",
    ),
    "config-changes": Double(
        "the-configuration-round-trips",
        "another when it is read back: rate",
        config(
            "    rate: float = 0.01",
            "    rate: float = 0.01\n"
            "    @__import__('pydantic').field_serializer('rate')\n"
            "    def halve(self, rate): return rate / 2",
        ),
        "class StrangerConfig",
    ),
    "flat": Double(
        "features-have-the-contracted-shape",
        "2 dimensions, not 3",
        method("return features[:, None]", "return features"),
        "def extract",
    ),
    "array": Double(
        "features-have-the-contracted-shape",
        "returned a ndarray",
        method("return features[:, None]", "return features[:, None].numpy()"),
        "def extract",
    ),
    "not-finite": Double(
        "features-have-the-contracted-shape", "NaN", extracts("features = features / 0")
    ),
    "raises-in-extract": Double(
        "features-have-the-contracted-shape",
        "KeyError: 'views'",
        extracts("{}['views']"),
        "{}['views']",
    ),
    "exits-in-extract": Double(
        "features-have-the-contracted-shape", "SystemExit", extracts("raise SystemExit")
    ),
    "random": Double(
        "features-are-deterministic",
        "others at the second time",
        extracts("features = features + torch.rand(8)"),
        "def extract",
    ),
    "batch": Double(
        "features-are-independent-of-the-batch",
        "depend on the batch size",
        extracts("features = features - features.mean(0)"),
    ),
    "order": Double(
        "features-are-independent-of-the-order",
        "depend on the batch's order",
        extracts("features = features + torch.arange(len(features))[:, None]"),
    ),
    "numpy": Double(
        "the-cost-can-be-counted",
        "no multiply-add is counted",
        method(
            "features = self.net(images)",
            "pooled = self.net[:2](images).numpy()\n"
            "        features = torch.from_numpy(pooled @ self.net[2].weight.numpy().T)",
        ),
        "def extract",
    ),
    "not-a-number": Double(
        "training-runs-with-finite-losses", "not finite", learns("loss = loss / 0 * 0")
    ),
    "climbs": Double(
        "the-loss-falls-on-one-batch",
        "never brought its loss below",
        method(
            LEARNS,
            '        updates.minimize({"identity": -loss}, "all")\n        return {"total": loss}',
        ),
        "def step",
    ),
    "stands-still": Double(
        "training-changes-the-networks",
        "leaves every network as it was",
        method(LEARNS, '        return {"total": loss}'),
    ),
    "draws-elsewhere": Double(
        "the-same-seed-gives-the-same-bits",
        "two trainings of one seed differ",
        learns("import os; loss = loss * (1 + os.urandom(1)[0])"),
        "def step",
    ),
    "resumes-differently": Double(
        "a-resumed-training-is-the-same",
        "a resumed and an uninterrupted training differ",
        learns("self.calls += 1; loss = loss + self.calls * features.square().mean()"),
        "def step",
    ),
    "forgets-a-network": Double(
        "a-saved-model-gives-the-same-features",
        "a loaded model gives other features",
        method('ModuleDict({"net": self.net, ', "ModuleDict({"),
        "def extract",
    ),
    "knows-labels": Double(
        "features-come-from-images-and-weights-alone",
        "a trained method and another one with its weights",
        (*learns("SEEN.append(labels.sum())"), *extracts("features = features + sum(SEEN[-1:])")),
        "def extract",
    ),
    "socket": Double(
        "the-network-is-not-used",
        "it reaches for the network: socket.",
        (
            *method("import torch\n", "import contextlib, socket, torch\n"),
            *learns(
                "with contextlib.suppress(OSError):\n"
                "            socket.create_connection(('127.0.0.1', 9), timeout=1)"
            ),
        ),
        "create_connection",
    ),
    "writes-beside-its-module": Double(
        "no-file-is-written-elsewhere",
        "features.txt",
        extracts('open(__file__ + ".features.txt", "w").close()'),
        "features.txt",
    ),
    "makes-a-folder": Double(
        "no-file-is-written-elsewhere",
        "os.mkdir",
        extracts('__import__("pathlib").Path(__file__ + ".cache").mkdir(exist_ok=True)'),
        "mkdir",
    ),
}
