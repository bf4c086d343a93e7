"""TS-GAN: a teacher-student GAN for cross-modality person ReID (Zhang et al., PRL 2021)."""

from __future__ import annotations

from collections.abc import Sequence

from bench_core import QUICK, MethodSpec, Paper, PresetSpec, VariantSpec, hookimpl

PAPER = Paper(
    title="RGB-IR Cross-modality Person ReID based on Teacher-Student GAN Model",
    authors="Z. Zhang, S. Jiang, C. Huang, Y. Li, R. Y. D. Xu",
    venue="Pattern Recognition Letters",
    year=2021,
    kind="article",
    volume="150",
    pages="155-161",
)

WITHOUT_GAN = {
    "discriminator": "none",
    "gan_weight": 0.0,
    "cross_domain_weight": 0.0,
    "same_domain_weight": 0.0,
}

VARIANTS = (
    VariantSpec(
        name="full",
        summary="TS-GAN_JD with all teacher-student losses, the whole method (Table II)",
    ),
    VariantSpec(
        name="backbone",
        summary="the student alone: identity and triplet losses on real images (Table II)",
        values=WITHOUT_GAN,
    ),
    VariantSpec(
        name="od-single-ts",
        summary="ordinary discriminator, the cross-domain loss alone (Table II)",
        values={"discriminator": "ordinary", "gan_weight": 0.0, "same_domain_weight": 0.0},
    ),
    VariantSpec(
        name="od-all-ts",
        summary="ordinary discriminator, all teacher-student losses (Table II)",
        values={"discriminator": "ordinary", "gan_weight": 0.0},
    ),
    VariantSpec(
        name="infrared",
        summary="the teacher itself, trained on infrared images alone (Table III, SYSU-IR)",
        values={**WITHOUT_GAN, "learner": "infrared"},
    ),
    VariantSpec(
        name="visible",
        summary="the same network, trained on visible images alone (Table III, SYSU-RGB)",
        values={**WITHOUT_GAN, "learner": "visible"},
    ),
)

PRESETS = (
    PresetSpec(name="paper", summary="as printed: ResNet-50, 256x128, 32 images a modality"),
    PresetSpec(
        name="strong-baseline",
        summary="the values of the public code that the paper builds on, where they differ",
        values={
            "stem_relu": False,
            "embedding": "neck-normalized",
            "identity_weight": 1.0,
            "erasing": 0.5,
            "schedule": {"warmup_factor": 0.01, "decay": 0.1},
            "teacher_schedule": {"warmup_factor": 0.01, "decay": 0.1},
        },
    ),
    PresetSpec(
        name="quick",
        summary="small networks on small images, for a CPU in minutes",
        values={
            **QUICK,
            "embedding": "neck-normalized",
            "generator_width": 8,
            "generator_blocks": 2,
            "discriminator_width": 8,
            "epochs": 12,
            "teacher_epochs": 5,
            "sampling": {"identities": 8, "images": 4, "steps_per_epoch": 25},
            "teacher_sampling": {"identities": 8, "images": 4, "steps_per_epoch": 25},
            # Of so few epochs the first must be slow: a tenth of the rate, as "end" has it.
            "schedule": {
                "warmup_epochs": 2,
                "warmup_factor": 0.1,
                "milestones": [8, 10],
                "told": "end",
            },
            "teacher_schedule": {
                "warmup_epochs": 1,
                "warmup_factor": 0.1,
                "milestones": [4],
                "told": "end",
            },
            "optimizer": {"learning_rate": 4e-3},
            "gan_optimizer": {"learning_rate": 1e-3},
            "augmentation": {"padding": 4},
        },
    ),
)


@hookimpl
def bench_register_methods() -> Sequence[MethodSpec]:
    """Register TS-GAN."""
    return [
        MethodSpec(
            id="ts-gan",
            title="TS-GAN",
            paper=PAPER,
            variants=VARIANTS,
            presets=PRESETS,
            method="bench_tsgan.method:TSGAN",
            config="bench_tsgan.config:TSGANConfig",
            fidelity="from paper",
        )
    ]
