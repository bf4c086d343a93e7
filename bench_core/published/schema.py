"""What a published number is: a row of a paper's table, its source, and what disputes it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from bench_core.contracts.method import PaperKind
from bench_core.contracts.metrics import METRICS, SUMMARY_RANKS

OTHER_METRICS: Final = ("ICCS", "MD", "FID", "GFLOPs")
"""What papers print besides the metrics of a summary; none is percent."""
PUBLISHED_METRICS: Final = (*METRICS, *OTHER_METRICS)
RANKS: Final = tuple(f"rank-{rank}" for rank in SUMMARY_RANKS)
UNKNOWN: Final = "unknown"

Evidence: TypeAlias = Literal["paper", "repository", "report", "unchecked"]
Text: TypeAlias = Annotated[str, Field(min_length=1)]
Id: TypeAlias = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Label: TypeAlias = Annotated[
    str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*(:[a-z0-9]+(-[a-z0-9]+)*)?$")
]
Printed: TypeAlias = Annotated[str, Field(pattern=r"^[0-9]{1,4}(\.[0-9]{1,6})?$")]
Year: TypeAlias = Annotated[int, Field(ge=1950, le=2100)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class PublishedSource(_Part):
    """Where numbers stand.

    Attributes:
        id: Its rows are in `tables/<id>.csv`.
        title: Of the paper, or what the repository or report is.
        name: How people call it, such as "XIV"; None for what is called by its title.
        venue: Where a paper appeared.
        year: When it appeared.
        kind: What a citation calls it.
        url: Of what is no paper.
        evidence: "paper" was read in the paper, "repository" in its authors' repository, "report"
            is what others say, "unchecked" is remembered and contradicts nobody.
        introduces: Ids of the methods whose own numbers these are.
        note: What holds for all its rows.
    """

    id: Id
    title: Text
    name: Text | None = None
    venue: Text | None = None
    year: Year | None = None
    kind: PaperKind = "misc"
    url: Annotated[str, Field(pattern=r"^https://\S+$")] | None = None
    evidence: Evidence
    introduces: Annotated[tuple[Id, ...], Field(strict=False)] = ()
    note: str = ""

    @property
    def label(self) -> str:
        """The source as a sentence names it."""
        name = self.name or self.title
        return f"{name} (unchecked)" if self.evidence == "unchecked" else name


class PublishedMethod(_Part):
    """A method with published numbers.

    Attributes:
        id: As in the rows; that of its plugin, where there is one.
        names: As tables print them; the first is the usual one.
        title: Of its paper.
        authors: Of its paper.
        venue: Where it appeared.
        year: When it appeared.
    """

    id: Id
    names: Annotated[tuple[Text, ...], Field(min_length=1, strict=False)]
    title: Text | None = None
    authors: Text | None = None
    venue: Text | None = None
    year: Year | None = None


class PublishedRow(_Part):
    """A row of a table, as it was printed.

    Attributes:
        source: Id of its source.
        table: Such as "Table 2", or where else it stands.
        row: The name that the row has there.
        method: "xiv", or "xiv:baseline" for an ablation or another run.
        backbone: Where the source states it for this row, else "".
        protocol: Id of ours; None where the source does not state one of them.
        direction: Query to gallery.
        setting: What is known where there is no protocol, else "".
        gallery: How galleries were drawn: "repository" is a draw of the authors' own.
        rerank: Which re-ranking there was.
        flip: Whether features of flipped images were added.
        selection: By what the model was chosen.
        values: Digits as printed, by metric, in the order of `PUBLISHED_METRICS`; percent, but for
            `OTHER_METRICS`.
        note: What else is to be known.
        line: In its file, from 1.
    """

    source: Id
    table: Text
    row: Text
    method: Label
    backbone: str = ""
    protocol: Id | None
    direction: Literal[
        "infrared-to-visible",
        "visible-to-infrared",
        "visible-to-visible",
        "infrared-to-infrared",
        "unknown",
    ]
    setting: str = ""
    gallery: Literal["official", "agw", "repository", "unknown"]
    rerank: Literal["none", "k-reciprocal", "aim", "unknown"]
    flip: Literal["yes", "no", "unknown"]
    selection: Literal["last", "validation", "test", "unknown"]
    values: Mapping[str, Printed]
    note: str = ""
    line: Annotated[int, Field(ge=1)]

    @field_validator("values")
    @classmethod
    def _in_range(cls, values: Mapping[str, str]) -> Mapping[str, str]:
        if not values:
            raise ValueError("the row has no number")
        for metric, printed in values.items():
            if metric in METRICS and Decimal(printed) > 100:
                raise ValueError(f"{metric} is {printed}, more than 100 percent")
        return values

    @model_validator(mode="after")
    def _plausible(self) -> PublishedRow:
        for low, high in pairwise(rank for rank in RANKS if rank in self.values):
            if Decimal(self.values[low]) > Decimal(self.values[high]):
                raise ValueError(
                    f"{low} is {self.values[low]}, above {high}, which is {self.values[high]}"
                )
        if self.protocol is None and not self.setting:
            raise ValueError("without a protocol, setting must say what was scored")
        return self

    @property
    def method_id(self) -> str:
        """The method without its variant."""
        return self.method.partition(":")[0]

    @property
    def variant(self) -> str | None:
        """The ablation or run; None for the full method."""
        return self.method.partition(":")[2] or None

    @property
    def reranker(self) -> str | None:
        """Id of the re-ranker; None where there was none, or none is known of."""
        return None if self.rerank in ("none", UNKNOWN) else self.rerank

    @property
    def reranked(self) -> bool:
        """Whether the numbers are known to be of re-ranked distances."""
        return self.reranker is not None

    @property
    def place(self) -> str:
        """Source and table, as conflicts name them."""
        return f"{self.source}, {self.table}"


class PaperTable(_Part):
    """A table of a paper, in the order in which it is printed.

    Attributes:
        table: As in the rows, such as "Table 2".
        kind: Whether it compares with other methods, or parts of the paper's own one.
        title: What it shows.
        protocols: Those that it has numbers of.
        rows: Their printed names; one need not have numbers under each protocol.
    """

    table: Text
    kind: Literal["comparison", "ablation"]
    title: Text
    protocols: Annotated[tuple[Id, ...], Field(min_length=1, strict=False)]
    rows: Annotated[tuple[Text, ...], Field(min_length=1, strict=False)]


class PublishedPaper(_Part):
    """A paper whose tables are known as a whole.

    Attributes:
        id: That of its source.
        tables: Those with a protocol of ours, in its order.
        without_variant: Why there is no variant of a row's method, by label.
    """

    id: Id
    tables: Annotated[tuple[PaperTable, ...], Field(min_length=1, strict=False)]
    without_variant: Mapping[Label, Text] = {}


class PublishedConflict(_Part):
    """A disagreement of sources, or a number that is most likely wrong.

    Attributes:
        methods: Labels of the rows.
        protocol: Their protocol.
        metrics: The metrics in question.
        suspect: Places ("source, table") of the numbers that are most likely wrong there.
        sources: Places that it is about where none is suspect.
        belongs_to_method: Whose numbers they most likely are.
        belongs_to_protocol: Of which protocol they most likely are.
        reading: What is known of it.
        line: In its file, from 1.
    """

    methods: Annotated[tuple[Label, ...], Field(min_length=1, strict=False)]
    protocol: Id
    metrics: Annotated[tuple[str, ...], Field(min_length=1, strict=False)]
    suspect: Annotated[tuple[Text, ...], Field(strict=False)] = ()
    sources: Annotated[tuple[Text, ...], Field(strict=False)] = ()
    belongs_to_method: Label | None = None
    belongs_to_protocol: Id | None = None
    reading: Text
    line: Annotated[int, Field(ge=1)]

    @property
    def said(self) -> str:
        """What a reader of a number is told."""
        return f"{'Most likely wrong. ' if self.suspect else ''}{self.reading}"

    @property
    def places(self) -> tuple[str, ...]:
        """The places that it names, suspect or not."""
        return (*self.suspect, *self.sources)

    def is_about(self, row: PublishedRow, metric: str) -> bool:
        """Whether a number of a row is in question."""
        return (
            row.method in self.methods
            and row.protocol == self.protocol
            and metric in self.metrics
            and (not self.places or row.place in self.places)
        )
