"""AlignGAN: joint pixel and feature alignment for RGB-infrared re-ID (Wang et al., ICCV 2019)."""

from __future__ import annotations

from collections.abc import Sequence

from bench_core import QUICK, MethodSpec, Paper, PresetSpec, VariantSpec, hookimpl

PAPER = Paper(
    title=(
        "RGB-Infrared Cross-Modality Person Re-Identification via Joint Pixel and Feature Alignment"
    ),
    authors="G. Wang, T. Zhang, J. Cheng, S. Liu, Y. Yang, Z. Hou",
    venue="ICCV",
    year=2019,
    kind="inproceedings",
    url="https://arxiv.org/abs/1910.05839",
)

VARIANTS = (
    VariantSpec(
        name="full", summary="AlignGAN, the whole method with its joint discriminator (Table 4)"
    ),
    VariantSpec(
        name="baseline",
        summary="classification and triplet losses on real RGB and infrared images (Table 4)",
        values={"pixel_alignment": False, "discriminators": "separate", "feature_gan_weight": 0.0},
    ),
    VariantSpec(
        name="pixalign",
        summary="without the adversarial loss of the features (Table 4)",
        values={"pixel_alignment": True, "feature_gan_weight": 0.0},
    ),
    VariantSpec(
        name="featalign",
        summary="without pixel alignment; features of RGB and infrared images aligned (Table 4)",
        values={"pixel_alignment": False, "discriminators": "separate"},
    ),
    VariantSpec(
        name="aligngan-minus",
        summary="pixel and feature alignment with a discriminator each (Table 4)",
        values={"pixel_alignment": True, "discriminators": "separate"},
    ),
)

PRESETS = (
    PresetSpec(name="paper", summary="as printed: ResNet-50, 72 images a modality, log GAN"),
    PresetSpec(
        name="official-code",
        summary="as the authors' public code differs: least squares, 16 images in the pixel step",
        values={
            "resize_filter": "bicubic",
            "adversarial_form": "least-squares",
            "mining": "hard",
            "feature_identity_weight": 2.0,
            "fooling_pairs": "one-fake",
            "pixel_gan_weight": 0.5,
            "discriminator_weight": 0.5,
            "cycle_weight": 5.0,
            "same_modality_weight": 2.5,
            "pixel_identity_weight": 0.1,
            "pixel_triplet_share": 1.0,
            "classifier_dropout_at": "input",
            "classifier_slope": 0.1,
            "generator_running_statistics": True,
            "pixel_identities": 4,
            "pixel_images": 4,
            "epochs": 101,
            "flip_average": True,
        },
    ),
    PresetSpec(
        name="quick",
        summary="a small backbone and narrow GANs on small images, for a CPU in minutes",
        values={
            **QUICK,
            "feature_height": QUICK["image_height"],
            "feature_width": QUICK["image_width"],
            "classifier_dropout": 0.0,
            "head_rate_scale": 2.0,
            "generator_width": 8,
            "generator_blocks": 2,
            "discriminator_width": 8,
            "gan_optimizer": {"learning_rate": 1e-3},
            "pixel_identities": 4,
            "pixel_images": 2,
            "encoder_warmup_epochs": 18,
            "pixel_warmup_epochs": 6,
            "epochs": 12,
            "sampling": {"identities": 8, "images": 4, "steps_per_epoch": 25},
            "schedule": {"milestones": [9]},
        },
    ),
)


@hookimpl
def bench_register_methods() -> Sequence[MethodSpec]:
    """Register AlignGAN."""
    return [
        MethodSpec(
            id="aligngan",
            title="AlignGAN",
            paper=PAPER,
            variants=VARIANTS,
            presets=PRESETS,
            method="bench_aligngan.method:AlignGAN",
            config="bench_aligngan.config:AlignGANConfig",
            fidelity="verified",
        )
    ]
