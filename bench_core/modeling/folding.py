"""Batch normalisation folded into the convolution before it: the same function with less work."""

from __future__ import annotations

from itertools import pairwise

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights
from torchvision.models.densenet import _DenseLayer
from torchvision.models.resnet import BasicBlock, Bottleneck

IN_ORDER = (nn.Sequential, BasicBlock, Bottleneck, _DenseLayer)
"""Modules that call a convolution's successor among their children right after it."""


def fold_batch_norms(network: nn.Module) -> int:
    """Fold batch normalisations in evaluation mode into the convolutions before them, in place.

    With running statistics mu and s^2, y = g (w x + b - mu) / sqrt(s^2 + eps) + h is again a
    convolution. What is folded is what follows a `Conv2d` among the children of a module that is
    known to call them in order; the normalisation then returns its input.

    Args:
        network: In evaluation mode; it can be trained no more.

    Returns:
        How many were folded.
    """
    folded: set[nn.Module] = set()
    for module in network.modules():
        if isinstance(module, IN_ORDER):
            for first, second in pairwise(module.children()):
                if (
                    type(first) is nn.Conv2d  # a subclass may compute something else
                    and type(second) is nn.BatchNorm2d
                    and second.running_mean is not None
                    and not second.training
                    and first not in folded
                ):
                    _fold(first, second)
                    folded.add(first)
    return len(folded)


def _fold(convolution: nn.Conv2d, normalization: nn.BatchNorm2d) -> None:
    convolution.weight, convolution.bias = fuse_conv_bn_weights(
        convolution.weight,
        convolution.bias,
        normalization.running_mean,  # type: ignore[arg-type]
        normalization.running_var,  # type: ignore[arg-type]
        normalization.eps,
        normalization.weight,
        normalization.bias,
    )
    # In place of the module, since it may be a child of other modules, too.
    normalization.forward = nn.Identity().forward  # type: ignore[method-assign]
