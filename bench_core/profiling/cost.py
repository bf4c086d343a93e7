"""Multiply-adds and parameters of a method, counted on the path that extraction really runs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from bench_core.contracts.images import MODALITIES, Modality
from bench_core.training.method import Method


@dataclass(frozen=True, kw_only=True)
class InferenceCost:
    """What it costs to extract one image.

    Attributes:
        macs: Multiply-adds of one image of each modality, as PyTorch's FlopCounterMode counts
            convolutions and matrix products.
        parameters: Parameters of the modules that extraction runs for either modality.
        training_only_parameters: Parameters of all other modules.
    """

    macs: dict[Modality, int]
    parameters: int
    training_only_parameters: int


def inference_cost(
    method: Method, image_size: tuple[int, int], device: torch.device
) -> InferenceCost:
    """Count the cost of extracting one image of each modality.

    Args:
        method: The method; its networks are put into evaluation mode on `device`.
        image_size: Height and width in pixels.
        device: Where to run the one image.
    """
    networks = method.networks.to(device).eval()
    used: set[nn.Module] = set()
    hooks = [
        module.register_forward_hook(lambda module, _inputs, _output: used.add(module))
        for module in networks.modules()
    ]
    image = torch.rand(1, 3, *image_size, device=device)
    try:
        macs = {modality: _macs(method, image, modality) for modality in MODALITIES}
    finally:
        for hook in hooks:
            hook.remove()
    running = {id(parameter) for module in used for parameter in module.parameters(recurse=False)}
    total = {id(parameter): parameter.numel() for parameter in networks.parameters()}
    parameters = sum(size for key, size in total.items() if key in running)
    return InferenceCost(
        macs=macs,
        parameters=parameters,
        training_only_parameters=sum(total.values()) - parameters,
    )


def _macs(method: Method, image: torch.Tensor, modality: Modality) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        method.extract(image, modality)
    return int(counter.get_total_flops()) // 2
