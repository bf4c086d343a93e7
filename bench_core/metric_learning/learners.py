"""Learners of a metric, as parts of a method's configuration."""

from __future__ import annotations

from abc import abstractmethod

from pydantic import Field

from bench_core.configuration import FrozenModel
from bench_core.metric_learning.cdfe import Weights, cdfe
from bench_core.metric_learning.embedding import (
    CommonSpaceMetric,
    LearnedMetric,
    QuadraticMetric,
)
from bench_core.metric_learning.forms import QuadraticForm
from bench_core.metric_learning.kissme import kissme
from bench_core.metric_learning.lfda import lfda
from bench_core.metric_learning.principal_components import (
    PrincipalComponents,
    principal_components,
)
from bench_core.metric_learning.samples import LabelledFeatures
from bench_core.metric_learning.xqda import RIDGE, xqda


class LearnerConfig(FrozenModel):
    """What every learner has.

    Attributes:
        pca_dimensions: Principal components of the training images of both modalities that a metric
            is learned of, at most; null for the features themselves.
    """

    pca_dimensions: int | None = Field(default=None, ge=1)

    @abstractmethod
    def build(self, num_features: int) -> LearnedMetric:
        """Build the network that holds the metric of features of so many dimensions."""

    @abstractmethod
    def learn(self, metric: LearnedMetric, samples: LabelledFeatures) -> int:
        """Learn from samples, and let the network have it.

        Returns:
            Dimensions of what was learned.

        Raises:
            TrainingError: The samples do not do for it.
        """

    def most(self, num_features: int) -> int:
        """Return the dimensions that a metric is learned in, at most."""
        return min(self.pca_dimensions or num_features, num_features)

    def reduced(
        self, samples: LabelledFeatures
    ) -> tuple[LabelledFeatures, PrincipalComponents | None]:
        """Return the samples that a metric is learned of, and their components if they are such."""
        if self.pca_dimensions is None:
            return samples, None
        components = principal_components(samples.together()[0], self.pca_dimensions)
        return samples.mapped(components.axes, components.centre), components


class QuadraticLearner(LearnerConfig):
    """A learner of a quadratic form."""

    @abstractmethod
    def form(self, samples: LabelledFeatures) -> QuadraticForm:
        """Learn a form from samples, as they are; raises as `learn` does."""

    def directions(self, num_features: int) -> int:
        """Return how many directions a form of features of so many dimensions has, at most."""
        return self.most(num_features)

    def build(self, num_features: int) -> LearnedMetric:
        """Build the network that holds the metric; see `LearnerConfig.build`."""
        return QuadraticMetric(num_features, self.directions(num_features))

    def learn(self, metric: LearnedMetric, samples: LabelledFeatures) -> int:
        """Learn a form; see `LearnerConfig.learn`."""
        few, components = self.reduced(samples)
        form = self.form(few)
        if components is not None:
            form = form.before(components.axes)
        metric.learn(form, samples)
        return int(form.factor.shape[1])


class KissmeConfig(QuadraticLearner):
    """KISSME; its metric has the dimensions that it is learned of."""

    def form(self, samples: LabelledFeatures) -> QuadraticForm:
        """Learn a form; see `QuadraticLearner.form`."""
        return kissme(samples)


class LFDAConfig(QuadraticLearner):
    """LFDA.

    Attributes:
        dimensions: Of the space that is learned, at most.
        neighbours: The local scale of an image is its distance to this neighbour of its person.
    """

    dimensions: int = Field(default=100, ge=1)
    neighbours: int = Field(default=7, ge=1)

    def form(self, samples: LabelledFeatures) -> QuadraticForm:
        """Learn a form; see `QuadraticLearner.form`."""
        return lfda(samples, dimensions=self.dimensions, neighbours=self.neighbours)

    def directions(self, num_features: int) -> int:
        """Return the most directions; see `QuadraticLearner.directions`."""
        return min(self.dimensions, self.most(num_features))


class XQDAConfig(QuadraticLearner):
    """XQDA.

    Attributes:
        dimensions: Directions of the subspace, at most; those of the largest singular values, of
            which all exceed 1.
        ridge: Added to the diagonal of the covariance of pairs of one person.
    """

    dimensions: int = Field(default=512, ge=1)
    ridge: float = Field(default=RIDGE, gt=0)

    def form(self, samples: LabelledFeatures) -> QuadraticForm:
        """Learn a form; see `QuadraticLearner.form`."""
        return xqda(samples, ridge=self.ridge, dimensions=self.dimensions)

    def directions(self, num_features: int) -> int:
        """Return the most directions; see `QuadraticLearner.directions`."""
        return min(self.dimensions, self.most(num_features))

    def build(self, num_features: int) -> LearnedMetric:
        """Build the network that holds the metric; see `LearnerConfig.build`."""
        return QuadraticMetric(num_features, self.directions(num_features), indefinite=True)


class CDFEConfig(LearnerConfig):
    """CDFE.

    Attributes:
        dimensions: Of the common space, at most.
        separation: alpha, the weight of the distance between people.
        consistency: beta, the weight of the local consistency.
        neighbours: Images of its modality that an image is to stay near to.
    """

    dimensions: int = Field(default=100, ge=1)
    separation: float = Field(default=1.0, ge=0)
    consistency: float = Field(default=0.01, ge=0)
    neighbours: int = Field(default=5, ge=1)

    def build(self, num_features: int) -> LearnedMetric:
        """Build the network that holds the metric; see `LearnerConfig.build`."""
        return CommonSpaceMetric(num_features, min(self.dimensions, 2 * self.most(num_features)))

    def learn(self, metric: LearnedMetric, samples: LabelledFeatures) -> int:
        """Learn a common space; see `LearnerConfig.learn`."""
        few, components = self.reduced(samples)
        weights = Weights(
            separation=self.separation, consistency=self.consistency, neighbours=self.neighbours
        )
        space = cdfe(few, weights, dimensions=self.dimensions)
        if components is not None:
            space = space.before(components.axes, components.centre)
        metric.learn(space, samples)
        return int(space.visible.shape[1])
