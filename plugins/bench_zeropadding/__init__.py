"""One stream, two streams and deep zero-padding (Wu et al., ICCV 2017)."""

from __future__ import annotations

from collections.abc import Sequence

from bench_core import QUICK, MethodSpec, Paper, PresetSpec, VariantSpec, hookimpl

PAPER = Paper(
    title="RGB-Infrared Cross-Modality Person Re-Identification",
    authors="A. Wu, W.-S. Zheng, H.-X. Yu, S. Gong, J. Lai",
    venue="ICCV",
    year=2017,
    kind="inproceedings",
)

FULL = VariantSpec(name="full", summary="the whole method")
ASYMMETRIC = VariantSpec(
    name="asymmetric-fc",
    summary="a classifier for each modality, all else shared: the paper's third structure",
    values={"own_classifiers": True},
)

PAPERS = PresetSpec(
    name="paper", summary="ResNet-6 from scratch on 224x224, batches of 64 shuffled images"
)
THIRD_PARTY = PresetSpec(
    name="third-party-code",
    summary="a public re-implementation where it differs: ResNet-50 of ImageNet's weights",
    values={"backbone": "resnet50", "last_stride": 2, "weights": "imagenet"},
)
FAST = PresetSpec(
    name="quick",
    summary="a small backbone on small images, for a CPU in minutes",
    values={
        **QUICK,
        "embedding": "pooled-normalized",
        "epochs": 12,
        "sampling": {"steps_per_epoch": 25},
        "optimizer": {"kind": "adam", "learning_rate": 4e-3},
        "schedule": {"warmup_epochs": 2, "milestones": [9, 11]},
        "augmentation": {"flip": 0.5, "padding": 4},
    },
)


def _structure(
    name: str,
    title: str,
    *,
    variants: tuple[VariantSpec, ...] = (),
    presets: tuple[PresetSpec, ...] = (),
) -> MethodSpec:
    """Describe one of the paper's networks, whose configuration is named as its title is."""
    return MethodSpec(
        id=name,
        title=title,
        paper=PAPER,
        variants=(FULL, *variants),
        presets=(PAPERS, *presets, FAST),
        method="bench_zeropadding.method:IdentityNetwork",
        config=f"bench_zeropadding.config:{title.replace('-', '')}Config",
        fidelity="from description",
    )


@hookimpl
def bench_register_methods() -> Sequence[MethodSpec]:
    """Register the paper's networks."""
    return [
        _structure("one-stream", "One-Stream", variants=(ASYMMETRIC,)),
        _structure("two-stream", "Two-Stream"),
        _structure("zero-padding", "Zero-Padding", presets=(THIRD_PARTY,)),
    ]
