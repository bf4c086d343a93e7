"""AGW: attention, generalised-mean pooling, weighted triplets (Ye et al., TPAMI 2022)."""

from __future__ import annotations

from collections.abc import Sequence

from bench_core import QUICK, MethodSpec, Paper, PresetSpec, VariantSpec, hookimpl

PAPER = Paper(
    title="Deep Learning for Person Re-Identification: A Survey and Outlook",
    authors="M. Ye, J. Shen, G. Lin, T. Xiang, L. Shao, S. C. H. Hoi",
    venue="TPAMI",
    year=2022,
    kind="article",
)

WITHOUT_ATTENTION = {"attention": False}
AVERAGED = {"pooling": "average"}
BATCH_HARD = {"triplet": "batch-hard"}

VARIANTS = (
    VariantSpec(name="full", summary="attention, generalised mean and weighted triplet"),
    VariantSpec(
        name="base",
        summary="two streams, average pooling, batch-hard triplet: the code's own baseline",
        values={**WITHOUT_ATTENTION, **AVERAGED, **BATCH_HARD},
    ),
    VariantSpec(
        name="attention",
        summary="the baseline with non-local attention alone",
        values={**AVERAGED, **BATCH_HARD},
    ),
    VariantSpec(
        name="weighted-triplet",
        summary="the baseline with the weighted regularised triplet alone",
        values={**WITHOUT_ATTENTION, **AVERAGED},
    ),
    VariantSpec(
        name="generalized-mean",
        summary="the baseline with generalised-mean pooling alone",
        values={**WITHOUT_ATTENTION, **BATCH_HARD},
    ),
    VariantSpec(
        name="without-attention",
        summary="the whole method but for its attention",
        values=WITHOUT_ATTENTION,
    ),
)

PRESETS = (
    PresetSpec(
        name="paper",
        summary="non-local blocks of half of the channels inside; ResNet-50 at 288x144, 64 images",
    ),
    PresetSpec(
        name="official-code",
        summary="as the public code comes to: blocks of one channel, no weight for far negatives",
        values={"attention_width": "one", "weight_floor": 1e-6},
    ),
    PresetSpec(
        name="quick",
        summary="a small backbone on small images, for a CPU in minutes",
        values={
            **QUICK,
            "epochs": 18,
            "sampling": {"identities": 8, "images": 4, "steps_per_epoch": 25},
            # Nothing is pretrained here: all layers start at random, and learn at one rate.
            "optimizer": {"kind": "adam", "learning_rate": 4e-3, "nesterov": False},
            "body_rate_scale": 1.0,
            "schedule": {"warmup_epochs": 2, "milestones": [14, 17]},
            "augmentation": {"padding": 4},
        },
    ),
)


@hookimpl
def bench_register_methods() -> Sequence[MethodSpec]:
    """Register AGW."""
    return [
        MethodSpec(
            id="agw",
            title="AGW",
            paper=PAPER,
            variants=VARIANTS,
            presets=PRESETS,
            method="bench_agw.method:AGW",
            config="bench_agw.config:AGWConfig",
            fidelity="from paper",
        )
    ]
