"""DDAG: dynamic dual-attentive aggregation learning (Ye et al., ECCV 2020)."""

from __future__ import annotations

from collections.abc import Sequence

from bench_core import QUICK, MethodSpec, Paper, PresetSpec, VariantSpec, hookimpl

PAPER = Paper(
    title="Dynamic Dual-Attentive Aggregation Learning for Visible-Infrared Person "
    "Re-Identification",
    authors="M. Ye, J. Shen, D. J. Crandall, L. Shao, J. Luo",
    venue="ECCV",
    year=2020,
    kind="inproceedings",
    url="https://arxiv.org/abs/2007.09314",
)

WITHOUT_PARTS = {"weighted_parts": False, "scored_by": "global"}
WITHOUT_GRAPH = {"graph_attention": False}

VARIANTS = (
    VariantSpec(name="full", summary="the baseline with IWPA and CGSA, the whole method"),
    VariantSpec(
        name="baseline",
        summary="two-stream network with identity and triplet losses alone",
        values={**WITHOUT_PARTS, **WITHOUT_GRAPH},
    ),
    VariantSpec(
        name="iwpa",
        summary="the baseline with intra-modality weighted-part aggregation (IWPA)",
        values=WITHOUT_GRAPH,
    ),
    VariantSpec(
        name="cgsa",
        summary="the baseline with cross-modality graph structured attention (CGSA)",
        values=WITHOUT_PARTS,
    ),
)

PRESETS = (
    PresetSpec(
        name="paper", summary="the method as published: ResNet-50, 288x144, 32 images a modality"
    ),
    PresetSpec(
        name="quick",
        summary="a small backbone on small images, for a CPU in minutes",
        values={
            **QUICK,
            "epochs": 16,
            "sampling": {"identities": 8, "images": 4, "steps_per_epoch": 25},
            "optimizer": {"learning_rate": 0.05},
            "body_rate_scale": 0.4,
            "schedule": {"warmup_epochs": 3, "milestones": [12, 16]},
            "augmentation": {"padding": 4},
        },
    ),
)


@hookimpl
def bench_register_methods() -> Sequence[MethodSpec]:
    """Register DDAG."""
    return [
        MethodSpec(
            id="ddag",
            title="DDAG",
            paper=PAPER,
            variants=VARIANTS,
            presets=PRESETS,
            method="bench_ddag.method:DDAG",
            config="bench_ddag.config:DDAGConfig",
            fidelity="from paper",
        )
    ]
