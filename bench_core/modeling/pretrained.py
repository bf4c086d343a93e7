"""What a backbone starts from: ImageNet weights, a file, or nothing."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol
from urllib.error import URLError

import torch

from bench_core.contracts.errors import CheckpointError, UsageError
from bench_core.modeling.weights_files import fit_tensors, open_weights_file
from bench_core.system.files import hash_file


@dataclass(frozen=True)
class PretrainedWeights:
    """The weights that the backbones of a training start from.

    Attributes:
        kind: "imagenet" (through torchvision), "file" or "none" (random).
        path: The file of kind "file", or a folder with a file for each training split.
    """

    kind: Literal["imagenet", "none", "file"]
    path: Path | None = None

    @property
    def label(self) -> str:
        """What a result records: "imagenet", "none", or "sha256:..." of the file.

        Raises:
            CheckpointError: The file cannot be read.
        """
        if self.path is None:
            return self.kind
        try:
            return f"sha256:{hash_file(self.path)}"
        except OSError as error:
            raise CheckpointError(f"--weights {self.path}: {error.strerror or error}") from error

    def of_split(self, split: str) -> PretrainedWeights:
        """Return the weights that the training of a split starts from.

        Raises:
            UsageError: A folder was given, and it has no file of this split.
        """
        if self.path is None or not self.path.is_dir():
            return self
        for suffix in (".safetensors", ".pth", ".t"):
            file = self.path / f"{split}{suffix}"
            if file.is_file():
                return PretrainedWeights("file", file)
        raise UsageError(
            f"--weights {self.path}: the folder has neither {split}.safetensors nor {split}.pth "
            f"nor {split}.t; "
            "it needs a file for each training split"
        )


class TorchvisionWeights(Protocol):
    """A member of one of torchvision's weight enumerations."""

    url: str

    def get_state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """Download the weights, or read them from torch's cache."""
        ...


def parse_weights(option: str) -> PretrainedWeights:
    """Read the value of `--weights`.

    Raises:
        UsageError: It is neither "imagenet", "none" nor an existing file or folder.
    """
    if option == "imagenet":
        return PretrainedWeights("imagenet")
    if option == "none":
        return PretrainedWeights("none")
    if option == "file":
        raise UsageError("--set weights=file: name the file with --weights FILE instead")
    if not (Path(option).is_file() or Path(option).is_dir()):
        raise UsageError(
            f"--weights {option}: no such file; give 'imagenet', 'none', a .safetensors or .pth "
            "file, or a folder with one for each training split"
        )
    return PretrainedWeights("file", Path(option))


def read_state(
    weights: PretrainedWeights, imagenet: TorchvisionWeights | None
) -> dict[str, torch.Tensor]:
    """Read pretrained weights as a state dictionary.

    Args:
        weights: Which weights; kind "none" has none to read.
        imagenet: Torchvision's weights of this backbone, if there are any.

    Raises:
        UsageError: The backbone has no ImageNet weights.
        CheckpointError: The weights cannot be downloaded or the file cannot be read.
    """
    if weights.path is not None:
        return read_weights_file(weights.path, "--weights")
    if imagenet is None:
        raise UsageError("--weights imagenet: this backbone has none; use --weights none or a file")
    return _download(imagenet.get_state_dict, imagenet.url)


def _download(get_state: Callable[..., Any], url: str) -> dict[str, torch.Tensor]:
    target = Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]
    try:
        # torch announces a download on standard output, which belongs to results.
        with contextlib.redirect_stdout(sys.stderr):
            state: dict[str, torch.Tensor] = get_state(progress=True, check_hash=True)
    except (URLError, OSError, RuntimeError) as error:
        reason = getattr(error, "reason", None) or error
        raise CheckpointError(
            f"cannot download the ImageNet weights ({reason}); fetch {url} on another machine "
            f"and put it at {target}, or use --weights FILE or --weights none"
        ) from None
    return state


def read_weights_file(path: Path, option: str) -> dict[str, torch.Tensor]:
    """Read the tensors of a .safetensors, .pth or .t file; see `open_weights_file`.

    Args:
        path: The file.
        option: The option that names it, for the message.

    Raises:
        CheckpointError: It cannot be read, or holds no dictionary of tensors.
    """
    return dict(open_weights_file(path, option).tensors)


def state_difference(
    expected: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor]
) -> str | None:
    """Say on one line how a state dictionary differs from the one that a module needs.

    Args:
        expected: The state of the module.
        found: The state to load.

    Returns:
        At most five names of each kind of difference; None where the state fits.
    """
    return fit_tensors(expected, found).difference
