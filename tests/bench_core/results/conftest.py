"""A record to store, with the content of the file beside it."""

import hashlib
from pathlib import Path

import pytest

from bench_core.contracts.result import ResultRecord

EXAMPLE = Path(__file__).parents[1] / "contracts" / "records" / "schema-1.json"


QUERY_SCORES = b"scores of each query"


@pytest.fixture
def query_scores() -> bytes:
    """What lies beside the record; the store does not look into it."""
    return QUERY_SCORES


@pytest.fixture
def record() -> ResultRecord:
    """XIV's baseline under sysu-all-single, official, seed 0."""
    record = ResultRecord.from_json(EXAMPLE.read_text())
    digest = hashlib.sha256(QUERY_SCORES).hexdigest()
    return record.model_copy(update={"query_scores": digest})
