"""The SYSU-MM01 dataset and its four protocols, as a plugin.

Wu et al., "RGB-Infrared Cross-Modality Person Re-Identification", ICCV 2017.
"""

from __future__ import annotations

from bench_core import INFRARED, VISIBLE, DatasetSpec, ProtocolSpec, hookimpl
from bench_sysu.layout import GALLERY_SETTINGS, NUM_TRIALS, SAME_ROOM, GallerySetting

DATASET_ID = "sysu-mm01"


@hookimpl
def bench_register_datasets() -> list[DatasetSpec]:
    """Register SYSU-MM01."""
    return [
        DatasetSpec(
            id=DATASET_ID,
            title="SYSU-MM01",
            paper="Wu et al., RGB-Infrared Cross-Modality Person Re-Identification, ICCV 2017",
            source="https://github.com/wuancong/SYSU-MM01",
            synthetic_layout="sysu-mm01",
            reader="bench_sysu.dataset:SysuMM01Reader",
        )
    ]


@hookimpl
def bench_register_protocols() -> list[ProtocolSpec]:
    """Register all-search and indoor-search, each single-shot and multi-shot."""
    return [_protocol_spec(id_, setting) for id_, setting in GALLERY_SETTINGS.items()]


def _protocol_spec(id_: str, setting: GallerySetting) -> ProtocolSpec:
    single = setting.shots == 1
    shots = "single-shot" if single else f"{setting.shots}-shot"
    return ProtocolSpec(
        id=id_,
        dataset=DATASET_ID,
        title=f"SYSU-MM01 {setting.mode}-search, {shots}",
        query_modality=INFRARED,
        gallery_modality=VISIBLE,
        cmc="identity",
        excluded_camera_pairs=SAME_ROOM,
        num_trials=NUM_TRIALS,
        # The agw draw is defined for one shot only.
        conventions=("official", "agw") if single else ("official",),
        definition="bench_sysu.protocols:SysuProtocol",
    )
