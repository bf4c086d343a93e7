"""A row of the leaderboard that somebody's own script fills: its calls are the trials.

The galleries are as given: nothing here drew them. All that is heavy is loaded where it is needed.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from bench_core.contracts.errors import DataError, UsageError
from bench_core.contracts.protocol import GIVEN, CmcKind
from bench_core.contracts.reranked import RerankerUsed
from bench_core.system.foreign_files import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from bench_core.contracts.protocol import EvaluationProtocol, Trial
    from bench_core.contracts.result import ProtocolUsed
    from bench_core.evaluation.summary import TrialScore
    from bench_core.evaluation.tensors import Values
    from bench_core.features.given import Role
    from bench_core.pipeline.image_evidence import ImageEvidence
    from bench_core.plugins import Registry
    from bench_core.scoring.score import ProtocolScores

KINDS: Mapping[bool, str] = MappingProxyType({True: "synthetic=True", False: "synthetic=False"})
"""How one says what the images are."""
NUM_RANKS = 20
"""Ranks of a recorded CMC curve."""
_UNNAMED = (
    "the people of each call are those of its trial: the labels of the script do not say who they "
    "are"
)


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The rules that a function scores by.

    Attributes:
        dataset: Id of the dataset whose rules they are.
        cmc: What a CMC curve counts.
        excluded_camera_pairs: (query camera, gallery camera) pairs that may not meet.
        same_camera: What becomes of gallery images of a query's own camera.
        people_are_named: Whether the labels that scripts have are the numbers of people.
    """

    dataset: str
    cmc: CmcKind
    excluded_camera_pairs: tuple[tuple[int, int], ...] = ()
    same_camera: Literal["kept", "matches-removed"] = "kept"
    people_are_named: bool = True


@dataclass(frozen=True, kw_only=True, eq=False)
class Search:
    """One search of a script, scored.

    Attributes:
        rules: By what rules.
        score: Its scores, with `NUM_RANKS` ranks or more.
        identities: Those of the query images (Q,) and of the gallery images (G,).
        cameras: Likewise; None where the script has none.
        content: SHA-256 of the distances or features that were handed over.
    """

    rules: Rules
    score: TrialScore
    identities: tuple[Values, Values]
    cameras: tuple[Values, Values] | None
    content: str


def content_of(arrays: Sequence[Values], labels: Sequence[Values]) -> str:
    """Return a SHA-256 (hex) of distances or features with their labels."""
    from bench_core.evaluation.tensors import to_array
    from bench_core.features.digest import array_digest
    from bench_core.system.files import hash_json

    contents = [
        [array_digest(array), str(array.dtype), list(array.shape)]
        for array in map(to_array, arrays)
    ]
    return hash_json([contents, [to_array(part).tolist() for part in labels]])


