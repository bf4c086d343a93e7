"""What the package registers. It imports nothing heavy, as every command loads it."""

from bench_core import QUICK, MethodSpec, Paper, PresetSpec, VariantSpec, hookimpl


@hookimpl
def bench_register_methods() -> list[MethodSpec]:
    """Register the method with its variants and presets."""
    return [
        MethodSpec(
            id="hetero-center",
            title="Hetero Center",
            paper=Paper(
                title="Hetero-Center Loss for Cross-Modality Person Re-Identification",
                authors="Zhu et al.",
                venue="Neurocomputing",
                year=2020,
            ),
            variants=(
                VariantSpec(name="full", summary="the whole method"),
                VariantSpec(
                    name="without-centers",
                    summary="without the hetero-centre loss",
                    values={"center_weight": 0.0},
                ),
            ),
            presets=(
                PresetSpec(name="paper", summary="on ResNet-50", values={"epochs": 60}),
                PresetSpec(name="quick", summary="for a CPU", values={**QUICK, "epochs": 5}),
            ),
            method="hetero_center.method:HeteroCenter",
            config="hetero_center.config:HeteroCenterConfig",
        )
    ]
