"""Records of what was not run here: features, or whole searches, that somebody else brought.

What is known is written down, what is not stays open: no cost, no preset, no seed, no weights.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench_core.contracts.errors import UsageError
from bench_core.contracts.result import (
    SCHEMA_VERSION,
    DatasetUsed,
    MethodRun,
    Origin,
    ProtocolUsed,
    ResultRecord,
)
from bench_core.contracts.scores import Scores
from bench_core.features.digest import images_digest
from bench_core.results.provenance import collect_provenance
from bench_core.results.query_scores import encode_query_table
from bench_core.results.store import write_result
from bench_core.system.escaping import terminal_line
from bench_core.system.foreign_files import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd
    from pydantic import JsonValue

    from bench_core.contracts.dataset import DatasetSpec
    from bench_core.scoring.score import ProtocolScores

LONGEST_NAME = 80
"""Characters of what a method from outside is called."""
LONGEST_ID = 40
"""Characters of its id, without the hash that may end it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ForeignResult:
    """What was scored, and all that is known of it.

    Attributes:
        name: What its author calls it.
        origin: Features, or a gallery as given; with their files.
        dataset: The images.
        protocol: How they were scored.
        scores: The scores.
        features: SHA-256 of the features, or of what was handed over, in the order of trials.
        config: What is known of the model, such as the metric of its features.
        weights: "sha256:..." of the file that the model is; None where nobody says it.
    """

    name: str
    origin: Origin
    dataset: DatasetUsed
    protocol: ProtocolUsed
    scores: ProtocolScores
    features: tuple[str, ...]
    config: Mapping[str, JsonValue] = field(default_factory=dict)
    weights: str | None = None


def check_name(name: str, known: Sequence[str] = ()) -> str:
    """Return the name of a method from outside as one that tables can show.

    Args:
        name: As it was given: free text. Blanks around it are dropped.
        known: Ids of installed methods, which are not for others to use.

    Raises:
        UsageError: It is empty, too long, more than one line, holds what does not print, or is
            that of an installed method.
    """
    found = name.strip()
    if not found:
        raise UsageError("the name is empty; say what the method is called in tables")
    if len(found) > LONGEST_NAME:
        raise UsageError(f"the name has {len(found)} characters; use at most {LONGEST_NAME}")
    if not found.isprintable():
        raise UsageError(
            f"the name {quoted(found)} holds a line break or characters that do not print; give "
            "one line of text"
        )
    if found.partition(":")[0].strip().casefold() in {other.casefold() for other in known}:
        raise UsageError(
            f"the name {quoted(found)} is that of an installed method, whose rows are trained "
            f"here; choose another, such as {quoted(f'theirs, {found}')}"
        )
    return found


def method_id(name: str) -> str:
    """Return an id, safe in file names, that no other name has.

    Examples:
        >>> method_id("AGW"), method_id("AGW (ours)")
        ('AGW', 'AGW-ours-3db3ec37')
    """
    safe = re.sub(r"[^A-Za-z0-9._+]+", "-", name).strip("-._+")[:LONGEST_ID].rstrip("-._+")
    if safe == name:
        return safe
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{safe}-{digest}" if safe else f"method-{digest}"


def claimed_images(
    dataset: DatasetSpec, trials: Sequence[pd.DataFrame], *, synthetic: bool
) -> DatasetUsed:
    """Describe images of which nothing but the word of those who scored them is at hand.

    The fingerprint is of the identity, camera, modality and index of each image that was scored,
    so that two who scored the same images under one protocol share a table, and nobody else.

    Args:
        dataset: The dataset whose images they are said to be.
        trials: The images that were scored; of galleries as given, those of each trial.
        synthetic: Whether they are said to be rendered.
    """
    whose = "rendered people" if synthetic else f"the published images of {dataset.title}"
    return DatasetUsed(
        id=dataset.id,
        title=dataset.title,
        fingerprint=images_digest(trials),
        evidence="features",
        synthetic=synthetic,
        num_images=max(map(len, trials)),
        findings=(
            terminal_line(
                f"that these are {whose} is the word of whoever scored them: no image was at hand"
            ),
        ),
    )


def write_foreign(
    results: Path, result: ForeignResult, command: Sequence[str], packages: Sequence[str]
) -> Path:
    """Write the record of what was not run here, and the scores of its queries, into a folder.

    Args:
        results: The results folder; an earlier record of the same name, files, images and protocol
            is replaced.
        result: What to write.
        command: The command line.
        packages: Distributions that had a part in it, besides those of this program.

    Returns:
        The record's file.

    Raises:
        BenchError: It cannot be written.
    """
    scores = result.scores
    queries = encode_query_table(scores.evaluation.query_table)
    record = ResultRecord(
        schema_version=SCHEMA_VERSION,
        method=MethodRun(
            id=method_id(result.name),
            title=result.name,
            preset=None,
            config=dict(result.config),
            seed=None,
        ),
        dataset=result.dataset,
        protocol=result.protocol,
        scores=Scores.model_validate(scores.as_document()),
        query_scores=hashlib.sha256(queries).hexdigest(),
        features=result.features,
        origin=result.origin,
        cost=None,
        provenance=collect_provenance(command, packages, weights=result.weights, selection=None),
    )
    return write_result(results, record, queries)
