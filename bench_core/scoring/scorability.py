"""Under which protocols features can be scored, and what is missing for the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench_core.contracts.errors import BenchError
from bench_core.contracts.protocol import GIVEN
from bench_core.features.given import ROLES, GivenFeatures
from bench_core.features.numbering import numbering_hint
from bench_core.loading import load_protocol
from bench_core.scoring.given import bind_given, camera_problem, cameras_of

if TYPE_CHECKING:
    from bench_core.contracts.dataset import DatasetSpec, Splits
    from bench_core.contracts.protocol import EvaluationProtocol, ProtocolSpec
    from bench_core.features.formats import Features
    from bench_core.features.table import FeatureTable


@dataclass(frozen=True, kw_only=True)
class Scorability:
    """Whether features can be scored under a protocol.

    Attributes:
        protocol: Its id.
        conventions: The conventions under which they can; empty where they cannot.
        missing: What is missing, or wrong; empty where nothing is.
        checked: Whether the first trial was drawn with split files; else cameras, modalities and
            roles were looked at alone.
    """

    protocol: str
    conventions: tuple[str, ...]
    missing: str
    checked: bool


def scorability(
    features: Features,
    protocol: ProtocolSpec,
    dataset: DatasetSpec,
    splits: Splits | None,
) -> Scorability:
    """Tell whether features can be scored under a protocol.

    Args:
        features: The features.
        protocol: The protocol.
        dataset: Its dataset.
        splits: The split files; None where they are not at hand.
    """
    missing = _missing(features, protocol, dataset)
    conventions: tuple[str, ...] = (
        (GIVEN,) if isinstance(features, GivenFeatures) else protocol.conventions
    )
    if missing:
        conventions = ()
    elif splits is not None:
        problems = {name: _draw(features, protocol, dataset, splits, name) for name in conventions}
        conventions = tuple(name for name, problem in problems.items() if not problem)
        missing = "; ".join(dict.fromkeys(filter(None, problems.values())))
    return Scorability(
        protocol=protocol.id,
        conventions=conventions,
        missing=missing,
        checked=splits is not None,
    )


def _missing(features: Features, protocol: ProtocolSpec, dataset: DatasetSpec) -> str:
    """Return what cameras, modalities and roles show to be missing or wrong."""
    if isinstance(features, GivenFeatures):
        return camera_problem(features.table, dataset, protocol)
    modalities = {"query": protocol.query_modality, "gallery": protocol.gallery_modality}
    for role in ROLES:
        own = features.table["camera"][features.table["modality"] == modalities[role]]
        if own.empty:
            return f"no {modalities[role]} image for the {role}"
        known = cameras_of(role, dataset, protocol)
        absent = [camera for camera in known if camera not in set(own)]
        if absent:
            return f"no {modalities[role]} image of camera {absent[0]} for the {role}"
    return ""


def _draw(
    features: Features,
    protocol: ProtocolSpec,
    dataset: DatasetSpec,
    splits: Splits,
    convention: str,
) -> str:
    """Draw the first trial; return why it cannot be, or nothing."""
    try:
        bound = load_protocol(protocol, splits)
        if isinstance(features, GivenFeatures):
            several = bound.training_split(0) != bound.training_split(protocol.num_trials - 1)
            bind_given(features, dataset, bound, 0 if several else None)
        else:
            bound.trial(features.table, convention, _trial_of(features, bound))
    except BenchError as error:
        # Features as given have said it already.
        hint = "" if isinstance(features, GivenFeatures) else numbering_hint(features.table)
        return f"{error}{hint}"
    return ""


def _trial_of(features: FeatureTable, protocol: EvaluationProtocol) -> int:
    """Return the first trial, from 0, that the model may be scored on by what the features say."""
    numbers = range(protocol.spec.num_trials)
    own = [n for n in numbers if protocol.training_split(n) == features.training_split]
    return own[0] if own else 0
