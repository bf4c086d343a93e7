"""Multiply-adds and parameters of a method, counted on the path that extraction really runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from bench_core.contracts.images import MODALITIES, Modality
from bench_core.profiling.counting import Record, recorded
from bench_core.profiling.modules import ModuleCost, module_costs
from bench_core.training.method import Method


@dataclass(frozen=True, kw_only=True)
class Uncounted:
    """An operator of extraction that computes and for which no multiply-adds are counted.

    Attributes:
        name: Such as "aten.native_batch_norm".
        calls: Calls for one image of each modality.
        elements: Elements of the outputs of these calls.
    """

    name: str
    calls: Mapping[Modality, int]
    elements: Mapping[Modality, int]


@dataclass(frozen=True, kw_only=True)
class InferenceCost:
    """What it costs to extract one image.

    Attributes:
        macs: Multiply-adds of one image of each modality, as PyTorch's FlopCounterMode counts
            convolutions, matrix products and attention.
        parameters: Parameters that extraction reads for either modality.
        training_only_parameters: All other parameters.
        modules: The same, split over the networks.
        uncounted: Operators that compute and have no multiply-adds, by name.
    """

    macs: Mapping[Modality, int]
    parameters: int
    training_only_parameters: int
    modules: tuple[ModuleCost, ...]
    uncounted: tuple[Uncounted, ...]

    @property
    def costlier(self) -> Modality:
        """The modality of which an image needs more multiply-adds; of equals, visible."""
        return max(MODALITIES, key=lambda modality: self.macs[modality])

    def as_document(self) -> dict[str, Any]:
        """Return the parts of `bench profile --json` that are about extraction."""
        work = {
            operator.name: {
                **_by_modality("calls", operator.calls),
                **_by_modality("elements", operator.elements),
            }
            for operator in self.uncounted
        }
        return {
            "inference": {**self._macs(self.macs), "parameters": self.parameters},
            "modules": [
                {
                    "name": module.name,
                    **self._macs(module.macs),
                    "parameters": module.parameters,
                    "inference": module.inference,
                }
                for module in self.modules
            ],
            "uncounted": list(work),
            "uncounted_work": work,
        }

    def _macs(self, macs: Mapping[Modality, int]) -> dict[str, int]:
        """Return multiply-adds and FLOPs of the costlier modality, then those of each."""
        most = macs[self.costlier]
        return {"macs": most, "flops": 2 * most, **_by_modality("macs", macs)}


def inference_cost(
    method: Method, image_size: tuple[int, int], device: torch.device
) -> InferenceCost:
    """Count the cost of extracting one image of each modality.

    Args:
        method: The method; its networks are put into evaluation mode.
        image_size: Height and width in pixels.
        device: Where its networks are.
    """
    networks = method.networks.eval()
    image = torch.rand(1, 3, *image_size, device=device)
    records: dict[Modality, Record] = {}
    for modality in MODALITIES:
        with recorded(networks) as record:
            method.extract(image, modality)
        records[modality] = record
    sizes = {name: value.numel() for name, value in networks.named_parameters()}
    used = set[str]().union(*(record.parameters for record in records.values()))
    parameters = sum(sizes[name] for name in used)
    return InferenceCost(
        macs={modality: record.macs.total() for modality, record in records.items()},
        parameters=parameters,
        training_only_parameters=sum(sizes.values()) - parameters,
        modules=module_costs(networks, records),
        uncounted=_uncounted(records),
    )


def _uncounted(records: Mapping[Modality, Record]) -> tuple[Uncounted, ...]:
    names = set[str]().union(*(record.calls for record in records.values()))
    return tuple(
        Uncounted(
            name=name,
            calls={modality: record.calls[name] for modality, record in records.items()},
            elements={modality: record.elements[name] for modality, record in records.items()},
        )
        for name in sorted(names)
    )


def _by_modality(what: str, values: Mapping[Modality, int]) -> dict[str, int]:
    return {f"{what}_{modality}": value for modality, value in values.items()}
