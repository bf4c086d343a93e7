"""A record as a file holds it."""

import json
from pathlib import Path
from typing import Any

import pytest

RECORDS = Path(__file__).with_name("records")


@pytest.fixture
def document() -> dict[str, Any]:
    """A valid record with two trials, as parsed JSON; changes stay within one test."""
    parsed: dict[str, Any] = json.loads((RECORDS / "schema-1.json").read_text())
    return parsed
