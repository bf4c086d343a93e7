"""cmGAN: cross-modality re-ID with generative adversarial training (Dai et al., IJCAI 2018)."""

from __future__ import annotations

from collections.abc import Sequence

from bench_core import QUICK, MethodSpec, Paper, PresetSpec, VariantSpec, hookimpl

PAPER = Paper(
    title="Cross-Modality Person Re-Identification with Generative Adversarial Training",
    authors="P. Dai, R. Ji, H. Wang, Q. Wu, Y. Huang",
    venue="IJCAI",
    year=2018,
    kind="inproceedings",
)

VARIANTS = (
    VariantSpec(name="full", summary="identity, cross-modality triplet and adversarial loss"),
    VariantSpec(
        name="without-discriminator",
        summary="identity and cross-modality triplet loss; no modality discriminator",
        values={"adversarial_weight": 0.0},
    ),
    VariantSpec(
        name="identity-only",
        summary="the identity loss alone",
        values={"adversarial_weight": 0.0, "triplets": False},
    ),
)

PRESETS = (
    PresetSpec(name="paper", summary="as described: ResNet-50, margin 1.4, gamma 0.05, K = 5"),
    PresetSpec(
        name="quick",
        summary="a small backbone on small images, for a CPU in minutes",
        values={
            **QUICK,
            "last_stride": 1,
            "embedding": "pooled-normalized",
            # At a weight of 1, hard triplets draw the features of a random start to one point.
            "mining": "random",
            "triplet_weight": 0.1,
            "epochs": 13,
            "sampling": {"identities": 8, "images": 4, "steps_per_epoch": 40},
            "optimizer": {"kind": "adam", "learning_rate": 1e-3},
            "discriminator_optimizer": {"learning_rate": 0.05},
            "schedule": {"warmup_epochs": 2, "warmup_factor": 0.1, "milestones": [10]},
            "augmentation": {"padding": 4},
        },
    ),
)


@hookimpl
def bench_register_methods() -> Sequence[MethodSpec]:
    """Register cmGAN."""
    return [
        MethodSpec(
            id="cmgan",
            title="cmGAN",
            paper=PAPER,
            variants=VARIANTS,
            presets=PRESETS,
            method="bench_cmgan.method:CMGAN",
            config="bench_cmgan.config:CMGANConfig",
            fidelity="from description",
        )
    ]
