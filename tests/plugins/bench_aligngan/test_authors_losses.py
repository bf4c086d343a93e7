"""A joint step of `official-code` against the authors' totals, written out once more by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch.nn.functional import cosine_similarity, cross_entropy

from bench_aligngan.method import AlignGAN
from bench_core.methods import Batch, to_signed
from bench_core.testing import watch_step

Make = Callable[..., AlignGAN]

K = 2
"""Images of an identity in the batch."""


def square(scores: torch.Tensor, target: float) -> torch.Tensor:
    return ((scores - target) ** 2).mean()


def absolute(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    return (first - second).abs().mean()


def hardest(anchors: torch.Tensor, others: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Margin 1 between the least similar positive and the most similar negative."""
    alike = cosine_similarity(anchors[:, None], others[None], dim=2)
    same = labels[:, None] == labels
    positive = torch.where(same, alike, torch.inf).min(1).values
    negative = torch.where(same, -torch.inf, alike).max(1).values
    return (1 - positive + negative).clamp(min=0).mean()


class Authors:
    """What the authors' code would minimise, from the networks as they are at each update."""

    def __init__(self, method: AlignGAN, batch: Batch) -> None:
        self.networks = method.networks
        self.rgb, self.ir = to_signed(batch.visible), to_signed(batch.infrared)
        self.labels = batch.labels
        self.totals: list[float] = []

    @torch.no_grad()
    def look(self, optimizer: str) -> None:
        totals = {"features": self.features, "pixels": self.pixels, "discriminators": self.judges}
        self.totals.append(totals[optimizer]().item())

    def embed(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        maps = self.networks["encoder"](images)
        vectors = maps.mean((2, 3))
        return maps, self.networks["classifier"](vectors), self.networks["embedder"](vectors)

    def triplets(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return hardest(first, second, self.labels) + hardest(second, first, self.labels)

    def features(self) -> torch.Tensor:
        fake = self.networks["generator_to_infrared"](self.rgb)
        self.fake_maps, fake_logits, fake_embeddings = self.embed(fake)
        self.maps, logits, embeddings = self.embed(self.ir)
        classes = cross_entropy(fake_logits, self.labels) + cross_entropy(logits, self.labels)
        game = square(self.networks["discriminator_joint"](self.ir, self.fake_maps), 1)
        return classes + self.triplets(fake_embeddings, embeddings) + 0.1 * game

    def pixels(self) -> torch.Tensor:
        forth, back = (self.networks[f"generator_to_{to}"] for to in ("infrared", "visible"))
        self.fake_ir, self.fake_rgb = forth(self.rgb), back(self.ir)
        game = square(self.networks["discriminator_visible"](self.fake_rgb), 1)
        game = game + square(self.networks["discriminator_joint"](self.fake_ir, self.maps), 1)
        cycle = absolute(back(self.fake_ir), self.rgb) + absolute(forth(self.fake_rgb), self.ir)
        same = absolute(back(self.rgb), self.rgb) + absolute(forth(self.ir), self.ir)
        _, logits, embeddings = self.embed(self.fake_ir)
        _, _, real_embeddings = self.embed(self.ir)
        task = self.triplets(embeddings, real_embeddings) + cross_entropy(logits, self.labels)
        return game / 2 + 10 * cycle / 2 + 5 * same / 2 + 0.1 * task

    def judges(self) -> torch.Tensor:
        judge, joint = (self.networks[f"discriminator_{of}"] for of in ("visible", "joint"))
        visible = square(judge(self.rgb), 1) + square(judge(self.fake_rgb), 0)
        wrong = torch.cat([self.ir[K:], self.ir[:K]])
        fakes = [
            (wrong, self.maps),
            (self.ir, self.fake_maps),
            (self.fake_ir, self.maps),
            (self.fake_ir, self.fake_maps),
        ]
        fake = sum(square(joint(*pair), 0) for pair in fakes) / 4
        return visible / 2 + (square(joint(self.ir, self.maps), 1) + fake) / 2


def test_the_totals_of_f_p_and_d_are_the_authors(make: Make, batch: Batch) -> None:
    method = make("full", "classifier_dropout=0", preset="official-code")
    authors = Authors(method, batch)
    _, updates = watch_step(method, "joint", batch, before=authors.look)
    assert [update.total for update in updates] == pytest.approx(authors.totals, rel=1e-4)


def test_in_the_warm_up_classification_counts_once(make: Make, batch: Batch) -> None:
    method = make("full", "classifier_dropout=0", preset="official-code")
    authors = Authors(method, batch)

    @torch.no_grad()
    def look(_optimizer: str) -> None:
        _, logits, embeddings = authors.embed(authors.ir)
        loss = cross_entropy(logits, batch.labels) + hardest(embeddings, embeddings, batch.labels)
        authors.totals.append(loss.item())

    _, updates = watch_step(method, "feature-warm-up", batch, before=look)
    assert [update.total for update in updates] == pytest.approx(authors.totals, rel=1e-4)
