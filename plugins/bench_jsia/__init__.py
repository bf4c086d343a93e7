"""JSIA-ReID: cross-modality paired-images generation and augmentation (Wang et al., 2020)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench_core import QUICK, MethodSpec, Paper, PresetSpec, VariantSpec, hookimpl

PAPER = Paper(
    title=(
        "Cross-Modality Paired-Images Generation and Augmentation for RGB-Infrared Person "
        "Re-Identification"
    ),
    authors="G. Wang, Y. Yang, T. Zhang, J. Cheng, Z. Hou, P. Tiwari, H. M. Pandey",
    venue="Neural Networks",
    year=2020,
    kind="article",
    volume="128",
    pages="294-304",
    url="https://www.sciencedirect.com/science/article/abs/pii/S0893608020301702",
)


def _alignment(
    set_level: str, *, instance: bool, regions: str = "none", unseen: bool = False
) -> Mapping[str, Any]:
    return {
        "set_level": set_level,
        "instance_level": instance,
        "local_regions": regions,
        "unseen_identities": unseen,
    }


VARIANTS = (
    VariantSpec(
        name="full",
        summary="SL + IL + LR + UI (Table 3, index 6); with the presets of the AAAI paper SL + IL",
    ),
    VariantSpec(
        name="baseline",
        summary="identity and triplet losses alone (Table 3, index 1)",
        values=_alignment("separate", instance=False),
    ),
    VariantSpec(
        name="sl",
        summary="set-level alignment alone (Table 3, index 2)",
        values=_alignment("shared", instance=False),
    ),
    VariantSpec(
        name="il",
        summary="instance-level alignment alone (Table 3, index 3)",
        values=_alignment("separate", instance=True),
    ),
    VariantSpec(
        name="sl-il",
        summary="SL + IL, the method of the AAAI paper (Table 3, index 4)",
        values=_alignment("shared", instance=True),
    ),
    VariantSpec(
        name="sl-il-lr",
        summary="SL + IL + local regions (Table 3, index 5)",
        values=_alignment("shared", instance=True, regions="paired"),
    ),
    VariantSpec(
        name="without-disentanglement",
        summary="SL by a modality discriminator instead of E^i (Table 3, index 7)",
        values=_alignment("adversarial", instance=True, regions="paired", unseen=True),
    ),
    VariantSpec(
        name="unpaired-regions",
        summary="LR between real images of a person (Table 3, index 8)",
        values=_alignment("shared", instance=True, regions="unpaired", unseen=True),
    ),
    VariantSpec(
        name="il-without-disentanglement",
        summary="IL with SL by a modality discriminator (the AAAI paper's further row)",
        values=_alignment("adversarial", instance=True),
    ),
)

PRESETS = (
    PresetSpec(name="paper", summary="as printed in Neural Networks: ResNet-50, 256x128, 16 x 4"),
    PresetSpec(
        name="paper-aaai",
        summary="the earlier version: no local regions, no images of unseen identities",
        values={"local_regions": "none", "unseen_identities": False},
    ),
    PresetSpec(
        name="official-code",
        summary="the values of the authors' code, which is of the AAAI version",
        values={
            "local_regions": "none",
            "unseen_identities": False,
            "resize_filter": "bicubic",
            "stem_relu": False,
            "content_input": "grey",
            "embedding": "neck",
            "generated_size": "half",
            "style_downsamplings": 4,
            "discriminator_padding": "reflect",
            "decoder_blocks": 2,
            "generator_start": "default",
            "reconstruction_weight": 10.0,
            "feature_reconstruction_weight": 1.0,
            "feature_targets": "moving",
            "triplet_mining": "cross-modality",
            "label_smoothing": 0.1,
            "cycle_style": "original",
            "divergence": "two-way",
            "alignment_reference": "passed-again",
            "batch_statistics": "separate",
            "running_statistics": "all",
            "end_to_end": False,
            "train_content_encoder": False,
            "generation_epochs": 600,
            "sampling": {"steps_per_epoch": 200},
            "generation_sampling": {"identities": 3, "images": 3, "steps_per_epoch": 200},
            "learner_optimizer": {"learning_rate": 4.5e-4, "betas": [0.9, 0.999]},
            "generator_optimizer": {"learning_rate": 1e-4},
            "discriminator_optimizer": {"learning_rate": 1e-4},
            "recompute_activations": False,
        },
    ),
    PresetSpec(
        name="quick",
        summary="a small backbone on small images, for a CPU in minutes",
        values={
            **QUICK,
            "embedding": "neck",
            "style_width": 8,
            "decoder_blocks": 2,
            "latent_channels": 32,
            "num_regions": 3,
            "generation_epochs": 10,
            "epochs": 15,
            "sampling": {"identities": 8, "images": 4, "steps_per_epoch": 20},
            "generation_sampling": {"identities": 4, "images": 1, "steps_per_epoch": 30},
            "learner_optimizer": {"learning_rate": 4e-3, "betas": [0.9, 0.999]},
            "generator_optimizer": {"learning_rate": 1e-3},
            "discriminator_optimizer": {"learning_rate": 1e-3},
            "schedule": {"warmup_epochs": 2, "warmup_factor": 0.1, "milestones": [10, 13]},
            "augmentation": {"padding": 4},
            "recompute_activations": False,
        },
    ),
)


@hookimpl
def bench_register_methods() -> Sequence[MethodSpec]:
    """Register JSIA-ReID."""
    return [
        MethodSpec(
            id="jsia",
            title="JSIA-ReID",
            paper=PAPER,
            variants=VARIANTS,
            presets=PRESETS,
            method="bench_jsia.method:JSIA",
            config="bench_jsia.config:JSIAConfig",
            fidelity="verified",
        )
    ]
