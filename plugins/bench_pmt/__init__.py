"""PMT: a progressive modality-shared transformer (Lu et al., AAAI 2023)."""

from __future__ import annotations

from collections.abc import Sequence

from bench_core import MethodSpec, Paper, PresetSpec, VariantSpec, hookimpl

PAPER = Paper(
    title=(
        "Learning Progressive Modality-shared Transformers for Effective Visible-Infrared Person "
        "Re-identification"
    ),
    authors="H. Lu, X. Zou, P. Zhang",
    venue="AAAI",
    year=2023,
    kind="inproceedings",
    url="https://arxiv.org/abs/2212.00226",
)

WITHOUT_LOSSES = {"enhancement_weight": 0.0, "center_weight": 0.0}

VARIANTS = (
    VariantSpec(name="full", summary="progressive learning, MSEL and DCL, the whole method"),
    VariantSpec(
        name="baseline",
        summary="identity and triplet losses on visible and infrared images from the start",
        values={"gray_epochs": 0, **WITHOUT_LOSSES},
    ),
    VariantSpec(
        name="progressive",
        summary="with progressive learning, without MSEL and DCL",
        values=WITHOUT_LOSSES,
    ),
    VariantSpec(
        name="msel",
        summary="with progressive learning and MSEL, without DCL",
        values={"center_weight": 0.0},
    ),
    VariantSpec(
        name="dcl",
        summary="with progressive learning and DCL, without MSEL",
        values={"enhancement_weight": 0.0},
    ),
    VariantSpec(
        name="without-progressive",
        summary="with MSEL and DCL on visible and infrared images from the start",
        values={"gray_epochs": 0},
    ),
)

PRESETS = (
    PresetSpec(
        name="paper",
        summary="as the authors' code trains on SYSU-MM01: ViT-B/16, stride 12, 256x128",
    ),
    PresetSpec(
        name="regdb",
        summary="as the authors' code trains on RegDB: 36 epochs",
        values={"epochs": 36},
    ),
    PresetSpec(
        name="quick",
        summary="a small transformer on small images, for a CPU in minutes",
        values={
            "weights": "none",
            "image_height": 96,
            "image_width": 48,
            "transformer": {
                "patch_size": 10,
                "patch_stride": 8,
                "width": 128,
                "depth": 2,
                "heads": 4,
                "mlp_ratio": 2,
            },
            "sampling": {"steps_per_epoch": 30},
            "optimizer": {"learning_rate": 2e-3},
            # Left out for what it does to ViT from a random start; see the method's page.
            "triplet_weight": 0.0,
            "body_rate_scale": 1.0,
            "augmentation": {"erasing": 0.0},
            "infrared_blur_kernel": 7,
            "infrared_blur_sigma": [0.1, 1.0],
        },
    ),
)


@hookimpl
def bench_register_methods() -> Sequence[MethodSpec]:
    """Register PMT."""
    return [
        MethodSpec(
            id="pmt",
            title="PMT",
            paper=PAPER,
            variants=VARIANTS,
            presets=PRESETS,
            method="bench_pmt.method:PMT",
            config="bench_pmt.config:PMTConfig",
            fidelity="from paper",
        )
    ]
