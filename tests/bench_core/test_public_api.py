"""The public API: doors whose names change on purpose alone, documented, the first light."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import bench_core
from bench_core import doors

HEAVY = ("torch", "torchvision", "numpy", "pandas", "scipy", "PIL", "pydantic")

DOORS = {
    "bench_core": """
        BenchError CheckpointError DataError DatasetSpec DegradationSpec IMAGE_COLUMNS INFRARED
        MethodSpec Modality Paper PluginError PresetSpec ProtocolSpec PublishedCount QUICK
        RerankerNeed RerankerScope RerankerSpec TrainingError UsageError VISIBLE VariantSpec
        hookimpl released_method
    """,
    "bench_core.methods": """
        AGWNetwork AdversarialForm AfterTraining AugmentationConfig BNNeck Backbone BackboneName
        Batch CDFEConfig Descriptor DescriptorMethod KissmeConfig LFDAConfig LabelledFeatures
        LearnedMetric LearnerConfig XQDAConfig
        CONSTANT_RATE ClippingConfig ClusterSampler ColorJitter CopyChannel CurveConfig
        Deck Embedding Epoch Erase FeatureDiscriminator Flip FlipUse GaussianBlur Grayscale
        ImageDraws ImageNormalization ImageStep InOrder InnerChannels JointDiscriminator
        LoopPlan Losses Method MethodConfig Metric ModalityClassifiers Moment
        MultiScaleDiscriminator NamedBackbone Neck NonLocalBlock NonLocalTwoStream Normalized
        OneOf OptimizerConfig OptimizerPlan OptionalNeckConfig OwnEpoch OwnLoop PadAndCrop
        ParameterGroup
        PatchDiscriminator PlainImages PretrainedWeights ReIDConfig ResidualBlock
        ResidualGenerator ResizeFilter Rows SampledImages Sampler SamplingConfig Schedule
        ScheduleConfig Sometimes SplitStage Stage StagedMethod Step TRANSFORMER_OPTIMIZERS
        TrainingData TrainingRun TransformerReIDConfig TripletDistance TwoStream TwoStreamNeck
        TwoStreamRecipe Updates View VisionTransformer VisionTransformerConfig
        WarmCosineConfig WeightsKind adversarial_loss augment batch_hard_triplet
        build_backbone cross_batch_hard_triplet discrimination_loss embed embed_with_flip
        euclidean_distances from_signed generalized_mean gray_value identity_loss initialize_gan
        load_pretrained named_backbone prediction_divergence recompute recompute_blocks
        reconstruction_loss running_statistics_kept sampler_of to_signed weighted_gaps
        weighted_regularized_triplet
        AlexNetPath SharedTop TopOutput TwoPath TwoPathNormalization TwoPathRecipe
        build_two_path random_crop resized
    """,
    "bench_core.datasets": """
        ArrayRows Convention Dataset DatasetReader Degrade EvaluationProtocol ExportPlan ImportPlan
        ImportSource ListedImage PlacedFile Splits Trial check_images_exist check_same_people
        is_imported is_synthetic list_people load_matlab_variable people_by_label
        read_identity_list read_image_list
    """,
    "bench_core.rerankers": """
        ImageDistances KReciprocalOptions Reranker RerankerConfig RerankerInput SearchedImages
        feature_distances k_reciprocal_distances
    """,
    "bench_core.synthetic": """
        BACK Camera FRONT Lamp Layout Light Mount People PlannedPerson PresenceGroup Randomness
        SMALL_SCALES Sizes THERMAL apportion count_people direction_to generate matlab_file
        plan_groups
    """,
    "bench_core.dropin": "Record eval_llcm eval_regdb eval_sysu",
    "bench_core.testing": """
        Check MethodBuilder RecordedUpdates StopTrainingError Update WatchedUpdates batch_of
        build_updates describe_training enter_stage method_checks note_steps random_batch
        random_data record_step registration_checks reranker_checks stage_of take_step training_run
        watch_step
    """,
}
"""What each door offers. A name that goes or comes is a change for everyone who writes a plugin."""


def public_names(door: str) -> set[str]:
    """Return the names that a door offers; modules below it are none of them."""
    return {
        name
        for name, value in vars(importlib.import_module(door)).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    } - {"Any", "TYPE_CHECKING"}


NAMES = [(door, name) for door in DOORS for name in sorted(public_names(door))]


def imported_after(code: str) -> set[str]:
    """Run code in a fresh interpreter and return which heavy libraries it loaded."""
    script = f"import sys; sys.path[:0] = {sys.path!r}\n{code}\nprint(*sys.modules, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    return set(HEAVY) & set(done.stdout.split())


@pytest.mark.parametrize("door", DOORS)
def test_a_door_offers_what_is_listed_here(door: str) -> None:
    assert sorted(public_names(door)) == sorted(DOORS[door].split())


@pytest.mark.parametrize("door", DOORS)
def test_type_checkers_see_what_a_door_offers(door: str) -> None:
    """By `import name as name`, which is how a module says that it offers what it imports."""
    tree = ast.parse(Path(str(importlib.import_module(door).__file__)).read_text())
    offered = [
        alias.asname
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    assert sorted(filter(None, offered)) == sorted(public_names(door))


def test_a_name_is_looked_for_behind_every_door() -> None:
    assert sorted(doors.DOORS) == sorted(DOORS)


def test_no_name_is_offered_twice() -> None:
    names = [name for _, name in NAMES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("door", "name"), NAMES)
def test_every_public_class_and_function_is_documented(door: str, name: str) -> None:
    value = getattr(importlib.import_module(door), name)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert (value.__doc__ or "").strip()
        assert not (value.__doc__ or "").startswith(f"{name}(")  # what a dataclass writes itself


def test_the_record_of_a_run_is_loaded_when_it_is_asked_for() -> None:
    assert bench_core.ResultRecord.__name__ == "ResultRecord"
    assert imported_after("from bench_core import ResultRecord") == {"pydantic"}


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'bench_core' has no attribute 'Methud'"):
        bench_core.Methud  # noqa: B018


def test_what_a_plugin_registers_needs_no_heavy_library() -> None:
    assert (
        imported_after(f"from bench_core import {', '.join(public_names('bench_core'))}") == set()
    )


@pytest.mark.slow
def test_the_door_for_tests_does_without_pytest() -> None:
    script = f"import sys; sys.path[:0] = {sys.path!r}; import bench_core.testing"
    checked = f"{script}; sys.exit('pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", checked], check=False).returncode == 0


@pytest.mark.slow
def test_who_writes_a_method_gets_what_it_needs() -> None:
    """Shows that the test above could fail."""
    assert {"torch", "pydantic"} <= imported_after("from bench_core.methods import StagedMethod")
