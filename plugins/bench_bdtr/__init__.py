"""BCTR and BDTR: visible thermal ReID by dual-constrained top-ranking (Ye et al., IJCAI 2018)."""

from __future__ import annotations

from collections.abc import Sequence

from bench_core import QUICK, MethodSpec, Paper, PresetSpec, VariantSpec, hookimpl

PAPER = Paper(
    title="Visible Thermal Person Re-Identification via Dual-Constrained Top-Ranking",
    authors="M. Ye, Z. Wang, X. Lan, P. C. Yuen",
    venue="IJCAI",
    year=2018,
    kind="inproceedings",
    pages="1092-1099",
    url="https://www.ijcai.org/proceedings/2018/152",
)

RESNET = VariantSpec(
    name="resnet50",
    summary="ResNet-50 in the place of AlexNet's convolutions: of today, in no paper",
    values={"backbone": "resnet50"},
)

PRESETS = (
    PresetSpec(name="paper", summary="AlexNet, 227x227 crops, 64 + 64 images, 5,000 steps"),
    PresetSpec(
        name="official-code",
        summary="with the slips of the authors' code in crop, mean and feature",
        values={
            "crop_offset": "both-axes",
            "mean_order": "reversed",
            "embedding": "fc7-before-relu",
        },
    ),
    PresetSpec(
        name="quick",
        summary="a small backbone on small images, for a CPU in minutes",
        values={
            **QUICK,
            "crop_margin": 6,
            "fc6_width": 256,
            "fc7_width": 256,
            "epochs": 14,
            "sampling": {"identities": 8, "images": 4, "steps_per_epoch": 25},
            # Nothing is pretrained here: all layers start at random.
            "optimizer": {"kind": "adam", "learning_rate": 1e-3},
            "dropout": 0.3,
            "augmentation": {"flip": 0.5, "padding": 6, "erasing": 0.5},
        },
    ),
)


@hookimpl
def bench_register_methods() -> Sequence[MethodSpec]:
    """Register BCTR and BDTR."""
    return [
        MethodSpec(
            id="bctr",
            title="BCTR",
            paper=PAPER,
            variants=(
                VariantSpec(name="full", summary="identity loss and cross-modality top-ranking"),
            ),
            presets=PRESETS,
            method="bench_bdtr.method:BCTR",
            config="bench_bdtr.config:BCTRConfig",
            fidelity="from paper",
        ),
        MethodSpec(
            id="bdtr",
            title="BDTR",
            paper=PAPER,
            variants=(
                VariantSpec(name="full", summary="BCTR with the intra-modality constraint"),
                RESNET,
            ),
            presets=PRESETS,
            method="bench_bdtr.method:BDTR",
            config="bench_bdtr.config:BDTRConfig",
            fidelity="from paper",
        ),
    ]
