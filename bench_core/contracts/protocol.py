"""What a protocol is: which images train, query and form the gallery, and how they are scored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, runtime_checkable

from bench_core.contracts.degradation import (
    DegradationSpec,
)  # fields are checked by types  # fields of specs are checked by their types
from bench_core.contracts.errors import UsageError
from bench_core.contracts.images import Modality  # likewise

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

Convention: TypeAlias = str
"""How the galleries of a protocol are drawn: one of the names in its `ProtocolSpec.conventions`."""
GIVEN: Convention = "given"
"""Of features that do not say which images they are of: query and gallery are scored as given.

No protocol defines it: it is a convention of the features.
"""
CmcKind: TypeAlias = Literal["identity", "image"]


@dataclass(frozen=True, kw_only=True)
class ProtocolSpec:
    """A protocol as its plugin registers it; nothing here imports the code that draws galleries.

    Attributes:
        id: Such as "sysu-all-single".
        dataset: Id of the dataset it belongs to.
        title: Name for people.
        query_modality: Modality of the query images.
        gallery_modality: Modality of the gallery images.
        query_cameras: Cameras of the query images, where the protocol does not take those of all
            cameras of the modality; empty where it does.
        gallery_cameras: The same of the gallery images.
        cmc: "identity" counts the first gallery image of each identity, "image" every image.
        excluded_camera_pairs: (query camera, gallery camera) pairs that may not meet, whatever
            the identity.
        excluded_match_camera_pairs: (query camera, gallery camera) pairs in which a query does not
            meet gallery images of its own identity, but does meet those of others.
        num_trials: Number of gallery draws that a score averages.
        conventions: Gallery conventions that it defines; the first is the default.
        definition: "module:Class" of an `EvaluationProtocol`, constructed with this spec and the
            split files, as the reader of its dataset reads them.
        validation_split: Name of the training split that holds validation people out, so that a
            model can be selected by its score on them (`EvaluationProtocol.validation_trial`). It
            takes the place of the training split of every trial. None where the dataset has none.
        num_queries: Query images of each trial of the real dataset, as its authors publish them;
            None where that is not known.
        num_gallery: Gallery images of each trial of the real dataset; likewise.
        degradation: How the images that are scored are made worse; None where they are as they
            are. Training images never are.
        twin_of: Id of the protocol that this one is, but for its degradation; `definition` is
            constructed with the spec of that one. None of those that plugins register.
    """

    id: str
    dataset: str
    title: str
    query_modality: Modality
    gallery_modality: Modality
    query_cameras: tuple[int, ...] = ()
    gallery_cameras: tuple[int, ...] = ()
    cmc: CmcKind
    excluded_camera_pairs: tuple[tuple[int, int], ...] = ()
    excluded_match_camera_pairs: tuple[tuple[int, int], ...] = ()
    num_trials: int = 10
    conventions: tuple[Convention, ...]
    definition: str
    validation_split: str | None = None
    num_queries: int | None = None
    num_gallery: int | None = None
    degradation: DegradationSpec | None = None
    twin_of: str | None = None

    def check_trial(self, trial: int) -> None:
        """Refuse a trial, counted from 0, that the protocol does not have.

        Raises:
            UsageError: There is no such trial.
        """
        if not 0 <= trial < self.num_trials:
            raise UsageError(f"{self.id} has trials 0 to {self.num_trials - 1}, not {trial}")

    def check_convention(self, convention: Convention) -> None:
        """Refuse a convention that the protocol does not define.

        Raises:
            UsageError: It is none of `conventions`.
        """
        if convention not in self.conventions:
            raise UsageError(
                f"{self.id} does not define the convention '{convention}'; "
                f"use {' or '.join(self.conventions)}"
            )


@dataclass(frozen=True)
class Trial:
    """One trial: which rows of the table are queries, which the gallery.

    Attributes:
        query: Row positions of the query images, int64.
        gallery: Row positions of the gallery images, int64, in gallery order (ties in distance
            are resolved by it).
    """

    query: NDArray[np.int64]
    gallery: NDArray[np.int64]


class EvaluationProtocol(Protocol):
    """Draws trials from a table with the columns identity, camera, modality and index.

    It is bound to the split files of one copy of its dataset: `ProtocolSpec.definition` is
    constructed with the spec and with what `DatasetReader.read` or `read_splits` made of them.
    The table is a dataset's images or a feature file: no path is needed to score features.
    """

    spec: ProtocolSpec

    def training_split(self, trial: int) -> str:
        """Return the name of the training split that trial `trial` (from 0) must be trained on."""
        ...

    def training_rows(self, images: pd.DataFrame, split: str) -> NDArray[np.int64]:
        """Return the row positions of the training images of a split."""
        ...

    def test_rows(self, images: pd.DataFrame, split: str) -> NDArray[np.int64]:
        """Return the row positions that a model of a training split may be scored on.

        They cover the queries and galleries of every trial of that split under every convention.
        """
        ...

    def trial(self, images: pd.DataFrame, convention: Convention, trial: int) -> Trial:
        """Draw the queries and the gallery of trial `trial` (from 0).

        Raises:
            UsageError: The protocol does not define the convention.
            DataError: The table or the splits lack what the draw needs.
        """
        ...

    def validation_trial(self, images: pd.DataFrame) -> Trial:
        """Return the queries and the gallery of the validation people, to select a model by.

        Every query may meet every gallery image: no camera pair is excluded. Protocols of one
        dataset that share a training must return the same trial. It is asked of protocols whose
        spec names a `validation_split`; others need not define it.

        Raises:
            DataError: The table or the splits lack the validation people.
        """
        ...


@runtime_checkable
class StatesAssumptions(Protocol):
    """A protocol that says what it takes for granted when features are scored without images."""

    def assumptions(self) -> tuple[str, ...]:
        """Return what the split files leave open and a score rests on, one line each."""
        ...
