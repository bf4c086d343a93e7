"""Random features of four people, seen by six cameras."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bench_core.features.table import FeatureTable


@pytest.fixture
def features() -> FeatureTable:
    rng = np.random.default_rng(7)
    identity = np.repeat(np.arange(4), 6)
    camera = np.tile([1, 2, 3, 6, 1, 4], 4)
    table = pd.DataFrame(
        {
            "identity": identity,
            "camera": camera,
            "modality": np.where(np.isin(camera, [3, 6]), "infrared", "visible"),
            "index": np.tile([0, 0, 0, 0, 1, 0], 4),
        }
    )
    return FeatureTable(
        features=rng.standard_normal((24, 2, 5)).astype(np.float32), table=table, metric="cosine"
    )
