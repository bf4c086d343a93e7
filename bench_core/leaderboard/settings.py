"""How the rows of a table were made: what they have in common, and what tells them apart."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench_core.results.seeds import seeds_label
from bench_core.system.files import hash_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import JsonValue

    from bench_core.contracts.result import ResultRecord

LONGEST_VALUE = 40
"""Characters of a changed value that are shown."""


@dataclass(frozen=True)
class Settings:
    """The settings of the rows of a table, as words.

    Attributes:
        usual: What holds for every row that does not say otherwise.
        own: For each row, in their order, what it has otherwise.
        unknown: Whether there are rows of whose settings nothing is known; they have no part in
            the usual ones.
    """

    usual: tuple[str, ...]
    own: tuple[tuple[str, ...], ...]
    unknown: bool = False

    def sentence(self) -> str:
        """Return what holds for the rows, as a sentence for above the table."""
        if not self.usual:
            return ""
        which = " whose model is known" if self.unknown else ""
        rows = f"Rows{which}, unless they say otherwise" if any(self.own) else f"All rows{which}"
        return f"{rows}: {', '.join(self.usual)}."


def settings_of(records: Sequence[ResultRecord]) -> Settings:
    """Say how the rows of a table were made, most of it once for all.

    No two rows look alike: where their words do not tell them apart, each names the hash that ends
    its file's name.

    Args:
        records: The records of at least one row.
    """
    table = [_words(record) for record in records]
    known = [words for words in table if any(words)]
    usual = [_usual(column) for column in zip(*known, strict=True)]
    own = [
        tuple(word for word, common in zip(words, usual, strict=False) if word and word != common)
        for words in table
    ]
    return Settings(
        usual=tuple(filter(None, usual)),
        own=tuple(_told_apart(records, own)),
        unknown=len(known) < len(table),
    )


def telling_words(records: Sequence[ResultRecord]) -> list[tuple[str, ...]]:
    """Return, for each of some rows, the settings that are not alike in all of them."""
    table = [_words(record) for record in records]
    telling = [len(set(column)) > 1 for column in zip(*table, strict=True)]
    own = [
        tuple(word for word, tells in zip(words, telling, strict=True) if tells and word)
        for words in table
    ]
    return _told_apart(records, own)


def changes_of(record: ResultRecord) -> tuple[str, ...]:
    """Return the settings that were changed over the preset, with their values.

    A long value is cut, and ends in a hash of the whole. A key that the configuration lacks stands
    alone.

    Returns:
        Such as ("epochs=3", "optimizer.learning_rate=0.001"), in the order of the record.
    """
    method = record.method
    return tuple(_change(method.config, key) for key in method.overrides)


def reranker_id(record: ResultRecord) -> str | None:
    """Return what re-ranked the distances of a result; None for nothing."""
    used = record.protocol.reranker
    return used.id if used else None


def reranker_settings(record: ResultRecord) -> tuple[str, ...]:
    """Return all settings of the re-ranker of a result, such as ("k1=20", "k2=6").

    A long value is cut, and ends in a hash of the whole.
    """
    used = record.protocol.reranker
    return tuple(_change(used.config, key) for key in used.config) if used else ()


def _usual(column: Sequence[str]) -> str:
    """Return the word that most rows have; none where a row has no word for this.

    A row can say what it has otherwise, but not that it lacks what others have.
    """
    if "" in column:
        return ""
    counts = Counter(column)
    return min(counts, key=lambda word: (-counts[word], word))


def _words(record: ResultRecord) -> tuple[str, ...]:
    method, provenance = record.method, record.provenance
    training, used = provenance.training_format, record.protocol.reranker
    reranked = ", ".join(_change(used.config, key) for key in used.overrides) if used else ""
    return (
        f"preset {method.preset}" if method.preset else "",
        ", ".join(changes_of(record)),
        seeds_label(record.seeds),
        f"weights {_weights_label(provenance.weights)}" if provenance.weights else "",
        f"trained in {training}" if training else "",
        f"extracted in {record.cost.precision}" if record.cost else "",
        f"re-ranked with {reranked}" if reranked else "",
    )


def _weights_label(weights: str) -> str:
    """Return what a backbone started from in a word; a file by the start of its hash."""
    return weights.removeprefix("sha256:")[:8]


def _change(config: Mapping[str, JsonValue], key: str) -> str:
    value: JsonValue | Mapping[str, JsonValue] = config
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            return key
        value = value[part]
    text = value if isinstance(value, str) else json.dumps(value)
    return f"{key}={_shortened(text)}"


def _shortened(text: str) -> str:
    if len(text) <= LONGEST_VALUE:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{text[:LONGEST_VALUE]}...{digest}"


def _told_apart(
    records: Sequence[ResultRecord], own: Sequence[tuple[str, ...]]
) -> list[tuple[str, ...]]:
    looks = [
        (record.label, record.origin.kind, words)
        for record, words in zip(records, own, strict=True)
    ]
    counts = Counter(looks)
    return [
        words if counts[look] == 1 else (*words, f"record {hash_json(record.row_key)[:8]}")
        for record, look, words in zip(records, looks, own, strict=True)
    ]
