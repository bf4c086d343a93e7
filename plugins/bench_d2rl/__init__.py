"""D2RL: dual-level discrepancy reduction learning (Wang et al., CVPR 2019)."""

from __future__ import annotations

from collections.abc import Sequence

from bench_core import QUICK, MethodSpec, Paper, PresetSpec, VariantSpec, hookimpl

PAPER = Paper(
    title=(
        "Learning to Reduce Dual-Level Discrepancy for Infrared-Visible Person Re-Identification"
    ),
    authors="Z. Wang, Z. Wang, Y. Zheng, Y.-Y. Chuang, S. Satoh",
    venue="CVPR",
    year=2019,
    kind="inproceedings",
    pages="618-626",
)

VARIANTS = (
    VariantSpec(
        name="full", summary="images translated, features of RGB + IR, both levels trained jointly"
    ),
    VariantSpec(
        name="separate",
        summary="the translator stays as its own stage left it; no joint training",
        values={"joint": False},
    ),
    VariantSpec(
        name="without-translation",
        summary="no image level: an image's own grey values stand for its counterpart",
        values={"counterpart": "grey", "joint": False},
    ),
)

PRESETS = (
    PresetSpec(name="paper", summary="as described: UNIT at 128x64, ResNet-50 at 256x128"),
    PresetSpec(
        name="quick",
        summary="small networks on small images, for a CPU in minutes",
        values={
            **QUICK,
            "last_stride": 1,
            "neck": "batch-norm",
            "embedding": "neck-normalized",
            "translation_height": 48,
            "translation_width": 24,
            "translator_width": 8,
            "own_blocks": 1,
            "discriminator_width": 8,
            "discriminator_scales": 1,
            "translation_epochs": 4,
            "feature_epochs": 5,
            "epochs": 3,
            "translation_sampling": {"identities": 8, "images": 1, "steps_per_epoch": 25},
            "sampling": {"identities": 8, "images": 4, "steps_per_epoch": 25},
            "translator_optimizer": {"learning_rate": 1e-3},
            "optimizer": {"learning_rate": 2e-3},
            "schedule": {"milestones": [2]},
            "augmentation": {"padding": 4},
        },
    ),
)


@hookimpl
def bench_register_methods() -> Sequence[MethodSpec]:
    """Register D2RL."""
    return [
        MethodSpec(
            id="d2rl",
            title="D2RL",
            paper=PAPER,
            variants=VARIANTS,
            presets=PRESETS,
            method="bench_d2rl.method:D2RL",
            config="bench_d2rl.config:D2RLConfig",
            fidelity="from description",
        )
    ]
