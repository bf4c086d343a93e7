"""Selection on validation people: of the last stage's epochs, the best networks are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

MOST_VALIDATIONS = 20
"""A training is validated at most this often: extraction may cost as much as an epoch."""


@dataclass(frozen=True, eq=False)
class Selected:
    """The best networks of a training so far.

    Attributes:
        epoch: Epoch of the last stage after which they were validated, from 1.
        score: Their score, such as mAP in [0, 1].
        state: Their state, on the CPU; no later step changes it.
    """

    epoch: int
    score: float
    state: Mapping[str, torch.Tensor]


def is_validated(epoch: int, num_epochs: int) -> bool:
    """Return whether a training is validated after an epoch of its last stage.

    It is after the last epoch and after every n-th, n being the least number that makes no more
    than `MOST_VALIDATIONS` of them.

    Args:
        epoch: From 1.
        num_epochs: Epochs of the stage.

    Examples:
        >>> [epoch for epoch in range(1, 51) if is_validated(epoch, 50)][-3:]
        [45, 48, 50]
    """
    interval = -(-num_epochs // MOST_VALIDATIONS)
    return epoch == num_epochs or epoch % interval == 0


class Selector:
    """Scores networks as they are trained, and remembers the best.

    Attributes:
        selected: The best so far; of equal scores, the earliest.
    """

    def __init__(
        self, networks: nn.Module, validate: Callable[[], float], selected: Selected | None
    ) -> None:
        self._networks = networks
        self._validate = validate
        self.selected = selected

    def validate(self, epoch: int) -> float:
        """Score the networks as they are after an epoch (from 1) of the last stage."""
        score = self._validate()
        if self.selected is None or score > self.selected.score:
            state = self._networks.state_dict()
            copies = {name: tensor.detach().cpu().clone() for name, tensor in state.items()}
            self.selected = Selected(epoch, score, copies)
        return score

    def restore(self) -> None:
        """Give the networks the best state; without one they stay as they are."""
        if self.selected is not None:
            self._networks.load_state_dict(self.selected.state)
