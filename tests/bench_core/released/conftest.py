"""A released model of AGW's form, its file and its declaration."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
import torch
from torch import nn

Declare: TypeAlias = Callable[..., Path]

AGW = (Path(__file__).parents[2] / "released_model" / "agw.toml").read_text()


@pytest.fixture
def declare_model(released_model: Path) -> Declare:
    """Write a declaration beside the code; return its path."""

    def write(text: str = AGW, name: str = "theirs") -> Path:
        path = released_model / f"{name}.toml"
        path.write_text(f'name = "{name}"\ntitle = "Theirs"\n{text}')
        return path

    return write


@pytest.fixture
def their_network(released_model: Path, monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    """The network as its author has it, in evaluation mode, with statistics unlike the first."""
    monkeypatch.syspath_prepend(released_model)
    import model  # type: ignore[import-not-found]

    torch.manual_seed(3)
    network: nn.Module = model.embed_net(class_num=5)
    network.train()
    network(torch.rand(8, 3, 32, 16), torch.rand(8, 3, 32, 16))
    assert "model" in sys.modules
    return network.eval()


@pytest.fixture
def their_file(released_model: Path, their_network: nn.Module) -> Path:
    """What its author published: a file as AGW's train.py writes it."""
    content: dict[str, Any] = {
        "net": their_network.state_dict(),
        "cmc": np.zeros(20, np.float32),
        "mAP": np.float64(0.5),
        "mINP": np.float64(0.4),
        "epoch": 60,
    }
    path = released_model / "sysu_agw_best.t"
    torch.save(content, path)
    return path
