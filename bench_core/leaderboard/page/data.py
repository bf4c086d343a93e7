"""The data in the page: the rows of the JSON format, and of each record what its section shows."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

from bench_core.corrupted_twins import CORRUPTIONS, SEVERITIES
from bench_core.leaderboard.corruption import COLUMNS as COLUMNS_OF_CORRUPTION
from bench_core.leaderboard.corruption import LEGEND as LEGEND_OF_CORRUPTION
from bench_core.leaderboard.corruption import robustness_cells, robustness_grid
from bench_core.leaderboard.headings import conditions, heading
from bench_core.leaderboard.notes import notes_of
from bench_core.leaderboard.page.columns import page_columns
from bench_core.leaderboard.published import paper_numbers, published_tables
from bench_core.leaderboard.published_values import dataset_of, page_block
from bench_core.leaderboard.rows import row_values
from bench_core.leaderboard.settings import settings_of
from bench_core.system.files import hash_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic import JsonValue

    from bench_core.contracts.result import ResultRecord
    from bench_core.contracts.scores import Scores
    from bench_core.leaderboard.rows import Row, Section
    from bench_core.published.registry import Published

DIGITS = 6
"""Behind the point of the fractions of trials and curves; those of rows are not rounded."""
MARK = '<script type="application/json" id="data">'
"""What stands before the data in the page."""
END = "</script>"


@dataclass
class _Pool:
    """Values that many rows share, each once; a row names its place."""

    values: list[JsonValue] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)

    def place(self, value: JsonValue) -> int:
        """Return the place of a value, which is put into the pool where it is new."""
        text = json.dumps(value, sort_keys=True)
        if text not in self.places:
            self.places[text] = len(self.values)
            self.values.append(value)
        return self.places[text]


def page_data(tables: Iterable[Section], published: Published | None = None) -> dict[str, Any]:
    """Return all that the page shows of results, as JSON values.

    Args:
        tables: From `bench_core.leaderboard.rows.sections`: a tab holds those of one protocol,
            and none holds both real and synthetic ones.
        published: Numbers of papers, shown apart in the tab of real data. A protocol without
            measured rows of real data gets a tab for them, behind all others.
    """
    pool, names = _Pool(), Counter[str]()
    tabs = [
        _tab(synthetic=synthetic, dataset=dataset, protocol=protocol)
        | {"sections": [_section(section, pool, names, published) for section in group]}
        for (synthetic, dataset, protocol), group in groupby(tables, key=_tab_key)
    ]
    _add_published(tabs, published)
    return {"columns": page_columns(), "tabs": tabs, "pool": pool.values}


def embedded(data: Mapping[str, Any]) -> str:
    r"""Return data as JSON that stands in a script element and cannot end it.

    Example:
        >>> print(embedded({"title": "</script>"}))
        {"title":"\u003c/script\u003e"}
    """
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def data_of_page(text: str) -> Any:
    """Return the data in a page.

    Raises:
        ValueError: It holds none.
    """
    _, mark, rest = text.partition(MARK)
    content, end, _ = rest.partition(END)
    if not (mark and end):
        raise ValueError("there are no data in the page")
    return json.loads(content)


def _tab_key(section: Section) -> tuple[bool, str, str]:
    key = section.key
    return key.synthetic, key.dataset, key.protocol


def _tab(*, synthetic: bool, dataset: str, protocol: str) -> dict[str, Any]:
    parts = ["synthetic", dataset, protocol] if synthetic else [dataset, protocol]
    return {
        "id": ".".join(parts),
        "dataset": dataset,
        "protocol": protocol,
        "synthetic": synthetic,
        "published": None,
        "sections": [],
    }


def _add_published(tabs: list[dict[str, Any]], published: Published | None) -> None:
    """Put published tables into the tabs of real data, and the way to them into synthetic ones."""
    for table in published_tables(published):
        protocol = table.protocol
        alike = [tab for tab in tabs if tab["protocol"] == protocol]
        real = next((tab for tab in alike if not tab["synthetic"]), None)
        if real is None:
            real = _tab(synthetic=False, dataset=dataset_of(protocol), protocol=protocol)
            tabs.append(real)
        real["published"] = page_block(table)
        for tab in alike:
            if tab["synthetic"]:
                tab["beside"] = real["id"]


def _section(
    section: Section, pool: _Pool, names: Counter[str], published: Published | None
) -> dict[str, Any]:
    records = [row.record for row in section.rows]
    settings, notes = settings_of(records), notes_of(records, section.recomputed)
    return asdict(section.key) | {
        "id": hash_json(asdict(section.key))[:12],
        "heading": heading(section),
        "conditions": conditions(section),
        "settings": settings.sentence(),
        "notes": notes.lines,
        "robustness": _robustness(records),
        "rows": [
            {"id": _row_id(row.record, names), "words": words, "marks": marks}
            | _row(row, pool)
            | {"paper": [asdict(number) for number in paper_numbers(row.record, published)]}
            for row, words, marks in zip(section.rows, settings.own, notes.marks, strict=True)
        ],
    }


def _robustness(records: Sequence[ResultRecord]) -> dict[str, Any] | None:
    """Return the table of robustness of a section, by the place of its rows; None without grids."""
    rows = robustness_cells(records)
    if not rows:
        return None
    return {
        "legend": LEGEND_OF_CORRUPTION,
        "columns": COLUMNS_OF_CORRUPTION[1:],
        "rows": [[place, *cells] for place, cells in rows],
        "corruptions": CORRUPTIONS,
        "severities": SEVERITIES,
    }


def _row_id(record: ResultRecord, names: Counter[str]) -> str:
    """Return the start of the hash that its file is named by; a number tells copies apart."""
    name = hash_json(record.row_key)[:12]
    names[name] += 1
    return name if names[name] == 1 else f"{name}-{names[name]}"


def _row(row: Row, pool: _Pool) -> dict[str, Any]:
    record = row.record
    scores, document = record.scores, record.as_document()
    method, provenance = document["method"], document["provenance"]
    parts = {
        "configuration": method["config"],
        "changed": method["overrides"],
        "dataset": document["dataset"],
        "protocol": document["protocol"],
        "origin": document["origin"],
        "versions": provenance.pop("versions"),
        "provenance": provenance
        | {key: document.get(key) for key in ("query_scores", "features", "digest")},
        "cameras": _camera_rows(scores),
        "grid": [list(map(_rounded, severities)) for severities in robustness_grid(record)],
    }
    return {
        "label": record.label,
        "values": row_values(row),
        "similarity": scores.similarity,
        "cmc": [_rounded(sum(ranks) / len(ranks)) for ranks in _curves(scores)],
        "gallery": scores.gallery,
        "trials": [
            [_rounded(value) for value in trial.as_metrics().by_name().values()]
            for trial in scores.trials
        ],
        "parts": {name: pool.place(value) for name, value in parts.items()},
    }


def _curves(scores: Scores) -> Iterable[tuple[float, ...]]:
    """Yield, for each rank, the fractions of all trials."""
    return zip(*(trial.cmc for trial in scores.trials), strict=True)


def _camera_rows(scores: Scores) -> list[JsonValue]:
    return [
        [camera, of.queries, *map(_rounded, of.mean.by_name().values())]
        for camera, of in scores.by_query_camera.items()
    ]


def _rounded(fraction: float) -> float:
    return round(fraction, DIGITS)
