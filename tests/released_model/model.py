"""Somebody's repository, small: modules named, called and answering as AGW's are."""

import importlib
from urllib.error import URLError

import torch
from resnet import block
from torch import nn


class visible_module(nn.Module):  # noqa: N801  # the field's spelling
    def __init__(self) -> None:
        super().__init__()
        self.visible = block(3, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.visible(x)


class thermal_module(nn.Module):  # noqa: N801
    def __init__(self) -> None:
        super().__init__()
        self.thermal = block(3, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.thermal(x)


class base_resnet(nn.Module):  # noqa: N801
    def __init__(self) -> None:
        super().__init__()
        self.base = nn.Sequential(block(8, 16), block(16, 32))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.base(x)


class embed_net(nn.Module):  # noqa: N801
    def __init__(self, class_num: int, no_local: str = "on", gm_pool: str = "on") -> None:
        super().__init__()
        self.thermal_module = thermal_module()
        self.visible_module = visible_module()
        self.base_resnet = base_resnet()
        self.bottleneck = nn.BatchNorm1d(32)
        self.classifier = nn.Linear(32, class_num, bias=False)

    def forward(
        self, x1: torch.Tensor, x2: torch.Tensor, modal: int = 0
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if modal == 0:
            x = torch.cat((self.visible_module(x1), self.thermal_module(x2)))
        elif modal == 1:
            x = self.visible_module(x1)
        elif modal == 2:
            x = self.thermal_module(x2)
        pooled = self.base_resnet(x).clamp(min=1e-6).pow(3).mean((2, 3)).pow(1 / 3)
        feat = self.bottleneck(pooled)
        if self.training:
            return pooled, self.classifier(feat)
        return nn.functional.normalize(pooled), nn.functional.normalize(feat)


class LooksAround(nn.Module):
    """Features that depend on the other images of the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        means = images.mean(3).flatten(1) * self.scale
        return means - means.mean(0)


class Mapped(nn.Module):
    """A network with a classifier at the end, and feature maps on request."""

    def __init__(self, *, answer: str = "feature") -> None:
        super().__init__()
        self.answer = answer
        self.body = block(3, 4)
        self.fc = nn.Linear(4, 7)

    def forward(self, images: torch.Tensor) -> object:
        maps = self.body(images)
        answers = {"feature": self.fc(maps.mean((2, 3))), "maps": maps, "text": "nothing"}
        return {"answer": answers[self.answer]}


def refuses() -> nn.Module:
    raise RuntimeError("needs a card")


def fetches() -> nn.Module:
    raise URLError("Name or service not known")


def needs_more() -> nn.Module:
    return importlib.import_module("nowhere_at_all").build()  # type: ignore[no-any-return]


def makes_nothing() -> None:
    pass
