"""Errors of features that were counted in another way name that way."""

from __future__ import annotations

import pandas as pd
import pytest

from bench_core.features.numbering import numbering_hint


@pytest.fixture
def table() -> pd.DataFrame:
    """Three images of one person and two of another, as a dataset counts them."""
    return pd.DataFrame(
        {
            "identity": [6, 6, 6, 9, 9],
            "camera": [1, 1, 3, 1, 1],
            "modality": ["visible", "visible", "infrared", "visible", "visible"],
            "index": [0, 1, 0, 0, 1],
        }
    )


def test_what_is_counted_as_the_dataset_does_is_not_mentioned(table: pd.DataFrame) -> None:
    assert numbering_hint(table) == ""
    assert numbering_hint(table.iloc[1:]) == ""  # a first image may be missing
    assert numbering_hint(table.iloc[:0]) == ""


def test_an_index_from_one_is_said(table: pd.DataFrame) -> None:
    found = numbering_hint(table.assign(index=table["index"] + 1))
    assert found == "; every index counts from 1, and must from 0: subtract 1"


def test_labels_of_a_classifier_are_said_also_of_features_as_given(table: pd.DataFrame) -> None:
    labelled = table.assign(identity=[0, 0, 0, 1, 1])
    for columns in (list(labelled), ["identity", "camera"]):
        assert "identities are 0 to 1 without a gap" in numbering_hint(labelled[columns])
