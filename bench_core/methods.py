"""The door for who writes a method: base classes, stages, updates, losses and networks."""

from bench_core.configuration import (
    AfterTraining as AfterTraining,
    MethodConfig as MethodConfig,
    WeightsKind as WeightsKind,
)
from bench_core.contracts.images import ResizeFilter as ResizeFilter
from bench_core.contracts.method import Metric as Metric
from bench_core.data.augmentation import (
    AugmentationConfig as AugmentationConfig,
    augment as augment,
)
from bench_core.data.sampling import Deck as Deck
from bench_core.metric_learning.embedding import LearnedMetric as LearnedMetric
from bench_core.metric_learning.learners import (
    CDFEConfig as CDFEConfig,
    KissmeConfig as KissmeConfig,
    LearnerConfig as LearnerConfig,
    LFDAConfig as LFDAConfig,
    XQDAConfig as XQDAConfig,
)
from bench_core.metric_learning.samples import LabelledFeatures as LabelledFeatures
from bench_core.modeling.adversarial import (
    AdversarialForm as AdversarialForm,
    adversarial_loss as adversarial_loss,
    discrimination_loss as discrimination_loss,
    from_signed as from_signed,
    to_signed as to_signed,
)
from bench_core.modeling.agw_network import AGWNetwork as AGWNetwork
from bench_core.modeling.alexnet import (
    AlexNetPath as AlexNetPath,
    SharedTop as SharedTop,
    TopOutput as TopOutput,
    TwoPath as TwoPath,
    build_two_path as build_two_path,
)
from bench_core.modeling.backbones import (
    Backbone as Backbone,
    BackboneName as BackboneName,
    SplitStage as SplitStage,
    build_backbone as build_backbone,
)
from bench_core.modeling.cropping import random_crop as random_crop, resized as resized
from bench_core.modeling.discriminators import (
    FeatureDiscriminator as FeatureDiscriminator,
    JointDiscriminator as JointDiscriminator,
    MultiScaleDiscriminator as MultiScaleDiscriminator,
    PatchDiscriminator as PatchDiscriminator,
)
from bench_core.modeling.flipping import FlipUse as FlipUse, embed_with_flip as embed_with_flip
from bench_core.modeling.generators import (
    ResidualBlock as ResidualBlock,
    ResidualGenerator as ResidualGenerator,
    initialize_gan as initialize_gan,
)
from bench_core.modeling.gray import gray_value as gray_value
from bench_core.modeling.losses import (
    TripletDistance as TripletDistance,
    batch_hard_triplet as batch_hard_triplet,
    cross_batch_hard_triplet as cross_batch_hard_triplet,
    euclidean_distances as euclidean_distances,
    identity_loss as identity_loss,
    prediction_divergence as prediction_divergence,
    reconstruction_loss as reconstruction_loss,
)
from bench_core.modeling.modality_classifiers import ModalityClassifiers as ModalityClassifiers
from bench_core.modeling.named_backbones import (
    NamedBackbone as NamedBackbone,
    named_backbone as named_backbone,
)
from bench_core.modeling.necks import (
    BNNeck as BNNeck,
    Embedding as Embedding,
    Neck as Neck,
    embed as embed,
)
from bench_core.modeling.non_local import (
    InnerChannels as InnerChannels,
    NonLocalBlock as NonLocalBlock,
    NonLocalTwoStream as NonLocalTwoStream,
)
from bench_core.modeling.normalization import ImageNormalization as ImageNormalization
from bench_core.modeling.pooling import generalized_mean as generalized_mean
from bench_core.modeling.pretrained import (
    PretrainedWeights as PretrainedWeights,
    load_pretrained as load_pretrained,
)
from bench_core.modeling.recomputation import (
    recompute as recompute,
    recompute_blocks as recompute_blocks,
    running_statistics_kept as running_statistics_kept,
)
from bench_core.modeling.two_stream import TwoStream as TwoStream
from bench_core.modeling.two_stream_neck import TwoStreamNeck as TwoStreamNeck
from bench_core.modeling.vision_transformer import (
    VisionTransformer as VisionTransformer,
    VisionTransformerConfig as VisionTransformerConfig,
)
from bench_core.modeling.weighted_triplet import (
    weighted_gaps as weighted_gaps,
    weighted_regularized_triplet as weighted_regularized_triplet,
)
from bench_core.training.batches import Batch as Batch
from bench_core.training.data import TrainingData as TrainingData
from bench_core.training.descriptor_method import (
    Descriptor as Descriptor,
    DescriptorMethod as DescriptorMethod,
)
from bench_core.training.epochs import Epoch as Epoch, PlainImages as PlainImages
from bench_core.training.image_steps import (
    ColorJitter as ColorJitter,
    CopyChannel as CopyChannel,
    Erase as Erase,
    Flip as Flip,
    GaussianBlur as GaussianBlur,
    Grayscale as Grayscale,
    ImageStep as ImageStep,
    InOrder as InOrder,
    Normalized as Normalized,
    OneOf as OneOf,
    PadAndCrop as PadAndCrop,
    Sometimes as Sometimes,
)
from bench_core.training.method import Method as Method, StagedMethod as StagedMethod
from bench_core.training.own_loop import (
    LoopPlan as LoopPlan,
    OwnEpoch as OwnEpoch,
    OwnLoop as OwnLoop,
)
from bench_core.training.recipes import (
    CONSTANT_RATE as CONSTANT_RATE,
    ClippingConfig as ClippingConfig,
    OptimizerConfig as OptimizerConfig,
    ParameterGroup as ParameterGroup,
    ScheduleConfig as ScheduleConfig,
)
from bench_core.training.reid import (
    OptionalNeckConfig as OptionalNeckConfig,
    ReIDConfig as ReIDConfig,
)
from bench_core.training.replacement_samplers import (
    ImageDraws as ImageDraws,
    sampler_of as sampler_of,
)
from bench_core.training.run import TrainingRun as TrainingRun
from bench_core.training.samplers import (
    ClusterSampler as ClusterSampler,
    Rows as Rows,
    SampledImages as SampledImages,
    Sampler as Sampler,
    SamplingConfig as SamplingConfig,
)
from bench_core.training.schedules import (
    CurveConfig as CurveConfig,
    Moment as Moment,
    Schedule as Schedule,
)
from bench_core.training.stages import (
    OptimizerPlan as OptimizerPlan,
    Stage as Stage,
    Step as Step,
)
from bench_core.training.transformer_reid import (
    TRANSFORMER_OPTIMIZERS as TRANSFORMER_OPTIMIZERS,
    TransformerReIDConfig as TransformerReIDConfig,
    WarmCosineConfig as WarmCosineConfig,
)
from bench_core.training.two_path_recipe import (
    TwoPathNormalization as TwoPathNormalization,
    TwoPathRecipe as TwoPathRecipe,
)
from bench_core.training.two_stream_recipe import TwoStreamRecipe as TwoStreamRecipe
from bench_core.training.updates import Losses as Losses, Updates as Updates
from bench_core.training.views import View as View