class Record:
    """Collects the trials of a script and writes them as one row, whole or not at all.

    It is handed to one call of an evaluation function for each trial, in the order of trials;
    `write` then writes the record. All that can be wrong with the arguments is found at once.

    Args:
        name: What the method is called in tables.
        protocol: Id of the protocol, such as "sysu-all-single".
        data: Root of the dataset; or
        splits: folder with its split files alone.
        synthetic: Whether the people are rendered, where nothing at hand shows it.
        rerank: Whether the script re-ranked the distances, by whatever way; nobody else can know.
        results: Folder that the record is written to.

    Raises:
        UsageError: An argument is missing, or contradicts what is at hand.
        BenchError: The dataset cannot be read, or the folder cannot be written.
    """

    def __init__(
        self,
        name: str,
        protocol: str,
        *,
        data: str | Path | None = None,
        splits: str | Path | None = None,
        synthetic: bool | None = None,
        rerank: bool = False,
        results: str | Path = "results",
    ) -> None:
        from bench_core.data.opening import open_splits
        from bench_core.loading import load_protocol
        from bench_core.pipeline.image_evidence import Place, gather_evidence
        from bench_core.plugins import load_registry
        from bench_core.results.foreign import check_name
        from bench_core.system.files import check_writable

        self._registry: Registry = load_registry()
        self._name = check_name(name, list(self._registry.methods))
        spec = self._registry.protocol(protocol)
        root, folder = (None if path is None else Path(path) for path in (data, splits))
        place = root or folder
        if place is None or (root is not None and folder is not None):
            raise UsageError("give data=ROOT or splits=FOLDER, one of the two")
        if not place.is_dir():
            raise UsageError(f"{'data' if root else 'splits'}={place} is not a folder")
        self._rerank, self._results = rerank, Path(results)
        files = open_splits(self._registry.dataset(spec.dataset), place)
        self._evidence: ImageEvidence = gather_evidence(
            self._registry, spec, Place(root=root, splits=folder, synthetic=synthetic, words=KINDS)
        )
        self._splits = self._evidence.splits_digest(files)
        self._protocol: EvaluationProtocol = load_protocol(spec, files)
        check_writable(self._results)
        self._trials: list[_Trial] = []
        self._path: Path | None = None

    @property
    def protocol(self) -> str:
        """Id of the protocol."""
        return self._protocol.spec.id

    def add(self, search: Search) -> None:
        """Take a search as the next trial; the evaluation functions call this.

        Raises:
            UsageError: It is scored by other rules than those of the protocol, is one more than
                there are trials, or comes after `write`.
            DataError: Its images cannot be those of a trial of the protocol.
        """
        self._check_open()
        number = len(self._trials)
        spec = self._protocol.spec
        if number == spec.num_trials:
            raise UsageError(
                f"the record of {quoted(self._name)} has all {number} trials of {spec.id}: hand it "
                "to one call for each trial, and make another Record for other distances"
            )
        if search.rules.dataset != spec.dataset:
            raise UsageError(
                f"the record is of {spec.id}, but this function scores by the rules of "
                f"{search.rules.dataset}"
            )
        try:
            self._trials.append(self._checked(search, number))
        except DataError as error:
            raise DataError(f"trial {number + 1} is none of {spec.id}: {error}") from error

    def write(self) -> Path:
        """Write the record of all trials so far, and return its file.

        Raises:
            UsageError: There is no trial, or it was written before.
            BenchError: It cannot be written.
        """
        from bench_core.contracts.result import Origin
        from bench_core.results.foreign import ForeignResult, write_foreign

        self._check_open()
        if not self._trials:
            raise UsageError(
                f"the record of {quoted(self._name)} has no trial: hand it to the evaluation "
                "function, as record=..."
            )
        images = [trial.images for trial in self._trials]
        result = ForeignResult(
            name=self._name,
            origin=Origin(kind="given"),
            dataset=self._evidence.describe(images, given=True),
            protocol=self._protocol_used(),
            scores=self._scores(),
            features=tuple(trial.content for trial in self._trials),
        )
        command = ["python", *sys.argv]
        packages = self._registry.participants(self.protocol)
        self._path = write_foreign(self._results, result, command, packages)
        return self._path

    def _check_open(self) -> None:
        if self._path is not None:
            raise UsageError(
                f"the record of {quoted(self._name)} was written to {self._path}; make another one"
            )

    def _checked(self, search: Search, number: int) -> _Trial:
        """Return a search as a trial, in the words of an image table."""
        from bench_core.features.given import images_of_roles
        from bench_core.scoring.given import has_several_trainings, modalities_of
        from bench_core.scoring.images import too_many

        spec, dataset = self._protocol.spec, self._evidence.dataset
        table = self._table(search)
        self._check_rules(search.rules, table)
        images, rows = images_of_roles(table, modalities_of(spec))
        notes: tuple[str, ...] = (_UNNAMED,)
        if search.rules.people_are_named:
            from bench_core.scoring.given import check_given

            several = has_several_trainings(self._protocol)
            notes = check_given(table, dataset, self._protocol, number if several else 0)
            if self._evidence.inputs is not None:
                at_hand = self._evidence.inputs.dataset
                if problem := too_many(images, rows, at_hand.images):
                    raise DataError(f"it {problem} in {at_hand.root}")
        score = replace(search.score, cmc=search.score.cmc[:NUM_RANKS])
        return _Trial(score=score, images=images, rows=rows, notes=notes, content=search.content)

    def _table(self, search: Search) -> pd.DataFrame:
        """Return identity, camera and role of all images, queries first.

        Raises:
            DataError: A camera of the protocol has no image.
        """
        import numpy as np
        import pandas as pd

        from bench_core.evaluation.tensors import to_labels
        from bench_core.features.given import ROLES
        from bench_core.scoring.given import absent_camera, cameras_of

        spec, dataset = self._protocol.spec, self._evidence.dataset
        identities = [to_labels(values, "identities") for values in search.identities]
        if search.cameras is not None:
            found = [to_labels(values, "cameras") for values in search.cameras]
        else:  # one camera sees one modality, so that scripts do not name it
            own = [cameras_of(role, dataset, spec)[0] for role in ROLES]
            found = [
                np.full_like(values, camera) for values, camera in zip(identities, own, strict=True)
            ]
        cameras: dict[Role, NDArray[np.int64]] = dict(zip(ROLES, found, strict=True))
        if problem := absent_camera(cameras, dataset, spec):
            raise DataError(problem)
        return pd.DataFrame(
            {
                "identity": np.concatenate(identities),
                "camera": np.concatenate(found),
                "role": np.repeat(np.array(ROLES, dtype=object), [len(side) for side in found]),
            }
        )

    def _check_rules(self, rules: Rules, table: pd.DataFrame) -> None:
        """Refuse rules that are not those of the protocol, for the cameras that meet."""
        spec = self._protocol.spec
        query, gallery = (
            set(table["camera"][table["role"] == role].tolist()) for role in ("query", "gallery")
        )
        for pair in ((first, second) for first in query for second in gallery):
            removed = rules.same_camera == "matches-removed" and pair[0] == pair[1]
            if (pair in rules.excluded_camera_pairs) != (pair in spec.excluded_camera_pairs) or (
                removed != (pair in spec.excluded_match_camera_pairs)
            ):
                raise UsageError(
                    f"this function scores by other rules than those of {spec.id}: they differ in "
                    f"whether queries of camera {pair[0]} meet images of camera {pair[1]}"
                )

    def _protocol_used(self) -> ProtocolUsed:
        from bench_core.contracts.degraded import DegradationUsed
        from bench_core.contracts.result import ProtocolUsed
        from bench_core.scoring.given import has_several_trainings

        spec = self._protocol.spec
        drawn = (
            "query and gallery are as given: the script does not say which images they are, so "
            f"that nothing shows whether {spec.id} draws these galleries"
        )
        assumptions = [
            drawn,
            *dict.fromkeys(note for trial in self._trials for note in trial.notes),
        ]
        if has_several_trainings(self._protocol):
            assumptions.append("each trial's model was trained on its own split")
        if len(self._trials) < spec.num_trials:
            assumptions.append(
                f"{len(self._trials)} of {spec.num_trials} trials stand for all of them"
            )
        return ProtocolUsed(
            id=spec.id,
            convention=GIVEN,
            rerank=self._rerank,
            reranker=RerankerUsed.unknown() if self._rerank else None,
            splits=self._splits,
            query_modality=spec.query_modality,
            gallery_modality=spec.gallery_modality,
            degradation=DegradationUsed.of(spec.degradation),
            assumptions=tuple(assumptions),
        )

    def _scores(self) -> ProtocolScores:
        from bench_core.evaluation.query_table import QueryImages
        from bench_core.evaluation.summary import Evaluation, split_by_query_camera
        from bench_core.scoring.score import ProtocolScores

        queries = []
        for trial in self._trials:
            chosen = trial.images.iloc[trial.rows.query]
            labels: dict[str, Any] = {
                name: chosen[name].to_numpy(dtype="int64")
                for name in ("identity", "camera", "index")
            }
            queries.append(QueryImages(**labels))
        evaluation = Evaluation(tuple(trial.score for trial in self._trials), tuple(queries))
        return ProtocolScores(
            evaluation=evaluation,
            similarity=None,
            by_query_camera=split_by_query_camera(evaluation),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Trial:
    score: TrialScore
    images: pd.DataFrame
    rows: Trial
    notes: tuple[str, ...]
    content: str
