"""What a backbone starts from: ImageNet weights, a file, or nothing."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol
from urllib.error import URLError

import torch
from safetensors.torch import load_file

from bench_core.contracts.errors import CheckpointError, UsageError
from bench_core.files import hash_file


@dataclass(frozen=True)
class PretrainedWeights:
    """The weights that the backbones of a training start from.

    Attributes:
        kind: "imagenet" (through torchvision), "file" or "none" (random).
        path: The file of kind "file".
    """

    kind: Literal["imagenet", "none", "file"]
    path: Path | None = None

    @property
    def label(self) -> str:
        """What a result records: "imagenet", "none", or "sha256:..." of the file."""
        return self.kind if self.path is None else f"sha256:{hash_file(self.path)}"


class TorchvisionWeights(Protocol):
    """A member of one of torchvision's weight enumerations."""

    url: str

    def get_state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """Download the weights, or read them from torch's cache."""
        ...


def parse_weights(option: str) -> PretrainedWeights:
    """Read the value of `--weights`.

    Raises:
        UsageError: It is neither "imagenet", "none" nor an existing file.
    """
    if option == "imagenet":
        return PretrainedWeights("imagenet")
    if option == "none":
        return PretrainedWeights("none")
    if option == "file":
        raise UsageError("--set weights=file: name the file with --weights FILE instead")
    if not Path(option).is_file():
        raise UsageError(
            f"--weights {option}: no such file; give 'imagenet', 'none' or a .safetensors or "
            ".pth file"
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
    """Read a state dictionary from a .safetensors or .pth file; no code in it is run.

    Args:
        path: The file.
        option: The option that names it, for the message.

    Raises:
        CheckpointError: It cannot be read, or holds anything but tensors.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with warnings.catch_warnings(action="ignore"):  # about pickles, which are refused anyway
            # weights_only: a restricted reader that runs no code from the file.
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001  # the reader of .pth raises anything for damaged ones
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"{option} {path}: cannot be read ({reason})") from None
    if not isinstance(state, dict) or not all(isinstance(v, torch.Tensor) for v in state.values()):
        raise CheckpointError(f"{option} {path}: expected a dictionary of tensors")
    return state
