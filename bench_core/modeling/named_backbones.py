"""Networks of torchvision and timm by their names, without their classifiers."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from typing import Any, TypeAlias

import torch
from torch import nn
from torchvision import models

from bench_core.contracts.errors import CheckpointError, UsageError, unknown_name
from bench_core.modeling.backbones import modern_densenet_name
from bench_core.modeling.pretrained import PretrainedWeights, load_pretrained
from bench_core.modeling.weights_files import Fit, fit_tensors

State: TypeAlias = dict[str, torch.Tensor]
Load: TypeAlias = Callable[[nn.Module, PretrainedWeights], None]
Reduce: TypeAlias = Callable[[State], State]
"""Takes off a state what the body lacks, such as the classifier."""


class NamedBackbone(nn.Module):
    """A network of a library; made by `named_backbone`.

    Attributes:
        num_features: D, length of the feature.
        body: Normalised images (B, 3, H, W) -> features (B, D).
    """

    def __init__(
        self, body: nn.Module, num_features: int, load: Load, reduced: Reduce = dict
    ) -> None:
        super().__init__()
        self.body, self.num_features = body, num_features
        self._load, self._reduced = load, reduced

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the features (B, D) of normalised images (B, 3, H, W)."""
        features: torch.Tensor = self.body(images)
        return features

    def fit(self, tensors: Mapping[str, torch.Tensor]) -> Fit:
        """Say which tensors of a weights file the body would load, and which not."""
        return fit_tensors(self.body.state_dict(), self._reduced(dict(tensors)))

    def load_pretrained(self, weights: PretrainedWeights) -> None:
        """Load pretrained weights, of a classifier nothing; of kind "none", leave it as it is.

        Raises:
            CheckpointError: The weights cannot be had, or do not fit.
        """
        self._load(self.body, weights)


def named_backbone(name: str, **options: Any) -> NamedBackbone:
    """Build a network of torchvision or timm with random weights.

    Args:
        name: "torchvision:resnet18", "timm:resnet18" and so on, as the library calls it.
        options: What the library's builder takes besides, such as `image_size` of a transformer.

    Raises:
        UsageError: There is no such library or network, timm is not installed, or the network does
            not end in a linear classifier.
    """
    library, _, network = name.partition(":")
    builders = {"torchvision": _of_torchvision, "timm": _of_timm}
    if library not in builders:
        raise unknown_name("library of backbones", library, builders)
    return builders[library](network, options)


def check_name(library: str, name: str, known: Sequence[str]) -> None:
    """Refuse a network that a library has not, with the nearest that it has: there are hundreds.

    Raises:
        UsageError: The library has no such network.
    """
    if name in known:
        return
    near = ", ".join(get_close_matches(name, known, 3)) or ", ".join(known[:3])
    listed = f"{library}{'.models' if library == 'torchvision' else ''}.list_models()"
    raise UsageError(f"{library} has no network '{name}'; it has {near} and others ({listed})")


def _of_torchvision(name: str, options: dict[str, Any]) -> NamedBackbone:
    check_name("torchvision", name, models.list_models(module=models))
    network = models.get_model(name, **options)
    classifier = classifier_of(network, name)
    num_features = network.get_submodule(classifier).in_features
    network.set_submodule(classifier, nn.Identity())
    imagenet = models.get_model_weights(name).DEFAULT
    reduced = partial(_without, f"{classifier}.", densenet=name.startswith("densenet"))
    return NamedBackbone(
        network,
        int(num_features),
        lambda body, weights: load_pretrained(body, weights, imagenet, reduced=reduced),
        reduced,
    )


def classifier_of(network: nn.Module, name: str) -> str:
    """Return the name of the module of a network of torchvision that classifies, such as "fc".

    Args:
        network: The network.
        name: What torchvision calls it.

    Raises:
        UsageError: The network does not end in a linear classifier.
    """
    layers = [each for each, layer in network.named_modules() if isinstance(layer, nn.Linear)]
    classifier = layers[-1] if layers else ""
    # The last module of all: a linear layer in the middle of a network is no classifier.
    if not classifier or classifier != list(network.named_modules())[-1][0]:
        raise UsageError(
            f"torchvision:{name} does not end in a linear classifier, so that nothing says what "
            "its feature is; build it in the method itself"
        )
    return classifier


def _without(classifier: str, state: State, *, densenet: bool) -> State:
    """Take a classifier off a state, and give DenseNet's tensors their names of today."""
    return {
        modern_densenet_name(name) if densenet else name: value
        for name, value in state.items()
        if not name.startswith(classifier)
    }


def import_timm(name: str) -> Any:
    """Return the module timm.

    Args:
        name: The network that it is needed for.

    Raises:
        UsageError: It is not installed.
    """
    try:
        return importlib.import_module("timm")
    except ModuleNotFoundError:
        raise UsageError(
            f"timm:{name} needs timm, which is not installed: pip install 'vireid-bench[timm]'"
        ) from None


def _of_timm(name: str, options: dict[str, Any]) -> NamedBackbone:
    timm = import_timm(name)
    check_name("timm", name, timm.list_models())
    build = partial(timm.create_model, name, num_classes=0, **options)
    network = build(pretrained=False)
    return NamedBackbone(network, int(network.num_features), partial(_load_timm, name, build))


def _load_timm(
    name: str, build: Callable[..., nn.Module], body: nn.Module, weights: PretrainedWeights
) -> None:
    """Load weights as torchvision's are, but for ImageNet's, which timm itself downloads."""
    if weights.kind != "imagenet":
        load_pretrained(body, weights)
        return
    try:
        state = build(pretrained=True).state_dict()
    except (OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(
            f"cannot download timm's weights of {name} ({reason}); use --weights FILE or "
            "--weights none"
        ) from None
    body.load_state_dict(state)
