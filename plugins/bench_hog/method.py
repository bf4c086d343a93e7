"""HOG as a method: the descriptor, compared as it is or by a metric learned on it."""

from __future__ import annotations

from bench_core.methods import Descriptor, DescriptorMethod, LearnerConfig
from bench_hog.config import HOGConfig
from bench_hog.descriptor import HOGDescriptor


class HOG(DescriptorMethod[HOGConfig]):
    """Histograms of oriented gradients of both modalities alike."""

    def build_descriptor(self) -> Descriptor:
        """Return the descriptor."""
        return HOGDescriptor(self.config)

    def learner(self) -> LearnerConfig | None:
        """Return what learns the metric, if anything does."""
        learners = {"kissme": self.config.kissme, "lfda": self.config.lfda}
        return learners.get(self.config.learner)
