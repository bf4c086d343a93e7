"""Re-rankers as strangers write them: a good one, and changes of it that break one rule each."""

from __future__ import annotations

from pathlib import Path

ENTRY = """
from bench_core import Paper, RerankerSpec, hookimpl
@hookimpl
def bench_register_rerankers():
    return [RerankerSpec(
        id="stranger", title="S", paper=Paper(title="T", authors="A", venue="V", year=2026),
        reranker="PACKAGE.reranker:Stranger", config="PACKAGE.config:StrangerConfig",
        needs=("features",), by_protocol={"toy-search": {"power": 3}})]
"""
CONFIG = """
from bench_core.rerankers import RerankerConfig
class StrangerConfig(RerankerConfig):
    power: int = 2
    gain: float = 1.0
"""
RERANKER = """
import numpy as np
from bench_core.rerankers import Reranker
calls = []
class Stranger(Reranker):
    def rerank(self, images):
        query, gallery = images.features
        apart = np.abs(query[:, None] - gallery) ** self.config.power
        distances = apart.sum(axis=(2, 3))
        return distances
"""
FILES = {"__init__.py": ENTRY, "config.py": CONFIG, "reranker.py": RERANKER}


def write_reranker(folder: Path, package: str, *changes: tuple[str, str]) -> None:
    """Write the good package with changes: of a text that one of its files has, and another."""
    (folder / package).mkdir()
    for file, text in FILES.items():
        for old, new in changes:
            assert any(old in source for source in FILES.values())
            text = text.replace(old, new)  # noqa: PLW2901
        (folder / package / file).write_text(text.replace("PACKAGE", package))
