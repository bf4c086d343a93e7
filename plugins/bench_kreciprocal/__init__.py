"""k-reciprocal re-ranking (Zhong et al., CVPR 2017); what it computes is in docs/reranking.md."""

from __future__ import annotations

from collections.abc import Sequence

from bench_core import Paper, RerankerSpec, hookimpl

PAPER = Paper(
    title="Re-ranking Person Re-identification with k-reciprocal Encoding",
    authors="Z. Zhong, L. Zheng, D. Cao, S. Li",
    venue="CVPR",
    year=2017,
)


@hookimpl
def bench_register_rerankers() -> Sequence[RerankerSpec]:
    """Register the re-ranker; its settings are the paper's under every protocol."""
    return [
        RerankerSpec(
            id="k-reciprocal",
            title="k-reciprocal encoding",
            paper=PAPER,
            reranker="bench_kreciprocal.reranker:KReciprocal",
            config="bench_kreciprocal.config:KReciprocalConfig",
        )
    ]
