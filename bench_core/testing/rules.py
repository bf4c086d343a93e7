"""What a method must hold to: rules in the order of what they build on, with what mends each."""

from __future__ import annotations

from dataclasses import dataclass

BUILT = "the-networks-can-be-built"
SHAPE, TRAINING = "features-have-the-contracted-shape", "training-runs-with-finite-losses"
REPEATED = "features-are-deterministic"


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        name: What it demands, in words with hyphens.
        part: The method's attribute that it is about; "config" for the configuration.
        mend: What to do where a method breaks it.
        needs: Names of the rules without which it tells nothing.
    """

    name: str
    part: str
    mend: str
    needs: tuple[str, ...]


def _rule(name: str, part: str, mend: str, *needs: str) -> Rule:
    return Rule(name, part, mend, needs)


RULES = (
    _rule(
        "unknown-keys-are-refused",
        "config",
        "Derive the configuration from bench_core.methods.MethodConfig or ReIDConfig, and set "
        "no model_config of your own.",
    ),
    _rule(
        "the-configuration-round-trips",
        "config",
        "A validator or serialiser changes what it is given. Results store the configuration "
        "as JSON, and a training is known by it: what is read back must be what was written.",
    ),
    _rule(
        BUILT,
        "__init__",
        "The line says why. A method is made by its class called with the configuration and "
        "num_identities=..., and keeps its networks in self.networks.",
    ),
    _rule(
        SHAPE,
        "extract",
        "Return a float tensor (batch, views, dimensions) for either modality, such as "
        "features[:, None], with finite values.",
        BUILT,
    ),
    _rule(
        REPEATED,
        "extract",
        "Draw no random numbers in extract, and keep nothing from one call to the next; "
        "dropout has no place in evaluation mode.",
        SHAPE,
    ),
    _rule(
        "features-are-independent-of-the-batch",
        "extract",
        "Embed each image by itself: no statistics of the batch, no attention across it.",
        REPEATED,
    ),
    _rule(
        "features-are-independent-of-the-order",
        "extract",
        "Embed each image by itself: neither its place in the batch nor its neighbours count.",
        REPEATED,
    ),
    _rule(
        "images-are-left-unchanged",
        "extract",
        "Use operations that make new tensors, such as images * 2, and none that end in _.",
        SHAPE,
    ),
    _rule(
        "the-cost-can-be-counted",
        "extract",
        "Compute features with torch, by modules that are in self.networks; what NumPy or "
        "another library computes is not seen. A descriptor that has no parameters says so with "
        "handcrafted = True.",
        SHAPE,
    ),
    _rule(
        TRAINING,
        "step",
        "The line says why. Where a loss is not finite, the rates are too high, or there is "
        "a logarithm or root of zero or a division by zero.",
        BUILT,
    ),
    _rule(
        "the-loss-falls-on-one-batch",
        "step",
        "Minimise what the step returns, with every network in an optimiser, at a rate above "
        "zero and not far too high.",
        TRAINING,
    ),
    _rule(
        "training-changes-the-networks",
        "train",
        "Call updates.minimize in the step, and put what learns into self.networks; a method that "
        "trains nothing says so with extract_only = True, and one of which some variants learn "
        "nothing with a property learns_nothing.",
        TRAINING,
    ),
    _rule(
        "the-same-seed-gives-the-same-bits",
        "step",
        "Draw random numbers from torch inside the step, and keep no state outside networks.",
        TRAINING,
    ),
    _rule(
        "a-resumed-training-is-the-same",
        "step",
        "Keep no state outside networks and optimisers: a counter or an average of your own "
        "belongs into a buffer of a module in self.networks.",
        TRAINING,
    ),
    _rule(
        "a-saved-model-gives-the-same-features",
        "extract",
        "Put every module and tensor that extract needs into self.networks.",
        REPEATED,
    ),
    _rule(
        "features-come-from-images-and-weights-alone",
        "extract",
        "extract must use nothing that training left behind but the networks: no labels, "
        "centres or memories in attributes or globals. What it needs is a buffer of a network.",
        REPEATED,
        TRAINING,
    ),
    _rule("pictures-are-images", "pictures", "See 'Pictures' in docs/plugins.md.", BUILT),
    _rule(
        "the-network-is-not-used",
        "train",
        "A run must work where there is no network, and give the same later. Weights come by "
        "--weights, data by a dataset's plugin.",
    ),
    _rule(
        "no-file-is-written-elsewhere",
        "train",
        "Write below run.folder, which train is given, or into a folder of tempfile.",
    ),
)
