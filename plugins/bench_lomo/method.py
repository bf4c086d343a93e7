"""LOMO as a method: the descriptor, compared as it is or by a metric learned on it."""

from __future__ import annotations

from bench_core.methods import Descriptor, DescriptorMethod, LearnerConfig
from bench_lomo.config import LOMOConfig
from bench_lomo.descriptor import LOMODescriptor


class LOMO(DescriptorMethod[LOMOConfig]):
    """Local maximal occurrence of colours and textures, of both modalities alike."""

    def build_descriptor(self) -> Descriptor:
        """Return the descriptor."""
        return LOMODescriptor(self.config)

    def learner(self) -> LearnerConfig | None:
        """Return what learns the metric, if anything does."""
        learners = {"xqda": self.config.xqda, "cdfe": self.config.cdfe}
        return learners.get(self.config.learner)
