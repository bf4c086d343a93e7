"""XIV: infrared-visible person re-identification with an X modality (Li et al., AAAI 2020)."""

from __future__ import annotations

from collections.abc import Sequence

from bench_core import QUICK, MethodSpec, Paper, PresetSpec, VariantSpec, hookimpl

PAPER = Paper(
    title="Infrared-Visible Cross-Modal Person Re-Identification with an X Modality",
    authors="D. Li, X. Wei, X. Hong, Y. Gong",
    venue="AAAI",
    year=2020,
    kind="inproceedings",
    volume="34",
    number="4",
    pages="4610-4617",
    url="https://ojs.aaai.org/index.php/AAAI/article/view/5891",
)

DENSENET = {"backbone": "densenet121", "stem_relu": True}
"""The paper's second backbone, whose image size is 224x224. It has its ReLU in any preset."""

VARIANTS = (
    VariantSpec(name="full", summary="Baseline + X + CMG, the whole method (Table 4, last row)"),
    VariantSpec(
        name="baseline",
        summary="identity and triplet losses on visible and infrared only (Table 4, first row)",
        values={"x_source": "none", "cross_modality_gap": False},
    ),
    VariantSpec(
        name="baseline-x",
        summary="with the learned X modality, without the cross-modality gap loss (Table 4)",
        values={"x_source": "learned", "cross_modality_gap": False},
    ),
    VariantSpec(
        name="densenet",
        summary="the whole method on DenseNet-121 (Table 4)",
        values=DENSENET,
    ),
    VariantSpec(
        name="densenet-baseline",
        summary="the first row of Table 4 on DenseNet-121",
        values={**DENSENET, "x_source": "none", "cross_modality_gap": False},
    ),
    VariantSpec(
        name="densenet-baseline-x",
        summary="the second row of Table 4 on DenseNet-121",
        values={**DENSENET, "x_source": "learned", "cross_modality_gap": False},
    ),
    VariantSpec(
        name="mean",
        summary="X is the mean of the three channels, without CMG (Table 5)",
        values={"x_source": "mean", "cross_modality_gap": False},
    ),
    VariantSpec(
        name="gray",
        summary="X is the grey value of the visible image, without CMG (Table 5)",
        values={"x_source": "gray", "cross_modality_gap": False},
    ),
    VariantSpec(
        name="v",
        summary="X is V of the HSV colour space, without CMG (Table 5)",
        values={"x_source": "v", "cross_modality_gap": False},
    ),
    VariantSpec(
        name="y",
        summary="X is Y of the YCbCr colour space, without CMG (Table 5)",
        values={"x_source": "y", "cross_modality_gap": False},
    ),
)

PRESETS = (
    PresetSpec(name="paper", summary="as printed: ResNet-50 at 256x128, 48 images a modality"),
    PresetSpec(
        name="strong-baseline",
        summary="what the paper leaves open as the public code of its baseline has it",
        values={
            "label_smoothing": 0.1,
            "stem_relu": False,
            "embedding": "neck-normalized",
            "augmentation": {"erasing": 0.5},
        },
    ),
    PresetSpec(
        name="quick",
        summary="a small backbone on small images, for a CPU in minutes",
        values={
            **QUICK,
            "embedding": "neck-normalized",
            "epochs": 30,
            "sampling": {"identities": 8, "images": 4, "steps_per_epoch": 25},
            "schedule": {"warmup_epochs": 2, "warmup_factor": 0.1, "milestones": [21, 28]},
            "optimizer": {"learning_rate": 4e-3},
            "augmentation": {"padding": 4},
        },
    ),
)


@hookimpl
def bench_register_methods() -> Sequence[MethodSpec]:
    """Register XIV."""
    return [
        MethodSpec(
            id="xiv",
            title="XIV",
            paper=PAPER,
            variants=VARIANTS,
            presets=PRESETS,
            method="bench_xiv.method:XIV",
            config="bench_xiv.config:XIVConfig",
            fidelity="from paper",
        )
    ]
