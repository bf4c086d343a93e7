"""BoT: the bag-of-tricks strong baseline (Luo et al., CVPR Workshops 2019), on both modalities."""

from __future__ import annotations

from collections.abc import Sequence

from bench_core import QUICK, MethodSpec, Paper, PresetSpec, VariantSpec, hookimpl

PAPER = Paper(
    title="Bag of Tricks and a Strong Baseline for Deep Person Re-Identification",
    authors="H. Luo, Y. Gu, X. Liao, S. Lai, W. Jiang",
    venue="CVPR Workshops",
    year=2019,
    kind="inproceedings",
)

# Rows as the paper adds its tricks, one after another; the last is the whole.
WITHOUT_CENTERS = {"center_loss": False}
WITHOUT_NECK = {**WITHOUT_CENTERS, "neck": "none", "embedding": "pooled-normalized"}
WITHOUT_LAST_STRIDE = {**WITHOUT_NECK, "last_stride": 2}
WITHOUT_SMOOTHING = {**WITHOUT_LAST_STRIDE, "label_smoothing": 0.0}
WITHOUT_ERASING = {**WITHOUT_SMOOTHING, "random_erasing": False}

VARIANTS = (
    VariantSpec(name="full", summary="all six tricks, the last of which is the centre loss"),
    VariantSpec(
        name="standard",
        summary="none of the tricks: identity and triplet loss, flip and crop",
        values={**WITHOUT_ERASING, "warm_up": False},
    ),
    VariantSpec(name="warm-up", summary="standard + warm-up", values=WITHOUT_ERASING),
    VariantSpec(
        name="random-erasing",
        summary="standard + warm-up + random erasing",
        values=WITHOUT_SMOOTHING,
    ),
    VariantSpec(
        name="label-smoothing",
        summary="standard + warm-up + random erasing + label smoothing",
        values=WITHOUT_LAST_STRIDE,
    ),
    VariantSpec(
        name="last-stride",
        summary="standard + the three before + last stride 1",
        values=WITHOUT_NECK,
    ),
    VariantSpec(
        name="neck",
        summary="standard + the four before + batch-normalisation neck: all but centre loss",
        values=WITHOUT_CENTERS,
    ),
)

PRESETS = (
    PresetSpec(name="paper", summary="as published: ResNet-50, 256x128, 64 images, half infrared"),
    PresetSpec(
        name="official-code",
        summary="the public code where it differs: stem without ReLU, warm-up from 0.01, drops",
        values={
            "stem_relu": False,
            "schedule": {"warmup_factor": 0.01, "milestones": [40, 70]},
        },
    ),
    PresetSpec(
        name="quick",
        summary="a small backbone on small images, for a CPU in minutes",
        values={
            **QUICK,
            "epochs": 18,
            "sampling": {"identities": 8, "images": 4, "steps_per_epoch": 25},
            "optimizer": {"learning_rate": 4e-3},
            "schedule": {"warmup_epochs": 2, "milestones": [14, 17]},
            "augmentation": {"padding": 4},
        },
    ),
)


@hookimpl
def bench_register_methods() -> Sequence[MethodSpec]:
    """Register the strong baseline."""
    return [
        MethodSpec(
            id="bot",
            title="BoT",
            paper=PAPER,
            variants=VARIANTS,
            presets=PRESETS,
            method="bench_bot.method:BoT",
            config="bench_bot.config:BoTConfig",
            fidelity="from paper",
        )
    ]
