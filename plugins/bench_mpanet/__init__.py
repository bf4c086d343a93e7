"""MPANet: cross-modality nuances for visible-infrared ReID (Wu et al., CVPR 2021)."""

from __future__ import annotations

from collections.abc import Sequence

from bench_core import QUICK, MethodSpec, Paper, PresetSpec, VariantSpec, hookimpl

PAPER = Paper(
    title="Discover Cross-Modality Nuances for Visible-Infrared Person Re-Identification",
    authors="Q. Wu, P. Dai, J. Chen, C.-W. Lin, Y. Wu, F. Huang, B. Zhong, R. Ji",
    venue="CVPR",
    year=2021,
    kind="inproceedings",
)

VARIANTS = (
    VariantSpec(name="full", summary="MAM, PAM and mutual learning, the whole method"),
    VariantSpec(
        name="baseline",
        summary="one shared network and classifier, identity and centre losses alone",
        values={"modality_alleviation": False, "patterns": 0, "mutual_learning": False},
    ),
    VariantSpec(
        name="mam",
        summary="the baseline with modality alleviation (MAM)",
        values={"modality_alleviation": True, "patterns": 0, "mutual_learning": False},
    ),
    VariantSpec(
        name="mam-pam",
        summary="with MAM and the six pattern masks (PAM), without mutual learning",
        values={"modality_alleviation": True, "patterns": 6, "mutual_learning": False},
    ),
)

PRESETS = (
    PresetSpec(
        name="paper", summary="for SYSU-MM01: 384x128, 16 x 4 images a modality, 140 epochs"
    ),
    PresetSpec(
        name="official-code",
        summary="as its code runs: the modalities' identity losses count twice",
        values={"modality_weight": 1.0},
    ),
    PresetSpec(
        name="regdb",
        summary="for RegDB: 256x128, 12 x 5 images a modality, feature not at unit length",
        values={
            "image_height": 256,
            "sampling": {"identities": 12, "images": 5},
            "schedule": {"milestones": [110]},
            "embedding": "neck",
        },
    ),
    PresetSpec(
        name="quick",
        summary="a small backbone on small images, for a CPU in minutes",
        values={
            **QUICK,
            "epochs": 16,
            "sampling": {"identities": 8, "images": 4, "steps_per_epoch": 25},
            "optimizer": {"learning_rate": 2e-3},
            "schedule": {"warmup_epochs": 2, "warmup_factor": 0.1, "milestones": [10, 14]},
            "augmentation": {"padding": 4},
        },
    ),
)


@hookimpl
def bench_register_methods() -> Sequence[MethodSpec]:
    """Register MPANet."""
    return [
        MethodSpec(
            id="mpanet",
            title="MPANet",
            paper=PAPER,
            variants=VARIANTS,
            presets=PRESETS,
            method="bench_mpanet.method:MPANet",
            config="bench_mpanet.config:MPANetConfig",
            fidelity="from paper",
        )
    ]
