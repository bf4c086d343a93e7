"""What a result says of its re-ranking: by what, with which settings, of which package."""

# Annotations are evaluated when the classes are made, so this module does not postpone them.
import json
from typing import Annotated, Any, Self

from pydantic import Field, JsonValue

from bench_core.contracts.reranker import K_RECIPROCAL, K_RECIPROCAL_CONFIG
from bench_core.contracts.scores import RecordPart


class RerankerSettings(RecordPart):
    """A re-ranker and its settings, as `bench eval --json` names them.

    Attributes:
        id: Id of its `RerankerSpec`.
        config: All its settings, as JSON.
    """

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")]
    config: dict[str, JsonValue]


class RerankerUsed(RerankerSettings):
    """The re-ranker of a result.

    Attributes:
        overrides: Those of them that were set by hand to other values than the re-ranker's own for
            the protocol.
        package: The installed package and version that registers it, such as "vireid-bench 0.2.0";
            None in records of schema 1 and 2.
    """

    overrides: Annotated[tuple[str, ...], Field(strict=False)] = ()
    package: Annotated[str, Field(min_length=1)] | None = None

    def __hash__(self) -> int:
        return hash((self.id, json.dumps(self.config, sort_keys=True), self.overrides))

    @classmethod
    def usual(cls) -> Self:
        """Return that of records which say no more than that they were re-ranked."""
        return cls(id=K_RECIPROCAL, config=dict(K_RECIPROCAL_CONFIG))

    @classmethod
    def unknown(cls) -> Self:
        """Return that of distances which somebody else's program re-ranked, nobody knows how."""
        return cls(id="unknown", config={})

    @property
    def is_usual(self) -> bool:
        """Whether it is k-reciprocal re-ranking with its default settings."""
        return self.id == K_RECIPROCAL and self.config == K_RECIPROCAL_CONFIG

    @property
    def label(self) -> str:
        """The re-ranker as tables name it: "re-ranking" for the usual, else with its id."""
        return "re-ranking" if self.is_usual else f"{self.id} re-ranking"

    @property
    def slug(self) -> str:
        """Its part of a file's name: "rerank" for the usual, else with its id."""
        return "rerank" if self.is_usual else f"rerank-{self.id}"

    @property
    def phrase(self) -> str:
        """What follows in a sentence: ", re-ranked" for the usual, else with id and changes."""
        if self.is_usual:
            return ", re-ranked"
        changes = (f"{key}={json.dumps(self._value(key))}" for key in self.overrides)
        return f", re-ranked by {' with '.join(filter(None, (self.id, ' '.join(changes))))}"

    def _value(self, key: str) -> JsonValue:
        value: JsonValue = self.config
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value

    @property
    def row_key(self) -> dict[str, Any]:
        """What decides by it which row a result is: nothing for the usual, as ever."""
        return {} if self.is_usual else {"reranker": {"id": self.id, "config": self.config}}
