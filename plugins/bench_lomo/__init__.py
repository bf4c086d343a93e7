"""LOMO: local maximal occurrence (Liao et al., CVPR 2015), with XQDA and with CDFE."""

from __future__ import annotations

from collections.abc import Sequence

from bench_core import MethodSpec, Paper, PresetSpec, VariantSpec, hookimpl

PAPER = Paper(
    title="Person Re-identification by Local Maximal Occurrence Representation and Metric Learning",
    authors="S. Liao, Y. Hu, X. Zhu, S. Z. Li",
    venue="CVPR",
    year=2015,
    kind="inproceedings",
    pages="2197-2206",
)

VARIANTS = (
    VariantSpec(name="full", summary="Euclidean distance of the descriptor; nothing is learned"),
    VariantSpec(
        name="xqda",
        summary="with XQDA, the metric of LOMO's own paper",
        values={"learner": "xqda"},
    ),
    VariantSpec(
        name="cdfe",
        summary="with CDFE, the metric of the row that cross-modality tables print as LOMO",
        values={"learner": "cdfe"},
    ),
)

PRESETS = (
    PresetSpec(name="paper", summary="128x48, 26,960 dimensions; XQDA on all of them"),
    PresetSpec(
        name="quick",
        summary="the same descriptor; metrics on few components, for few people",
        values={
            "xqda": {"pca_dimensions": 100, "dimensions": 50},
            "cdfe": {"pca_dimensions": 100, "dimensions": 30},
        },
    ),
)


@hookimpl
def bench_register_methods() -> Sequence[MethodSpec]:
    """Register LOMO."""
    return [
        MethodSpec(
            id="lomo",
            title="LOMO",
            paper=PAPER,
            variants=VARIANTS,
            presets=PRESETS,
            method="bench_lomo.method:LOMO",
            config="bench_lomo.config:LOMOConfig",
            fidelity="from paper",
        )
    ]
