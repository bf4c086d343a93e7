"""Submitted results in words: the Markdown of a pull request, and of the summary of its check.

Titles and names come from records of strangers; each is escaped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench_core.leaderboard.cells import percent
from bench_core.system.escaping import markdown_text
from bench_core.system.text_layout import markdown_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bench_core.contracts.result import ResultRecord
    from bench_core.submission.submitted import SubmittedRecord
    from bench_core.submission.tables import RowChange, TableChanges

NOTHING = "No result is new, changed or gone."
METRICS = ("rank-1", "rank-10", "rank-20", "mAP", "mINP")
LONGEST_TABLE = 40
"""Rows of a change that are shown; of more it is said how many there are."""


def describe_submission(submitted: Sequence[SubmittedRecord], changes: TableChanges) -> str:
    """Return the description of a pull request.

    Args:
        submitted: The results, checked.
        changes: The tables that they change.

    Returns:
        Markdown, ending in a newline.
    """
    names = ", ".join(dict.fromkeys(markdown_text(one.record.label) for one in submitted))
    number = "A result" if len(submitted) == 1 else f"{len(submitted)} results"
    blocks = [
        f"# {number}: {names}",
        *(block for one in submitted for block in _record_blocks(one)),
        *_table_blocks(changes),
    ]
    return "\n\n".join(blocks) + "\n"


def describe_changes(
    submitted: Sequence[SubmittedRecord],
    changes: TableChanges,
    problems: Iterable[str],
    notes: Sequence[str],
) -> str:
    """Return what a pull request changes, for the summary of its check.

    Args:
        submitted: The results that are new or changed.
        changes: The tables that change.
        problems: What is wrong, besides what is wrong with a submitted result.
        notes: What could not be recomputed.
    """
    found = [
        *problems,
        *(f"{one.path}: {text}" for one in submitted for text in one.problems),
    ]
    blocks = [
        "# What changes in the leaderboard",
        *(["## Problems", _listed(found)] if found else []),
        *(_table_blocks(changes) if changes.tables else [NOTHING]),
        *(block for one in submitted for block in _record_blocks(one)),
        *(["## Notes", _listed(notes)] if notes else []),
    ]
    return "\n\n".join(blocks) + "\n"


def _listed(lines: Iterable[str]) -> str:
    return "\n".join(f"- {markdown_text(line)}" for line in lines)


def _record_blocks(one: SubmittedRecord) -> Iterator[str]:
    record, used = one.record, one.record.protocol
    yield f"## {markdown_text(record.label)}, {markdown_text(used.id)}"
    yield markdown_table(["what", "it is"], list(_facts(one)), text={"what", "it is"})
    yield _scores(record)
    for title, lines in (
        ("Problems", one.problems),
        ("Checked", one.passed),
        ("Disclosed", one.disclosed or ("nothing besides",)),
    ):
        if lines:
            yield f"{title}:\n\n{_listed(lines)}"


def _facts(one: SubmittedRecord) -> Iterator[list[str]]:
    record = one.record
    method, provenance, cost = record.method, record.provenance, record.cost
    people = "synthetic people" if record.dataset.synthetic else "real images"
    claimed = ", as claimed" if record.dataset.evidence == "features" else ""
    for name, text in (
        ("method", method.title),
        ("preset", method.preset),
        ("seed", method.seed),
        ("data", f"{record.dataset.title or record.dataset.id}, {people}{claimed}"),
        ("protocol", f"{record.protocol.id}, {record.protocol.convention} galleries"),
        ("re-ranking", record.protocol.reranker.label if record.protocol.reranker else None),
        ("origin", record.origin.kind),
        ("device", cost.device if cost else None),
        ("commit", provenance.git_commit and provenance.git_commit[:12]),
        ("record", one.path.name),
        ("features", ", ".join(digest[:12] for digest in record.features[:1]) or None),
        ("recomputed", "yes, to the last digit" if one.recomputed else "no"),
    ):
        if text is not None:
            yield [name, markdown_text(str(text))]


def _scores(record: ResultRecord) -> str:
    mean, interval = record.scores.mean.by_name(), record.scores.interval.by_name()
    cells = [percent(mean[metric]) for metric in METRICS]
    ends = [" to ".join(percent(end) for end in interval[metric]) for metric in METRICS]
    return markdown_table(["percent", *METRICS], [["mean", *cells], ["95 %", *ends]], {"percent"})


def _table_blocks(changes: TableChanges) -> Iterator[str]:
    yield "## Tables that change"
    for table in changes.tables:
        yield f"### {markdown_text(table.heading)}{' (a new table)' if table.is_new else ''}"
        rows = [_change_cells(row) for row in table.rows[:LONGEST_TABLE]]
        columns = ["row", "change", "before", "after", "rank-1", "mAP"]
        yield markdown_table(columns, rows, text={"row", "change"})
        if len(table.rows) > LONGEST_TABLE:
            yield f"... and {len(table.rows) - LONGEST_TABLE} more rows."
    for defect in changes.defects:
        yield f"Not compared: {markdown_text(defect)}"


def _change_cells(row: RowChange) -> list[str]:
    return [
        markdown_text(row.label),
        row.kind,
        row.before or "-",
        row.after or "-",
        percent(row.rank_1),
        percent(row.mean_average_precision),
    ]
