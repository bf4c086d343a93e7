"""The re-ranker of docs/plugins.md, as whoever follows the page writes it, works as it is."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench_core.contracts.hooks import ENTRY_POINT_GROUP
from bench_core.contracts.protocol import Trial
from bench_core.evaluation.distances import pairwise_distances
from bench_core.features.table import FeatureTable
from bench_core.plugins import Registry, load_registry
from bench_core.scoring.reranking import choose_reranker
from bench_core.testing import reranker_checks

PAGE = Path(__file__).parents[2] / "docs" / "plugins.md"
BLOCK = re.compile(r"^```python\n# (my_reranker/\w+\.py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """The registry of the package that the page shows."""
    (tmp_path / "my_reranker").mkdir()
    for name, text in BLOCK.findall(PAGE.read_text()):
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield load_registry([EntryPoint("my-reranker", "my_reranker", ENTRY_POINT_GROUP)])
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_reranker"]:
        del sys.modules[name]


def test_it_holds_to_what_every_re_ranker_must(installed: Registry) -> None:
    assert [plugin.error for plugin in installed.plugins] == [None]
    for check in reranker_checks(installed.reranker("neighbour-mean")):
        check.run()


def test_it_averages_over_the_nearest_gallery_images(
    installed: Registry, registry: Registry
) -> None:
    draw = np.random.default_rng(0)
    camera = np.repeat([3, 1], [5, 7])
    table = pd.DataFrame({"camera": camera, "identity": 1, "index": np.arange(12)})
    table["modality"] = np.where(camera == 3, "infrared", "visible")
    features = FeatureTable(
        features=draw.standard_normal((12, 1, 3)), table=table, metric="euclidean"
    )
    trial, protocol = Trial(np.arange(5), np.arange(5, 12)), registry.protocol("sysu-all-single")
    choice = choose_reranker(installed, "neighbour-mean", "sysu-all-single")
    assert choice.config.model_dump() == {"neighbours": 2}
    found = choice.rerank(features, trial, protocol)
    query, gallery = features.features[trial.query], features.features[trial.gallery]
    plain = pairwise_distances(query, gallery, "euclidean")
    among = pairwise_distances(gallery, gallery, "euclidean")
    for image, row in enumerate(among):
        nearest = sorted(range(len(row)), key=row.__getitem__)[:2]
        assert image in nearest
        np.testing.assert_allclose(found[:, image], plain[:, nearest].mean(axis=1), atol=1e-6)
