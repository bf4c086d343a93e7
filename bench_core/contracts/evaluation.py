"""What `bench eval --json` prints: scores, and what they are the scores of."""

# Annotations are evaluated when the classes are made, so this module does not postpone them.

from bench_core.contracts.reranked import RerankerSettings
from bench_core.contracts.result import Lines, Name
from bench_core.contracts.scores import PositiveCount, Scores


class EvaluationDocument(Scores):
    """The scores of features under a protocol, as `bench eval --json` prints them.

    Attributes:
        protocol: Id of the protocol.
        convention: How the galleries were drawn.
        metric: Distance by which images were compared, "euclidean" or "cosine".
        rerank: Whether the distances were re-ranked.
        reranker: By what they were re-ranked; None where they were not.
        trial: The only trial that was scored, from 1; left out where all were.
        assumptions: What was taken on trust because nothing at hand could show it.
        findings: How the dataset differs from the published one.
    """

    protocol: Name
    convention: Name
    metric: Name
    rerank: bool
    reranker: RerankerSettings | None = None
    trial: PositiveCount | None = None
    assumptions: Lines = ()
    findings: Lines = ()
