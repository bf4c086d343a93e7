"""AIM re-ranking (Fang et al., ICCV 2023); what it computes is in docs/reranking.md."""

from __future__ import annotations

from collections.abc import Sequence

from bench_core import Paper, RerankerSpec, hookimpl

PAPER = Paper(
    title=(
        "Visible-Infrared Person Re-Identification via Semantic Alignment and Affinity Inference"
    ),
    authors="X. Fang, Y. Yang, Y. Fu",
    venue="ICCV",
    year=2023,
)
MULTI_SHOT = {"k1": 20, "k2": 6}
REGDB = {"k1": 8, "k2": 2}
SETTINGS = {
    "sysu-all-single": {"k1": 4, "k2": 1},
    "sysu-all-multi": MULTI_SHOT,
    "sysu-indoor-single": {"k1": 2, "k2": 2},
    "sysu-indoor-multi": MULTI_SHOT,
    "regdb-visible-to-thermal": REGDB,
    "regdb-thermal-to-visible": REGDB,
}
"""What the authors score each protocol with; elsewhere the defaults of their evaluation hold."""


@hookimpl
def bench_register_rerankers() -> Sequence[RerankerSpec]:
    """Register the re-ranker, which is given whole trials as the authors' evaluation is."""
    return [
        RerankerSpec(
            id="aim",
            title="Affinity inference (AIM)",
            paper=PAPER,
            reranker="bench_aim.reranker:AffinityInference",
            config="bench_aim.config:AimConfig",
            needs=("features",),
            scope="trial",
            by_protocol=SETTINGS,
        )
    ]
