"""Multiply-adds and parameters of a method, counted on the path that extraction really runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from bench_core.contracts.images import MODALITIES, Modality
from bench_core.profiling.counting import OUTSIDE, Record, Work, recorded
from bench_core.training.method import Method

OUTSIDE_LABEL = "(outside the networks)"


@dataclass(frozen=True, kw_only=True)
class ModuleCost:
    """What one part of a method costs.

    Attributes:
        name: Its name in the method's networks, such as "backbone" or "student.head".
        macs: Multiply-adds of extracting one image, for each modality.
        parameters: Its parameters; those that another part has, too, are counted in the first.
        inference: Whether extraction runs it.
    """

    name: str
    macs: Mapping[Modality, int]
    parameters: int
    inference: bool


@dataclass(frozen=True, kw_only=True)
class Uncounted:
    """An operator of extraction that computes and for which no multiply-adds are counted.

    Attributes:
        name: Such as "aten.native_batch_norm".
        work: What it does for one image of each modality.
    """

    name: str
    work: Mapping[Modality, Work]

    def as_document(self) -> dict[str, int]:
        """Return what `bench profile --json` says of its work."""
        work = self.work.items()
        return {
            **{f"calls_{modality}": done.calls for modality, done in work},
            **{f"elements_{modality}": done.elements for modality, done in work},
        }


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
        work = {operator.name: operator.as_document() for operator in self.uncounted}
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
        each = {f"macs_{modality}": count for modality, count in macs.items()}
        return {"macs": most, "flops": 2 * most, **each}


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
    return cost_of(networks, records)


def cost_of(networks: nn.ModuleDict, records: Mapping[Modality, Record]) -> InferenceCost:
    """Sum up the cost of extraction, in all and split over the networks.

    A part that extraction uses only half of is given as its parts, so that all of a part's
    parameters are of extraction or none is. Every multiply-add and parameter is in one part.

    Args:
        networks: Every network by name.
        records: What ran for an image of each modality.
    """
    split = _Split(networks, records)
    parameters = sum(split.sizes[name] for name in split.used)
    uncounted = sorted({name for record in records.values() for name in record.uncounted})
    return InferenceCost(
        macs={modality: record.macs.total() for modality, record in records.items()},
        parameters=parameters,
        training_only_parameters=sum(split.sizes.values()) - parameters,
        modules=split.parts(),
        uncounted=tuple(
            Uncounted(
                name=name,
                work={kind: record.uncounted.get(name, Work()) for kind, record in records.items()},
            )
            for name in uncounted
        ),
    )


class _Split:
    """The parameters of a method, which of them extraction reads, and the parts they are in."""

    def __init__(self, networks: nn.ModuleDict, records: Mapping[Modality, Record]) -> None:
        self._networks, self._records = networks, records
        self._ran = set[str]().union(*(record.running for record in records.values()))
        self.used = set[str]().union(*(record.parameters for record in records.values()))
        self.sizes = {name: value.numel() for name, value in networks.named_parameters()}

    def parts(self) -> tuple[ModuleCost, ...]:
        found = [part for name, net in self._networks.items() for part in self._divide(name, net)]
        outside = self._cost(OUTSIDE_LABEL, {OUTSIDE}, [])
        return (*found, outside) if any(outside.macs.values()) else tuple(found)

    def _divide(self, name: str, module: nn.Module) -> Iterator[ModuleCost]:
        parameters = [key for key in self.sizes if _within(key, name)]
        num_used = len(self.used.intersection(parameters))
        children = dict(module.named_children())
        if num_used in (0, len(parameters)) or not children:
            yield self._cost(name, {key for key in self._ran if _within(key, name)}, parameters)
            return
        own = [key for key in parameters if key.rpartition(".")[0] == name]
        itself = self._cost(name, {name}, own)
        if itself.parameters or any(itself.macs.values()):
            yield itself
        for child, part in children.items():
            yield from self._divide(f"{name}.{child}", part)

    def _cost(self, name: str, modules: set[str], parameters: Sequence[str]) -> ModuleCost:
        """Sum up some modules, each without what is within it, and some parameters."""
        used = self.used.intersection(parameters) if parameters else self._ran & modules
        return ModuleCost(
            name=name,
            macs={
                modality: sum(record.macs[key] for key in modules)
                for modality, record in self._records.items()
            },
            parameters=sum(self.sizes[key] for key in parameters),
            inference=bool(used),
        )


def _within(key: str, name: str) -> bool:
    return key == name or key.startswith(f"{name}.")
