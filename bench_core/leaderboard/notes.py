"""What a reader must know of a row besides its numbers: marks in the row, text below its table."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from bench_core.contracts.method import FROM_DESCRIPTION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bench_core.contracts.result import ResultRecord

ELSEWHERE = (
    "trained elsewhere: the model is a weights file, and what it was trained on is its author's "
    "word"
)
FEATURES = (
    "features from outside: that they are of these images, the model that made them, its training "
    "and its cost are their author's word"
)
GIVEN = (
    "features and galleries, or distances, from outside: the draw of the galleries could not be "
    "repeated"
)
ORIGINS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"trained-elsewhere": ("e", ELSEWHERE), "features": ("f", FEATURES), "given": ("g", GIVEN)}
)
"""Mark and explanation by the kind of a model's origin; a model trained here has none."""
DESCRIPTION = (
    "from a description: what the paper did is not known in full, so the row is no reproduction of "
    "its method"
)
DESCRIBED = ("d", DESCRIPTION)
"""Mark and explanation of a method whose fidelity is that."""
RECOMPUTED_ROW = (
    "recomputed: whoever made this table had the features and scored them again, with the same "
    "scores to the last digit"
)
RECOMPUTED = ("v", RECOMPUTED_ROW)
"""Mark and explanation of a result that proved itself."""


@dataclass(frozen=True)
class Notes:
    """The notes to a table.

    Attributes:
        marks: For each row, in their order, the marks that stand behind its name.
        lines: Mark and text of each note, letters first; a mark stands for one text.
    """

    marks: tuple[tuple[str, ...], ...]
    lines: tuple[tuple[str, str], ...]


def notes_of(records: Sequence[ResultRecord], recomputed: Sequence[bool] = ()) -> Notes:
    """Collect what the rows of a table need said of them.

    Args:
        records: The records of the rows.
        recomputed: Of each, whether its features were scored again; empty where none were.

    Returns:
        A letter for each origin that is not this program, for rows that were recomputed and for
        methods from a description; a number, from 1, for each finding on the data and each
        assumption of the scoring.
    """
    origins = {ORIGINS[kind] for kind in {r.origin.kind for r in records} if kind in ORIGINS}
    proved = recomputed or (False,) * len(records)
    letters = origins | ({RECOMPUTED} if any(proved) else set())
    if any(record.method.fidelity == FROM_DESCRIPTION for record in records):
        letters.add(DESCRIBED)
    remarks = dict.fromkeys(text for record in records for text in _remarks(record))
    numbers = {text: str(number) for number, text in enumerate(remarks, start=1)}
    return Notes(
        marks=tuple(
            tuple(_marks(record, numbers, proved=one))
            for record, one in zip(records, proved, strict=True)
        ),
        lines=(*sorted(letters), *((mark, text) for text, mark in numbers.items())),
    )


def marks_text(marks: Sequence[str]) -> str:
    """Return marks as they stand behind a name, such as " [e,1]"; nothing for none."""
    return f" [{','.join(marks)}]" if marks else ""


def _remarks(record: ResultRecord) -> Iterator[str]:
    yield from (f"data: {finding}" for finding in record.dataset.findings)
    yield from (f"assumed: {assumption}" for assumption in record.protocol.assumptions)


def _marks(record: ResultRecord, numbers: Mapping[str, str], *, proved: bool) -> Iterator[str]:
    if record.method.fidelity == FROM_DESCRIPTION:
        yield DESCRIBED[0]
    if record.origin.kind in ORIGINS:
        yield ORIGINS[record.origin.kind][0]
    if proved:
        yield RECOMPUTED[0]
    yield from sorted({numbers[text] for text in _remarks(record)}, key=int)
