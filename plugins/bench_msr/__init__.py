"""MSR: modality-specific representations (Feng et al., TIP 2020)."""

from __future__ import annotations

from collections.abc import Sequence

from bench_core import QUICK, MethodSpec, Paper, PresetSpec, VariantSpec, hookimpl

PAPER = Paper(
    title=(
        "Learning Modality-Specific Representations for Visible-Infrared Person Re-Identification"
    ),
    authors="Z. Feng, J. Lai, X. Xie",
    venue="TIP",
    year=2020,
    kind="article",
    volume="29",
    pages="579-590",
)

VARIANTS = (
    VariantSpec(
        name="full",
        summary="a network for each modality, shared layers, the constraint; Euclidean distances",
    ),
    VariantSpec(
        name="shared-only",
        summary="one network for both modalities with the shared head alone: the baseline",
        values={"specific": False, "constraint_weight": 0.0},
    ),
    VariantSpec(
        name="without-cmec",
        summary="without the cross-modality Euclidean constraint",
        values={"constraint_weight": 0.0},
    ),
    VariantSpec(
        name="xqda",
        summary="with a metric that is learned of the features when the networks have been",
        values={"metric": "xqda"},
    ),
)

PRESETS = (
    PresetSpec(
        name="paper",
        summary="the description: two ResNet-50 at 256x128, 64 images",
    ),
    PresetSpec(
        name="quick",
        summary="small backbones on small images, for a CPU in minutes",
        values={
            **QUICK,
            "embedding_size": 128,
            # Two networks that start at random find no common space in so few steps.
            "warm_start_epochs": 11,
            "warm_start_schedule": {"warmup_epochs": 2, "warmup_factor": 0.1, "milestones": [9]},
            "epochs": 3,
            "sampling": {"identities": 8, "images": 4, "steps_per_epoch": 50},
            "optimizer": {"learning_rate": 2e-3},
            "schedule": {"milestones": [1, 3], "told": "start"},
            "augmentation": {"padding": 4},
        },
    ),
)


@hookimpl
def bench_register_methods() -> Sequence[MethodSpec]:
    """Register MSR."""
    return [
        MethodSpec(
            id="msr",
            title="MSR",
            paper=PAPER,
            variants=VARIANTS,
            presets=PRESETS,
            method="bench_msr.method:MSR",
            config="bench_msr.config:MSRConfig",
            fidelity="from description",
        )
    ]
