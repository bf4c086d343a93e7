"""What of a weights file fits a method, before anything is trained or extracted."""

from __future__ import annotations

from bench_core.configuration import MethodChoice
from bench_core.contracts.errors import UsageError
from bench_core.modeling.backbones import Backbone
from bench_core.modeling.named_backbones import NamedBackbone
from bench_core.modeling.two_stream import TwoStream
from bench_core.modeling.weights_files import Fit, WeightsFile
from bench_core.pipeline.costs import NUM_IDENTITIES
from bench_core.pipeline.methods import build_method
from bench_core.released.method import ReleasedMethod


def fits_of(choice: MethodChoice, file: WeightsFile) -> dict[str, Fit]:
    """Hold a weights file against each network of a method that would load it.

    Args:
        choice: The method. Of a released model that is its network, of others each backbone.
        file: The file, read.

    Returns:
        How it fits, by the name of the network.

    Raises:
        UsageError: The method loads no weights files.
    """
    method = build_method(choice, NUM_IDENTITIES)
    if isinstance(method, ReleasedMethod):
        return {method.config.network: method.fit(file)}
    fits = {
        name: module.fit(file.tensors)
        for name, module in method.networks.named_modules()
        if isinstance(module, Backbone | TwoStream | NamedBackbone)
    }
    if not fits:
        raise UsageError(f"{choice.name} has no backbone that a weights file is loaded into")
    return fits
