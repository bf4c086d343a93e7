"""The public API of vireid-bench: all that a plugin needs, and the only module it imports.

Names are loaded when first used, so that a plugin's entry module stays light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench_core.configuration import AfterTraining, MethodConfig, WeightsKind
    from bench_core.contracts.dataset import (
        Dataset,
        DatasetReader,
        DatasetSpec,
        PublishedCount,
        Splits,
    )
    from bench_core.contracts.errors import (
        BenchError,
        CheckpointError,
        DataError,
        PluginError,
        TrainingError,
        UsageError,
    )
    from bench_core.contracts.hooks import hookimpl
    from bench_core.contracts.images import IMAGE_COLUMNS, INFRARED, VISIBLE, Modality
    from bench_core.contracts.method import MethodSpec, Metric, Paper, PresetSpec, VariantSpec
    from bench_core.contracts.protocol import Convention, EvaluationProtocol, ProtocolSpec, Trial
    from bench_core.contracts.result import ResultRecord
    from bench_core.data.augmentation import AugmentationConfig, augment
    from bench_core.data.image_folders import is_synthetic, list_people
    from bench_core.data.image_lists import (
        ListedImage,
        check_images_exist,
        check_same_people,
        people_by_label,
        read_identity_list,
        read_image_list,
    )
    from bench_core.modeling.adversarial import (
        AdversarialForm,
        adversarial_loss,
        from_signed,
        to_signed,
    )
    from bench_core.modeling.backbones import (
        Backbone,
        BackboneName,
        build_backbone,
        check_backbone,
    )
    from bench_core.modeling.discriminators import (
        FeatureDiscriminator,
        JointDiscriminator,
        MultiScaleDiscriminator,
        PatchDiscriminator,
    )
    from bench_core.modeling.generators import ResidualBlock, ResidualGenerator, initialize_gan
    from bench_core.modeling.losses import (
        TripletDistance,
        batch_hard_triplet,
        cross_batch_hard_triplet,
        identity_loss,
        prediction_divergence,
    )
    from bench_core.modeling.necks import BNNeck
    from bench_core.modeling.normalization import ImageNormalization
    from bench_core.modeling.pretrained import PretrainedWeights
    from bench_core.modeling.recomputation import (
        recompute,
        recompute_blocks,
        running_statistics_kept,
    )
    from bench_core.system.matlab import load_matlab_variable
    from bench_core.testing.conformance import Check, method_checks
    from bench_core.training.batches import Batch
    from bench_core.training.data import TrainingData
    from bench_core.training.method import Method, StagedMethod
    from bench_core.training.recipes import OptimizerConfig, ParameterGroup, ScheduleConfig
    from bench_core.training.run import TrainingRun
    from bench_core.training.stages import OptimizerPlan, SamplingConfig, Stage
    from bench_core.training.updates import Updates

_MODULES = {
    "bench_core.testing.conformance": ["Check", "method_checks"],
    "bench_core.configuration": ["AfterTraining", "MethodConfig", "WeightsKind"],
    "bench_core.contracts.dataset": [
        "Dataset",
        "DatasetReader",
        "DatasetSpec",
        "PublishedCount",
        "Splits",
    ],
    "bench_core.contracts.errors": [
        "BenchError",
        "CheckpointError",
        "DataError",
        "PluginError",
        "TrainingError",
        "UsageError",
    ],
    "bench_core.contracts.hooks": ["hookimpl"],
    "bench_core.contracts.images": ["IMAGE_COLUMNS", "INFRARED", "VISIBLE", "Modality"],
    "bench_core.contracts.method": [
        "MethodSpec",
        "Metric",
        "Paper",
        "PresetSpec",
        "VariantSpec",
    ],
    "bench_core.contracts.protocol": ["Convention", "EvaluationProtocol", "ProtocolSpec", "Trial"],
    "bench_core.contracts.result": ["ResultRecord"],
    "bench_core.data.augmentation": ["AugmentationConfig", "augment"],
    "bench_core.data.image_folders": ["is_synthetic", "list_people"],
    "bench_core.data.image_lists": [
        "ListedImage",
        "check_images_exist",
        "check_same_people",
        "people_by_label",
        "read_identity_list",
        "read_image_list",
    ],
    "bench_core.system.matlab": ["load_matlab_variable"],
    "bench_core.modeling.adversarial": [
        "AdversarialForm",
        "adversarial_loss",
        "from_signed",
        "to_signed",
    ],
    "bench_core.modeling.backbones": [
        "Backbone",
        "BackboneName",
        "build_backbone",
        "check_backbone",
    ],
    "bench_core.modeling.discriminators": [
        "FeatureDiscriminator",
        "JointDiscriminator",
        "MultiScaleDiscriminator",
        "PatchDiscriminator",
    ],
    "bench_core.modeling.generators": ["ResidualBlock", "ResidualGenerator", "initialize_gan"],
    "bench_core.modeling.losses": [
        "TripletDistance",
        "batch_hard_triplet",
        "cross_batch_hard_triplet",
        "identity_loss",
        "prediction_divergence",
    ],
    "bench_core.modeling.necks": ["BNNeck"],
    "bench_core.modeling.normalization": ["ImageNormalization"],
    "bench_core.modeling.pretrained": ["PretrainedWeights"],
    "bench_core.modeling.recomputation": [
        "recompute",
        "recompute_blocks",
        "running_statistics_kept",
    ],
    "bench_core.training.batches": ["Batch"],
    "bench_core.training.data": ["TrainingData"],
    "bench_core.training.method": ["Method", "StagedMethod"],
    "bench_core.training.recipes": ["OptimizerConfig", "ParameterGroup", "ScheduleConfig"],
    "bench_core.training.run": ["TrainingRun"],
    "bench_core.training.stages": ["OptimizerPlan", "SamplingConfig", "Stage"],
    "bench_core.training.updates": ["Updates"],
}
HOMES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [  # noqa: RUF022  # grouped as in the imports above
    "Check",
    "method_checks",
    "AfterTraining",
    "MethodConfig",
    "WeightsKind",
    "Dataset",
    "DatasetReader",
    "DatasetSpec",
    "PublishedCount",
    "Splits",
    "BenchError",
    "CheckpointError",
    "DataError",
    "PluginError",
    "TrainingError",
    "UsageError",
    "hookimpl",
    "IMAGE_COLUMNS",
    "INFRARED",
    "VISIBLE",
    "Modality",
    "Method",
    "MethodSpec",
    "Metric",
    "Paper",
    "PresetSpec",
    "VariantSpec",
    "Convention",
    "EvaluationProtocol",
    "ProtocolSpec",
    "Trial",
    "ResultRecord",
    "AugmentationConfig",
    "augment",
    "is_synthetic",
    "list_people",
    "ListedImage",
    "check_images_exist",
    "check_same_people",
    "people_by_label",
    "read_identity_list",
    "read_image_list",
    "load_matlab_variable",
    "AdversarialForm",
    "adversarial_loss",
    "from_signed",
    "to_signed",
    "Backbone",
    "BackboneName",
    "build_backbone",
    "check_backbone",
    "FeatureDiscriminator",
    "JointDiscriminator",
    "MultiScaleDiscriminator",
    "PatchDiscriminator",
    "ResidualBlock",
    "ResidualGenerator",
    "initialize_gan",
    "TripletDistance",
    "batch_hard_triplet",
    "cross_batch_hard_triplet",
    "identity_loss",
    "prediction_divergence",
    "BNNeck",
    "ImageNormalization",
    "PretrainedWeights",
    "recompute",
    "recompute_blocks",
    "running_statistics_kept",
    "Batch",
    "TrainingData",
    "OptimizerConfig",
    "ParameterGroup",
    "ScheduleConfig",
    "TrainingRun",
    "OptimizerPlan",
    "SamplingConfig",
    "Stage",
    "StagedMethod",
    "Updates",
]


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module 'bench_core' has no attribute '{name}'")
    value = getattr(importlib.import_module(HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
