"""The columns of the page: what people call them, how they are written, which are shown first."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from bench_core.contracts.metrics import METRICS
from bench_core.leaderboard.rows import ROW_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind: TypeAlias = Literal[
    "rank", "name", "percent", "mega", "giga", "number", "seconds", "flag", "text"
]
"""How the page writes the values of a column: "mega" and "giga" in units of 1e6 and 1e9."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of the tables of the page.

    Attributes:
        key: Name of the value in a row; as in the JSON format.
        title: Its heading.
        kind: How its values are written and compared.
        shown: Whether it is shown until people choose columns.
        about: What it is, in a sentence.
    """

    key: str
    title: str
    kind: Kind
    shown: bool = False
    about: str = ""


_INTERVAL = "Percent, with its deviation over seeds, if there are several, and 95 % interval."
_TEXTS: tuple[tuple[str, str, Kind, str], ...] = (
    ("rank", "#", "rank", "Rows that share it are not told apart."),
    ("name", "method", "name", ""),
    ("method", "method id", "text", ""),
    ("rank-1", "rank-1", "percent", _INTERVAL),
    ("mAP", "mAP", "percent", _INTERVAL),
    ("mINP", "mINP", "percent", _INTERVAL),
    ("macs", "MACs (G)", "giga", "Multiply-adds of extracting one image."),
    ("parameters", "params (M)", "mega", "Parameters that extraction needs."),
    ("rank-5", "rank-5", "percent", _INTERVAL),
    ("rank-10", "rank-10", "percent", _INTERVAL),
    ("rank-20", "rank-20", "percent", _INTERVAL),
    ("macs_visible", "MACs visible (G)", "giga", "Of one visible image."),
    ("macs_infrared", "MACs infrared (G)", "giga", "Of one infrared image."),
    ("flops", "FLOPs (G)", "giga", "Two for each multiply-add."),
    ("training_only_parameters", "params of training alone (M)", "mega", ""),
    ("training_macs", "MACs of training (G)", "giga", "Of a step, for each image."),
    ("images_per_second", "images/s", "number", "Of extraction on the device."),
    ("extraction_seconds", "extraction (s)", "seconds", "Of all images."),
    ("training_seconds", "training (s)", "seconds", "Of all trainings."),
    ("seed", "seed", "number", ""),
    ("seeds", "seeds", "number", "How many the row is the mean of."),
    ("trials", "trials", "number", ""),
    ("queries", "queries", "number", ""),
    ("valid_queries", "valid queries", "number", "Those with a match in the gallery."),
    ("training_threads", "training threads", "number", ""),
    ("rerank", "re-ranked", "flag", ""),
    ("fidelity", "fidelity", "text", "What the method's implementation rests on."),
    ("git_commit", "commit", "text", ""),
    ("git_dirty", "sources changed", "flag", "Over the commit."),
    ("recomputed", "recomputed", "flag", "Its features were scored again for this page."),
)
_SHOWN = frozenset({"rank", "name", "rank-1", "mAP", "mINP", "macs", "parameters"})
_PARTS_OF_METRICS = frozenset(
    f"{name}-{part}" for name in METRICS for part in ("std", "low", "high", "seed-std")
)


def page_columns() -> list[dict[str, str | bool]]:
    """Return the columns for the page; one that is not known here is text under its own name."""
    return [asdict(column) for column in _columns()]


def _columns() -> Iterator[Column]:
    known = set()
    for key, title, kind, about in _TEXTS:
        known.add(key)
        yield Column(key=key, title=title, kind=kind, about=about, shown=key in _SHOWN)
    for key in ROW_COLUMNS:
        if key not in known and key not in _PARTS_OF_METRICS:
            yield Column(key=key, title=key.replace("_", " "), kind="text")
