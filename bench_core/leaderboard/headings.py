"""What stands above a table: of what it is, and what all its rows have in common.

The text is not escaped: titles are what plugins and records say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench_core.leaderboard.rows import Section


def heading(section: Section) -> str:
    """Return what a table is of: data, protocol and galleries; rendered people are called so."""
    key = section.key
    title = section.rows[0].record.dataset.title or key.dataset
    kind = "Synthetic " if key.synthetic else ""  # so that a table copied elsewhere still says it
    galleries = "given" if key.given else key.convention
    claimed = ", images as claimed" if section.claimed else ""
    return f"{kind}{title}: {key.protocol}, {galleries} galleries{claimed}{_data_label(section)}"


def conditions(section: Section) -> str:
    """Return how many queries, gallery images and trials there were, and how degraded."""
    records = [row.record for row in section.rows]
    protocol = records[0].protocol
    trials = _span(len(record.scores.trials) for record in records)
    galleries = _span(size for record in records for size in record.scores.gallery)
    degraded = f" {protocol.degradation.phrase}" if protocol.degradation else ""
    return (
        f"{_span(record.scores.queries for record in records)} {protocol.query_modality} queries, "
        f"{galleries} {protocol.gallery_modality} gallery images, "
        f"{trials} {'trial' if trials == '1' else 'trials'}.{degraded}"
    )


def _data_label(section: Section) -> str:
    fingerprint, splits = section.key.fingerprint[:8], section.key.splits[:8]
    if not section.same_data:
        return f" (data {fingerprint}, splits {splits})"
    return f" (data {fingerprint})" if section.key.synthetic else ""


def _span(numbers: Iterable[int]) -> str:
    values = sorted(set(numbers))
    ends = values if len(values) == 1 else (values[0], values[-1])
    return " to ".join(f"{value:,}" for value in ends)
