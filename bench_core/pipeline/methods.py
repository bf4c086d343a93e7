"""A method, built from its choice and started from its weights."""

from __future__ import annotations

import hashlib

import torch
from torch import nn

from bench_core.configuration import MethodChoice
from bench_core.contracts.errors import UsageError
from bench_core.loading import load_method
from bench_core.modeling.pretrained import PretrainedWeights
from bench_core.training.identity import TrainingDescription
from bench_core.training.method import Method
from bench_core.training.seeding import seed_global_generators


def build_method(choice: MethodChoice, num_identities: int, *, seed: int = 0) -> Method:
    """Build a method with the random weights of a seed.

    Raises:
        PluginError: The class that the spec names lacks what a method must have.
    """
    seed_global_generators((seed,))
    method: Method = load_method(choice.spec, choice.config, num_identities)
    return method


def load_pretrained(
    method: Method, weights: PretrainedWeights, description: TrainingDescription
) -> str:
    """Load what a training starts from, and return a digest of it.

    Raises:
        UsageError: The method loads nothing, so that the weights would be a false claim.
    """
    random = networks_digest(method.networks)
    method.load_pretrained(weights)
    loaded = networks_digest(method.networks)
    if weights.kind != "none" and loaded == random:
        raise UsageError(
            f"--weights {weights.path or weights.kind}: {description.method}:{description.variant} "
            "loads no such weights, so its result must not claim them; use --weights none"
        )
    return loaded


def networks_digest(networks: nn.Module) -> str:
    """Return a SHA-256 (hex) of the state of networks."""
    digest = hashlib.sha256()
    for name, tensor in networks.state_dict().items():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        values = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(values.view(torch.uint8).numpy())
    return digest.hexdigest()
