"""The training identity: what makes two trainings the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bench_core.contracts.errors import CheckpointError
from bench_core.contracts.method import Precision, Selection
from bench_core.system.files import hash_json

IDENTITY_VERSION = 2
"""Raised whenever the same description would train another model."""
IF_ANY = ("processes", "parts", "normalized_shares", "validation")
"""Fields that are left out of a document where they do not apply."""


@dataclass(frozen=True, kw_only=True)
class TrainingDescription:
    """All that decides what a training learns.

    Attributes:
        method: Method id.
        variant: Variant name.
        config: The full configuration as plain data.
        dataset: Dataset id.
        fingerprint: Content hash of the dataset.
        split: Name of the training split.
        images: SHA-256 (hex) of the paths and identities of the training images.
        seed: Seed of every random draw.
        weights: What the backbones start from: "imagenet", "none" or "sha256:..." of a file.
        precision: Number format of the training steps.
        code: SHA-256 (hex) of what the training runs of the method's package and of this program,
            from `bench_core.training.code`: an edited loss is another training.
        threads: Processor threads, which decide the last bits; None on another device.
        num_identities: Number of training identities.
        processes: Several processes on a processor, which add in another order than one; None
            otherwise.
        parts: Parts of a batch that a processor adds up one after another, in another order than at
            once; None otherwise.
        normalized_shares: Shares of a batch that are each normalised by their own statistics; None
            where the statistics are those of the whole batch.
        validation: SHA-256 (hex) of the validation queries and gallery that choose the epoch whose
            networks are kept; None where those of the last epoch are.
        after_training: Keys of `config` that only matter after the training: with other values of
            them it is the same training, unless validation, which extracts features, chooses.
    """

    method: str
    variant: str
    config: Mapping[str, Any]
    dataset: str
    fingerprint: str
    split: str
    images: str
    seed: int
    weights: str
    precision: Precision
    code: str
    num_identities: int
    threads: int | None
    processes: int | None = None
    parts: int | None = None
    normalized_shares: int | None = None
    validation: str | None = None
    after_training: tuple[str, ...] = ()

    @property
    def selection(self) -> Selection:
        """Which state of the training is kept."""
        return "last" if self.validation is None else "validation"

    @property
    def identity(self) -> str:
        """SHA-256 (hex) of the description: trainings are cached by it."""
        document = self.document()
        marked = document.pop("after_training")
        if self.validation is None:
            document["config"] = {k: v for k, v in self.config.items() if k not in marked}
        return hash_json([IDENTITY_VERSION, document])

    def document(self) -> dict[str, Any]:
        """Return the description as plain data, without what does not apply."""
        document = asdict(self)
        for name in IF_ANY:
            if document[name] is None:
                del document[name]
        return document

    @classmethod
    def from_document(cls, document: object) -> TrainingDescription:
        """Read what `document` gave.

        Raises:
            CheckpointError: A field is missing, unknown or of another type.
        """
        if not isinstance(document, Mapping):
            raise CheckpointError("the training description is no object")
        expected = {field.name for field in fields(cls)}
        if differing := (set(document) ^ expected) - {*IF_ANY, "after_training"}:
            raise CheckpointError(
                "the training description has other fields than this version writes: "
                f"{', '.join(sorted(map(str, differing))[:5])}"
            )
        try:
            text = json.dumps(document, allow_nan=False)  # else it could not be hashed
            return _DESCRIPTION.validate_json(text, strict=True)
        except ValueError as error:  # ValidationError is one
            raise CheckpointError(f"the training description: {first_defect(error)}") from None


_DESCRIPTION = TypeAdapter(TrainingDescription)


def first_defect(error: Exception) -> str:
    """Say on one line what is wrong; of a failed validation, its first defect."""
    if not isinstance(error, ValidationError):
        return " ".join(str(error).split())
    defect = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in defect["loc"]) or "the document"
    return f"{field}: {defect['msg']}"
