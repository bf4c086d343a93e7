"""ViT: the vision transformer (Dosovitskiy et al., ICLR 2021) as a plain baseline."""

from __future__ import annotations

from collections.abc import Sequence

from bench_core import MethodSpec, Paper, PresetSpec, VariantSpec, hookimpl

PAPER = Paper(
    title="An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale",
    authors=(
        "A. Dosovitskiy, L. Beyer, A. Kolesnikov, D. Weissenborn, X. Zhai, T. Unterthiner, "
        "M. Dehghani, M. Minderer, G. Heigold, S. Gelly, J. Uszkoreit, N. Houlsby"
    ),
    venue="ICLR",
    year=2021,
    kind="inproceedings",
    url="https://openreview.net/forum?id=YicbFdNTTy",
)

VARIANTS = (
    VariantSpec(
        name="full",
        summary="ViT-B/16 for both modalities, by the losses of the bag-of-tricks baseline",
    ),
)

PRESETS = (
    PresetSpec(
        name="paper",
        summary="ViT-B/16 at 256x128, 32 images a modality; the recipe is no paper's as a whole",
    ),
    PresetSpec(
        name="quick",
        summary="a small transformer on small images, for a CPU in minutes",
        values={
            "weights": "none",
            "image_height": 96,
            "image_width": 48,
            "transformer": {
                "patch_size": 8,
                "patch_stride": 8,
                "width": 128,
                "depth": 2,
                "heads": 4,
                "mlp_ratio": 2,
            },
            "sampling": {"steps_per_epoch": 30},
            "optimizer": {"learning_rate": 2e-3},
            # From a random start the triplet loss stays at its margin; see the method's page.
            "triplet_weight": 0.0,
            "label_smoothing": 0.0,
            "body_rate_scale": 1.0,
            "augmentation": {"padding": 4, "erasing": 0.0},
        },
    ),
)


@hookimpl
def bench_register_methods() -> Sequence[MethodSpec]:
    """Register ViT."""
    return [
        MethodSpec(
            id="vit",
            title="ViT",
            paper=PAPER,
            variants=VARIANTS,
            presets=PRESETS,
            method="bench_vit.method:ViT",
            config="bench_vit.config:ViTConfig",
        )
    ]
