"""Distance based training for cross-modality re-identification (Tekeli and Can, ICCVW 2019)."""

from __future__ import annotations

from collections.abc import Sequence

from bench_core import QUICK, MethodSpec, Paper, PresetSpec, VariantSpec, hookimpl

PAPER = Paper(
    title="Distance Based Training for Cross-Modality Person Re-Identification",
    authors="N. Tekeli, A. Burak Can",
    venue="ICCV Workshops",
    year=2019,
    kind="inproceedings",
    pages="4540-4549",
)

VARIANTS = (
    VariantSpec(name="full", summary="scores are negative squared distances from prototypes"),
    VariantSpec(
        name="linear",
        summary="an ordinary linear classifier instead: the control of the score layer",
        values={"scores": "linear"},
    ),
    VariantSpec(
        name="triplet",
        summary="with a triplet loss between the modalities besides",
        values={"cross_modal_triplet": True},
    ),
)

PRESETS = (
    PresetSpec(
        name="paper", summary="ResNet-50 at 288x144, 64 images; nearly all of it is a proposal"
    ),
    PresetSpec(
        name="quick",
        summary="a small backbone on small images, for a CPU in minutes",
        values={
            **QUICK,
            "epochs": 12,
            # With 8 x 4 images so short a training came half as far.
            "sampling": {"identities": 16, "images": 2, "steps_per_epoch": 25},
            "optimizer": {"learning_rate": 4e-3},
            "schedule": {"warmup_epochs": 2, "milestones": [9, 11]},
            "augmentation": {"padding": 4},
        },
    ),
)


@hookimpl
def bench_register_methods() -> Sequence[MethodSpec]:
    """Register distance based training."""
    return [
        MethodSpec(
            id="dist-based",
            title="Dist.based",
            paper=PAPER,
            variants=VARIANTS,
            presets=PRESETS,
            method="bench_distbased.method:DistanceBased",
            config="bench_distbased.config:DistanceBasedConfig",
            fidelity="from description",
        )
    ]
