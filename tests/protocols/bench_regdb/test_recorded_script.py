"""The trials of a script for RegDB become one row, although its labels name nobody."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench_core.dropin import Record, eval_regdb
from bench_core.results.store import read_result


def test_the_labels_of_a_list_name_nobody_and_the_row_says_so(
    shared_root: Path, tmp_path: Path
) -> None:
    record = Record("LbA", "regdb-visible-to-thermal", data=shared_root, results=tmp_path)
    labels = np.repeat(np.arange(3), 2)
    for trial in range(10):
        eval_regdb(np.random.default_rng(trial).random((6, 6)), labels, labels, record=record)
    stored = read_result(record.write())
    assert len(stored.scores.trials) == 10
    assert set(stored.scores.by_query_camera) == {"1"}
    assert any("do not say who they are" in text for text in stored.protocol.assumptions)
    assert "each trial's model was trained on its own split" in stored.protocol.assumptions
