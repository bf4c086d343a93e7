"""The image level T_I: what is translated, its losses, and how far their gradients reach."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from bench_core.methods import Batch
from bench_core.testing import watch_step
from bench_d2rl.losses import code_divergence
from bench_d2rl.method import D2RL
from bench_d2rl.translation import Translated, Translation, resized, with_noise

Make = Callable[..., D2RL]

TRANSLATOR = {
    "encoder_visible",
    "encoder_infrared",
    "shared_encoder",
    "shared_decoder",
    "decoder_visible",
    "decoder_infrared",
}
DISCRIMINATORS = {"discriminator_visible", "discriminator_infrared"}


@pytest.fixture
def translation(make: Make) -> Translation:
    return make()._translation


def absolute(made: torch.Tensor, wanted: torch.Tensor) -> float:
    pairs = zip(made.flatten().tolist(), wanted.flatten().tolist(), strict=True)
    return sum(abs(one - other) for one, other in pairs) / made.numel()


def square(values: torch.Tensor, wanted: float = 0.0) -> float:
    return sum((value - wanted) ** 2 for value in values.flatten().tolist()) / values.numel()


def test_the_divergence_is_the_mean_square_of_the_codes() -> None:
    codes = torch.tensor([[1.0, -2.0], [0.0, 3.0]])
    assert code_divergence(codes).item() == (1 + 4 + 0 + 9) / 4


def test_noise_has_unit_variance_about_the_code() -> None:
    torch.manual_seed(0)
    codes = torch.full((200, 100), 3.0)
    drawn = with_noise(codes)
    assert drawn.mean().item() == pytest.approx(3, abs=0.03)
    assert drawn.std().item() == pytest.approx(1, abs=0.03)


def test_halving_an_image_averages_its_pixels() -> None:
    images = torch.rand(1, 3, 4, 6)
    expected = images.unflatten(3, (3, 2)).mean(4).unflatten(2, (2, 2)).mean(3)
    torch.testing.assert_close(resized(images, (2, 3)), expected)
    assert resized(images, (4, 6)) is images


def test_images_are_prepared_at_the_translators_size(
    translation: Translation, batch: Batch
) -> None:
    visible = translation.prepared(batch.visible, "visible")
    assert visible.shape == (6, 3, 16, 16)
    torch.testing.assert_close(visible, 2 * resized(batch.visible, (16, 16)) - 1)
    infrared = translation.prepared(batch.infrared, "infrared")
    torch.testing.assert_close(infrared, 2 * resized(batch.infrared[:, :1], (16, 16)) - 1)


def test_what_is_made_of_a_batch(
    translation: Translation, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its noise: codes, reconstructions, translations, and these there and back."""
    monkeypatch.setattr("bench_d2rl.translation.with_noise", lambda codes: codes)
    net: Any = translation.translator
    made = translation.translate(batch.visible, batch.infrared)
    for own, other in (("visible", "infrared"), ("infrared", "visible")):
        of: Any = {name: getattr(made, name)[own] for name in Translated._fields}

        def code(images: torch.Tensor, modality: str) -> torch.Tensor:
            codes: torch.Tensor = net.shared_encoder(net[f"encoder_{modality}"](images))
            return codes

        def image(codes: torch.Tensor, modality: str) -> torch.Tensor:
            images: torch.Tensor = net[f"decoder_{modality}"](net.shared_decoder(codes))
            return images

        torch.testing.assert_close(of["codes"], code(of["real"], own))
        torch.testing.assert_close(of["reconstructed"], image(of["codes"], own))
        torch.testing.assert_close(of["fake"], image(of["codes"], other))
        torch.testing.assert_close(of["fake_codes"], code(of["fake"], other))
        torch.testing.assert_close(of["cycled"], image(of["fake_codes"], own))
    assert made.fake["visible"].shape == (6, 1, 16, 16)
    assert made.fake["infrared"].shape == (6, 3, 16, 16)


def test_each_loss_of_the_translator_is_its_sum_over_both_modalities(
    translation: Translation, batch: Batch
) -> None:
    images = translation.translate(batch.visible, batch.infrared)
    losses = {name: loss.item() for name, loss in translation.translator_losses(images).items()}
    expected = dict.fromkeys(losses, 0.0)
    for own, other in (("visible", "infrared"), ("infrared", "visible")):
        real: Any = images.real[own]  # type: ignore[index]
        expected["reconstruction"] += absolute(images.reconstructed[own], real)  # type: ignore[index]
        expected["cycle"] += absolute(images.cycled[own], real)  # type: ignore[index]
        expected["divergence"] += square(images.codes[own])  # type: ignore[index]
        expected["cycle-divergence"] += square(images.fake_codes[own])  # type: ignore[index]
        fake: Any = images.fake[own]  # type: ignore[index]
        (scores,) = translation.discriminators[f"discriminator_{other}"](fake.expand(-1, 3, -1, -1))
        expected["adversarial"] += square(scores, 1.0)
    assert losses == pytest.approx(expected, rel=1e-4)


def test_discriminators_tell_real_from_fake_of_their_own_modality(
    translation: Translation, batch: Batch
) -> None:
    images = translation.translate(batch.visible, batch.infrared)
    expected = 0.0
    for own, other in (("visible", "infrared"), ("infrared", "visible")):
        judge = translation.discriminators[f"discriminator_{own}"]
        real, fake = images.real[own], images.fake[other]  # type: ignore[index]
        expected += square(judge(real.expand(-1, 3, -1, -1))[0], 1.0)
        expected += square(judge(fake.expand(-1, 3, -1, -1))[0])
    loss = translation.discriminator_losses(images)["discriminator"]
    assert loss.item() == pytest.approx(expected, rel=1e-4)


def test_the_stage_of_the_translator_changes_nothing_of_the_feature_level(
    make: Make, batch: Batch
) -> None:
    losses, updates = watch_step(make(), "translation", batch)
    assert [(update.optimizers, update.changed, update.reached) for update in updates] == [
        (("translator",), TRANSLATOR, TRANSLATOR),
        (("discriminators",), DISCRIMINATORS, DISCRIMINATORS),
    ]
    value = {name: loss.item() for name, loss in losses.items()}
    expected = 10 * (value["reconstruction"] + value["cycle"]) + value["adversarial"]
    expected += 0.01 * (value["divergence"] + value["cycle-divergence"])
    assert updates[0].total == pytest.approx(expected, rel=1e-5)
