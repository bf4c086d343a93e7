"""D-HSME: hypersphere manifold embedding, with decorrelation (Hao et al., AAAI 2019)."""

from __future__ import annotations

from collections.abc import Sequence

from bench_core import QUICK, MethodSpec, Paper, PresetSpec, VariantSpec, hookimpl

PAPER = Paper(
    title="HSME: Hypersphere Manifold Embedding for Visible Thermal Person Re-identification",
    authors="Y. Hao, N. Wang, J. Li, X. Gao",
    venue="AAAI",
    year=2019,
    kind="inproceedings",
    volume="33",
    pages="8385-8392",
)

VARIANTS = (
    VariantSpec(
        name="full",
        summary="D-HSME: two stages, the second with a decorrelated embedding layer",
    ),
    VariantSpec(
        name="hsme",
        summary="HSME: the first stage alone, without the decorrelation",
        values={"decorrelation": False, "embedding": "neck-normalized"},
    ),
)

PRESETS = (
    PresetSpec(
        name="paper",
        summary="the description with AGW's recipe: ResNet-50 at 288x144, 64 images",
    ),
    PresetSpec(
        name="quick",
        summary="a small backbone on small images, for a CPU in minutes",
        values={
            **QUICK,
            "embedding_size": 128,
            "epochs": 12,
            "decorrelated_epochs": 3,
            # From a random start, these terms make all people alike; see the page.
            "divergence_weight": 0.0,
            "triplet_weight": 0.0,
            "sampling": {"identities": 8, "images": 4, "steps_per_epoch": 50},
            # Nothing is pretrained here: all layers start at random, and learn at one rate.
            "optimizer": {"kind": "adam", "learning_rate": 2e-3, "nesterov": False},
            "body_rate_scale": 1.0,
            "schedule": {"warmup_epochs": 2, "milestones": [10, 12]},
            "decorrelated_schedule": {"milestones": [1, 3]},
            "augmentation": {"padding": 4},
        },
    ),
)


@hookimpl
def bench_register_methods() -> Sequence[MethodSpec]:
    """Register D-HSME."""
    return [
        MethodSpec(
            id="d-hsme",
            title="D-HSME",
            paper=PAPER,
            variants=VARIANTS,
            presets=PRESETS,
            method="bench_dhsme.method:DHSME",
            config="bench_dhsme.config:DHSMEConfig",
            fidelity="from description",
        )
    ]
