"""A record to store."""

from pathlib import Path

import pytest

from bench_core.contracts.result import ResultRecord

EXAMPLE = Path(__file__).parents[1] / "contracts" / "records" / "schema-1.json"


@pytest.fixture
def record() -> ResultRecord:
    """XIV's baseline under sysu-all-single, official, seed 0."""
    return ResultRecord.from_json(EXAMPLE.read_text())
