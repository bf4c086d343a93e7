"""CAJ: channel augmented joint learning (Ye et al., ICCV 2021)."""

from __future__ import annotations

from collections.abc import Sequence

from bench_core import QUICK, MethodSpec, Paper, PresetSpec, VariantSpec, hookimpl

PAPER = Paper(
    title="Channel Augmented Joint Learning for Visible-Infrared Recognition",
    authors="M. Ye, W. Ruan, B. Du, M. Z. Shou",
    venue="ICCV",
    year=2021,
    kind="inproceedings",
    pages="13567-13576",
)

WITHOUT_EXCHANGE = {"channel_exchange": False}
WITHOUT_ERASING = {"channel_erasing": False}
WITHOUT_SQUARE = {"triplet": "weighted-regularized"}

VARIANTS = (
    VariantSpec(name="full", summary="channel exchange, channel erasing and squared triplet"),
    VariantSpec(
        name="baseline",
        summary="none of the three: AGW with CAJ's schedule",
        values={**WITHOUT_EXCHANGE, **WITHOUT_ERASING, **WITHOUT_SQUARE},
    ),
    VariantSpec(
        name="erasing",
        summary="the baseline with channel erasing alone",
        values={**WITHOUT_EXCHANGE, **WITHOUT_SQUARE},
    ),
    VariantSpec(
        name="exchange",
        summary="the baseline with channel exchange alone",
        values={**WITHOUT_ERASING, **WITHOUT_SQUARE},
    ),
    VariantSpec(
        name="exchange-erasing",
        summary="both augmentations, with AGW's triplet loss",
        values=WITHOUT_SQUARE,
    ),
    VariantSpec(
        name="squared-triplet",
        summary="the baseline with the squared triplet alone",
        values={**WITHOUT_EXCHANGE, **WITHOUT_ERASING},
    ),
)

PRESETS = (
    PresetSpec(
        name="paper",
        summary="non-local blocks of half of the channels inside; ResNet-50 at 288x144, 96 images",
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
            "epochs": 28,
            "sampling": {"identities": 8, "images": 3, "steps_per_epoch": 25},
            # Nothing is pretrained here: all layers start at random, and learn at one rate.
            "optimizer": {"kind": "adam", "learning_rate": 2e-3, "nesterov": False},
            "body_rate_scale": 1.0,
            "schedule": {"warmup_epochs": 2, "milestones": [22, 26]},
            # Distances of such features pass the squared loss's limit in the first step.
            "triplet_feature": "pooled-normalized",
            "augmentation": {"padding": 4},
        },
    ),
)


@hookimpl
def bench_register_methods() -> Sequence[MethodSpec]:
    """Register CAJ."""
    return [
        MethodSpec(
            id="caj",
            title="CAJ",
            paper=PAPER,
            variants=VARIANTS,
            presets=PRESETS,
            method="bench_caj.method:CAJ",
            config="bench_caj.config:CAJConfig",
            fidelity="from paper",
        )
    ]
