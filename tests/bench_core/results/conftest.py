"""A record to store, with the content of the file beside it."""

from pathlib import Path

import pytest

from bench_core.contracts.result import ResultRecord

EXAMPLE = Path(__file__).parents[1] / "contracts" / "records" / "schema-2.json"


@pytest.fixture
def query_scores() -> bytes:
    """What lies beside the record."""
    return EXAMPLE.with_suffix(".queries.npz").read_bytes()


@pytest.fixture
def record() -> ResultRecord:
    """XIV's baseline under sysu-all-single, official, seed 0, not yet stored: without a digest."""
    record = ResultRecord.from_json(EXAMPLE.read_text())
    return record.model_copy(update={"digest": None})
