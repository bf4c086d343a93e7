"""DEEN: a diverse embedding expansion network (Zhang and Wang, CVPR 2023)."""

from __future__ import annotations

from collections.abc import Sequence

from bench_core import QUICK, MethodSpec, Paper, PresetSpec, VariantSpec, hookimpl

PAPER = Paper(
    title=(
        "Diverse Embedding Expansion Network and Low-Light Cross-Modality Benchmark for "
        "Visible-Infrared Person Re-Identification"
    ),
    authors="Y. Zhang, H. Wang",
    venue="CVPR",
    year=2023,
    kind="inproceedings",
    pages="2153-2162",
)

WITHOUT_DEE = {"embedding_expansion": False}
WITHOUT_MFA = {"feature_aggregation": False}
WITHOUT_CPM = {"pair_mining_weight": 0.0}
WITHOUT_ORTHOGONALITY = {"orthogonality_weight": 0.0}

VARIANTS = (
    VariantSpec(name="full", summary="MFA, DEE and its two losses, the whole method"),
    VariantSpec(
        name="baseline",
        summary="the two-stream network with identity and triplet loss",
        values={**WITHOUT_DEE, **WITHOUT_MFA},
    ),
    VariantSpec(name="dee", summary="with DEE and its two losses, without MFA", values=WITHOUT_MFA),
    VariantSpec(name="mfa", summary="with MFA, without DEE and its losses", values=WITHOUT_DEE),
    VariantSpec(
        name="without-cpm",
        summary="without the center-guided pair mining loss",
        values=WITHOUT_CPM,
    ),
    VariantSpec(
        name="without-orthogonality",
        summary="without the orthogonal loss",
        values=WITHOUT_ORTHOGONALITY,
    ),
    VariantSpec(
        name="without-dee-losses",
        summary="with MFA and DEE, identity and triplet loss alone",
        values={**WITHOUT_CPM, **WITHOUT_ORTHOGONALITY},
    ),
)

SMALL_RECTANGLES = {"erased_area": [0.02, 0.4]}

PRESETS = (
    PresetSpec(
        name="paper",
        summary="as the authors' code trains on SYSU-MM01: ResNet-50 at 384x144",
    ),
    PresetSpec(
        name="paper-llcm",
        summary="as it trains on LLCM: smaller rectangles are erased",
        values=SMALL_RECTANGLES,
    ),
    PresetSpec(
        name="paper-regdb",
        summary="as it trains on RegDB: no stage 4, smaller rectangles",
        values={**SMALL_RECTANGLES, "last_stage": 3},
    ),
    PresetSpec(
        name="quick",
        summary="a small backbone on small images, for a CPU in minutes",
        values={
            **QUICK,
            "epochs": 14,
            "sampling": {"steps_per_epoch": 25},
            "optimizer": {"kind": "adam", "learning_rate": 2.5e-3, "nesterov": False},
            "body_rate_scale": 1.0,
            "schedule": {"warmup_epochs": 2, "milestones": [10, 13]},
            "augmentation": {"padding": 4, "erasing": 0.0},
        },
    ),
)


@hookimpl
def bench_register_methods() -> Sequence[MethodSpec]:
    """Register DEEN."""
    return [
        MethodSpec(
            id="deen",
            title="DEEN",
            paper=PAPER,
            variants=VARIANTS,
            presets=PRESETS,
            method="bench_deen.method:DEEN",
            config="bench_deen.config:DEENConfig",
            fidelity="from paper",
        )
    ]
