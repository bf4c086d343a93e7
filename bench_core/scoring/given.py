"""A query and a gallery as a file holds them, as the one trial of a protocol."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bench_core.contracts.errors import DataError, UsageError
from bench_core.contracts.protocol import GIVEN
from bench_core.features.given import ROLES, images_of_roles, role_rows
from bench_core.features.numbering import numbering_hint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from bench_core.contracts.dataset import DatasetSpec
    from bench_core.contracts.images import Modality
    from bench_core.contracts.protocol import (
        Convention,
        EvaluationProtocol,
        ProtocolSpec,
        Trial,
    )
    from bench_core.features.given import GivenFeatures, Role
    from bench_core.features.table import FeatureTable


class GivenTrial:
    """A protocol with one trial, which was drawn elsewhere: its camera rule and CMC are kept.

    Args:
        protocol: The protocol.
        number: Its trial, from 0, on whose people the model may be tested.
        trial: The rows that query and those that form the gallery.
    """

    def __init__(self, protocol: EvaluationProtocol, number: int, trial: Trial) -> None:
        self.spec: ProtocolSpec = replace(protocol.spec, num_trials=1, conventions=(GIVEN,))
        self._protocol, self._number, self._trial = protocol, number, trial

    def training_split(self, trial: int) -> str:
        """Return the training split of the trial."""
        self.spec.check_trial(trial)
        return self._protocol.training_split(self._number)

    def training_rows(self, images: pd.DataFrame, split: str) -> NDArray[np.int64]:
        """Return the row positions of the training images of a split."""
        return self._protocol.training_rows(images, split)

    def test_rows(self, images: pd.DataFrame, split: str) -> NDArray[np.int64]:
        """Return the row positions that a model of a training split may be scored on."""
        return self._protocol.test_rows(images, split)

    def trial(
        self,
        images: pd.DataFrame,  # noqa: ARG002  # the rows are known already
        convention: Convention,
        trial: int,
    ) -> Trial:
        """Return the trial.

        Raises:
            UsageError: Another convention, or another trial than the first, is asked for.
        """
        self.spec.check_trial(trial)
        self.spec.check_convention(convention)
        return self._trial

    def validation_trial(self, images: pd.DataFrame) -> Trial:
        """Return the trial of the validation people."""
        return self._protocol.validation_trial(images)


@dataclass(frozen=True, kw_only=True, eq=False)
class BoundGiven:
    """Given features under a protocol.

    Attributes:
        features: The features, as a table.
        protocol: The protocol, whose one trial they are.
    """

    features: FeatureTable
    protocol: GivenTrial


def bind_given(
    given: GivenFeatures, dataset: DatasetSpec, protocol: EvaluationProtocol, trial: int | None
) -> BoundGiven:
    """Check that features as given may be scored under a protocol, and make them its trial.

    Args:
        given: The features.
        dataset: The dataset of the protocol.
        protocol: The protocol.
        trial: Number of the trial, from 0, whose people were tested; None where all trials of the
            protocol share one training, so that nothing has to be chosen.

    Returns:
        The features, whose notes say what is taken for granted, and the protocol.

    Raises:
        UsageError: Each trial has people of its own to test, and `trial` is None; or it is given
            although all trials test the same.
        DataError: A camera is none of its role, people who query are none that the protocol tests,
            or people whom it tests are missing.
    """
    spec = protocol.spec
    if trial is None and has_several_trainings(protocol):
        raise UsageError(
            f"--features {given.source}: each trial of {spec.id} tests people of its own, and the "
            "features do not say which trial they are of; give --trial N"
        )
    if trial is not None and not has_several_trainings(protocol):
        raise UsageError(
            f"--trial {trial + 1}: {given.source} holds one trial, as given, which is none that "
            f"{spec.id} draws; leave the option out"
        )
    features, rows = given.as_table(modalities_of(spec))
    try:
        strangers = check_given(given.table, dataset, protocol, trial or 0)
    except DataError as error:
        hint = numbering_hint(given.table)
        raise DataError(f"cannot score {given.source} as given: {error}{hint}") from error
    features = replace(features, notes=(*_notes(given, protocol, trial), *given.notes, *strangers))
    return BoundGiven(features=features, protocol=GivenTrial(protocol, trial or 0, rows))


def modalities_of(spec: ProtocolSpec) -> dict[Role, Modality]:
    """Return the modalities of the query and of the gallery of a protocol."""
    return {"query": spec.query_modality, "gallery": spec.gallery_modality}


def check_given(
    table: pd.DataFrame, dataset: DatasetSpec, protocol: EvaluationProtocol, trial: int
) -> tuple[str, ...]:
    """Check that images as given may be a trial of a protocol.

    Args:
        table: Columns identity, camera and role.
        dataset: The dataset of the protocol.
        protocol: The protocol.
        trial: The trial, from 0, whose people are tested.

    Returns:
        Notes on what stays although the protocol would not have it.

    Raises:
        DataError: A camera is none of its role, people who query are none that the protocol tests,
            or people whom it tests are missing.
    """
    if problem := camera_problem(table, dataset, protocol.spec):
        raise DataError(problem)
    images, rows = images_of_roles(table, modalities_of(protocol.spec))
    return _strangers(images, rows, protocol, trial)


def absent_camera(
    cameras: Mapping[Role, NDArray[np.int64]], dataset: DatasetSpec, spec: ProtocolSpec
) -> str:
    """Say of which camera of a protocol no image is given.

    Args:
        cameras: Cameras of the query images and of the gallery images.
        dataset: The dataset of the protocol.
        spec: The protocol.

    Returns:
        One line; nothing where all cameras are there, or are not known.
    """
    for role in ROLES:
        given = set(cameras[role].tolist())
        for camera in cameras_of(role, dataset, spec):
            if camera not in given:
                return f"the {role} has no image of camera {camera}, of which {spec.id} has some"
    return ""


def camera_problem(table: pd.DataFrame, dataset: DatasetSpec, spec: ProtocolSpec) -> str:
    """Say which images are of a camera that has no part in a protocol.

    Args:
        table: Columns identity, camera and role.
        dataset: The dataset of the protocol.
        spec: The protocol.

    Returns:
        One line; nothing where all cameras are right, or are not known.
    """
    for role in ROLES:
        camera = table["camera"].to_numpy()[role_rows(table, role)]
        known = cameras_of(role, dataset, spec)
        wrong = camera[~np.isin(camera, known)] if known else camera[:0]
        if wrong.size:
            return (
                f"{wrong.size} {role} images are of cameras that {spec.id} does not have, such as "
                f"{wrong[0]} (its {role} cameras are {', '.join(map(str, known))})"
            )
    return ""


def cameras_of(role: Role, dataset: DatasetSpec, spec: ProtocolSpec) -> tuple[int, ...]:
    """Return the cameras that query, or form the gallery; none where they are not known."""
    is_query = role == "query"
    modality = spec.query_modality if is_query else spec.gallery_modality
    return (spec.query_cameras if is_query else spec.gallery_cameras) or tuple(
        camera for camera, own in dataset.camera_modalities.items() if own == modality
    )


def has_several_trainings(protocol: EvaluationProtocol) -> bool:
    """Whether each trial has people of its own to train on, and to test."""
    return len({protocol.training_split(number) for number in range(protocol.spec.num_trials)}) > 1


def _notes(given: GivenFeatures, protocol: EvaluationProtocol, trial: int | None) -> Iterator[str]:
    """Say what cannot be known of features as given."""
    name = given.source.name if given.source else "the features"
    yield (
        f"query and gallery are as given: {name} does not say which images they are, so that "
        f"nothing shows whether {protocol.spec.id} draws this gallery"
    )
    if has_several_trainings(protocol):
        split = protocol.training_split(trial or 0)
        yield f"the model was trained on {split}: {name} does not say on what"


def _strangers(
    table: pd.DataFrame, rows: Trial, protocol: EvaluationProtocol, trial: int
) -> tuple[str, ...]:
    """Refuse queries of people who are not tested; return a note about such gallery images."""
    tested = protocol.test_rows(table, protocol.training_split(trial))
    is_tested = np.zeros(len(table), dtype=bool)
    is_tested[tested] = True
    outside = {
        role: table["identity"].to_numpy()[own[~is_tested[own]]]
        for role, own in zip(ROLES, (rows.query, rows.gallery), strict=True)
    }
    if outside["query"].size:
        raise DataError(
            f"{outside['query'].size} queries are of people whom {protocol.spec.id} does not test, "
            f"such as identity {outside['query'][0]}: the model may have been trained on them; "
            "leave them out"
        )
    if not outside["gallery"].size:
        return ()
    note = (
        f"{outside['gallery'].size} gallery images are of people whom {protocol.spec.id} does not "
        f"test, such as identity {outside['gallery'][0]}: they stay, as given"
    )
    return (note,)
