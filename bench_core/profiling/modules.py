"""The cost of extraction, split over the networks of a method."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from bench_core.contracts.images import Modality
from bench_core.profiling.counting import OUTSIDE, Record

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


def module_costs(
    networks: nn.ModuleDict, records: Mapping[Modality, Record]
) -> tuple[ModuleCost, ...]:
    """Split the cost of extraction over the networks.

    A part that extraction uses only half of is given as its parts, so that all of a part's
    parameters are of extraction or none is. Every multiply-add and parameter is in one part.

    Args:
        networks: Every network by name.
        records: What ran for an image of each modality.
    """
    return _Split(networks, records).parts()


class _Split:
    def __init__(self, networks: nn.ModuleDict, records: Mapping[Modality, Record]) -> None:
        self._networks = networks
        self._records = records
        self._sizes = {name: value.numel() for name, value in networks.named_parameters()}
        self._used = set[str]().union(*(record.parameters for record in records.values()))

    def parts(self) -> tuple[ModuleCost, ...]:
        found = [part for name, net in self._networks.items() for part in self._divide(name, net)]
        outside = self._cost(OUTSIDE_LABEL, [OUTSIDE], [])
        return (*found, outside) if any(outside.macs.values()) else tuple(found)

    def _divide(self, name: str, module: nn.Module) -> Iterator[ModuleCost]:
        parameters = [key for key in self._sizes if _within(key, name)]
        num_used = len(self._used.intersection(parameters))
        children = dict(module.named_children())
        if num_used in (0, len(parameters)) or not children:
            ran = {key for record in self._records.values() for key in record.running}
            yield self._cost(name, [key for key in ran if _within(key, name)], parameters)
            return
        own = [key for key in parameters if key.rpartition(".")[0] == name]
        itself = self._cost(name, [name], own)
        if itself.parameters or any(itself.macs.values()):
            yield itself
        for child, part in children.items():
            yield from self._divide(f"{name}.{child}", part)

    def _cost(self, name: str, modules: Sequence[str], parameters: Sequence[str]) -> ModuleCost:
        """Sum up some modules, each without what is within it, and some parameters."""
        records = self._records.items()
        used = (
            not self._used.isdisjoint(parameters)
            if parameters
            else any(record.running.intersection(modules) for _, record in records)
        )
        return ModuleCost(
            name=name,
            macs={kind: sum(record.macs[key] for key in modules) for kind, record in records},
            parameters=sum(self._sizes[key] for key in parameters),
            inference=used,
        )


def _within(key: str, name: str) -> bool:
    return key == name or key.startswith(f"{name}.")
