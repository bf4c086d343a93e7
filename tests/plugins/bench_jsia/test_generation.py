"""How the generation module wires encoders and decoders: Eqs. 1 to 7 and 14."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from bench_core.methods import Batch, from_signed, to_signed
from bench_jsia.generation import GenerationModule, Translations
from bench_jsia.method import JSIA
from bench_jsia.pairs import Pair

Make = Callable[..., JSIA]


def close(first: torch.Tensor, second: torch.Tensor) -> bool:
    return torch.allclose(first, second, atol=1e-4)


def module_of(method: JSIA) -> GenerationModule:
    return method._generation


def real_pair(batch: Batch) -> Pair:
    return Pair(to_signed(batch.visible), to_signed(batch.infrared))


def translate(method: JSIA, batch: Batch) -> Translations:
    """Translate in evaluation mode, where E^i treats every image for itself."""
    method.networks.eval()
    real, encode = real_pair(batch), method._content.of_real
    return module_of(method).translate(real, Pair(encode(batch.visible), encode(batch.infrared)))


def test_eqs_1_and_2_encode_styles_by_modality_and_content_by_one_encoder(
    make: Make, batch: Batch
) -> None:
    method = make()
    made, networks = translate(method, batch), method.networks
    assert close(made.styles.visible, networks["style_encoder_visible"](made.real.visible))
    assert close(made.styles.infrared, networks["style_encoder_infrared"](made.real.infrared))
    backbone, normalize = networks["backbone"].split(1)[0], networks["normalization"]
    assert close(made.maps.infrared, backbone(normalize(batch.infrared)))


def test_eq_3_decodes_the_content_of_one_image_in_the_style_of_the_other(
    make: Make, batch: Batch
) -> None:
    method = make()
    made, networks = translate(method, batch), method.networks
    expected = networks["decoder_visible"](made.maps.infrared, made.styles.visible)
    assert close(made.translated.visible, expected)
    expected = networks["decoder_infrared"](made.maps.visible, made.styles.infrared)
    assert close(made.translated.infrared, expected)


def test_eq_4_decodes_an_image_from_its_own_content_and_style(make: Make, batch: Batch) -> None:
    method = make()
    made, networks = translate(method, batch), method.networks
    for modality in ("visible", "infrared"):
        expected = networks[f"decoder_{modality}"](
            getattr(made.maps, modality), getattr(made.styles, modality)
        )
        assert close(getattr(made.reconstructed, modality), expected)


@pytest.mark.parametrize("cycle_style", ["re-encoded", "original"])
def test_eq_6_translates_back_from_the_generated_images(
    cycle_style: str, make: Make, batch: Batch
) -> None:
    method = make("full", f"cycle_style={cycle_style}")
    made, networks = translate(method, batch), method.networks
    backbone, normalize = networks["backbone"].split(1)[0], networks["normalization"]
    for modality, source in (("infrared", "visible"), ("visible", "infrared")):
        content = backbone(normalize(from_signed(getattr(made.translated, source))))
        styled = made.translated if cycle_style == "re-encoded" else made.real
        style = networks[f"style_encoder_{modality}"](getattr(styled, modality))
        expected = networks[f"decoder_{modality}"](content, style)
        assert close(getattr(made.cycled, modality), expected)
        assert close(getattr(made.translated_maps, source), content)


def test_styles_of_paired_images_are_not_encoded_in_vain(make: Make, batch: Batch) -> None:
    assert translate(make("full", "cycle_style=original"), batch).translated_styles is None
    wanted = make("full", "cycle_style=original", "feature_reconstruction_weight=1")
    assert translate(wanted, batch).translated_styles is not None


def test_the_generators_losses_are_eqs_4_5_and_7(make: Make, batch: Batch) -> None:
    method = make()
    made = translate(method, batch)
    losses = module_of(method).losses(made)
    assert losses.keys() == {"reconstruction", "cycle", "adversarial"}
    for name, images in (("reconstruction", made.reconstructed), ("cycle", made.cycled)):
        errors = [(a - b).abs().mean() for a, b in zip(images, made.real, strict=True)]
        assert close(losses[name], errors[0] + errors[1])
    scores = [
        maps
        for modality in ("visible", "infrared")
        for maps in method.networks[f"discriminator_{modality}"](getattr(made.translated, modality))
    ]
    assert len(scores) == 4  # two modalities at two scales
    expected = torch.stack([(maps - 1).square().mean() for maps in scores]).sum()
    assert close(losses["adversarial"], expected)


def test_the_discriminators_loss_is_eq_7(make: Make, batch: Batch) -> None:
    method = make()
    made = translate(method, batch)
    expected = torch.zeros(())
    for modality in ("visible", "infrared"):
        discriminator = method.networks[f"discriminator_{modality}"]
        for maps in discriminator(getattr(made.real, modality)):
            expected = expected + (maps - 1).square().mean()
        for maps in discriminator(getattr(made.translated, modality)):
            expected = expected + maps.square().mean()
    assert close(module_of(method).discriminator_losses(made)["discriminator"], expected)


def test_the_codes_feature_reconstruction_compares_content_and_style(
    make: Make, batch: Batch
) -> None:
    """Of X_ir2rgb: the content of X_ir, and the style of X_rgb."""
    method = make("full", "feature_reconstruction_weight=1")
    made = translate(method, batch)
    loss = module_of(method).losses(made)["feature-reconstruction"]
    assert made.translated_styles is not None
    pairs = [
        (made.translated_maps.visible, made.maps.infrared),
        (made.translated_maps.infrared, made.maps.visible),
        (made.translated_styles.visible, made.styles.visible),
        (made.translated_styles.infrared, made.styles.infrared),
    ]
    assert close(loss, torch.stack([(a - b).abs().mean() for a, b in pairs]).sum())


def test_eq_14_mixes_latents_and_styles_with_one_share(make: Make, batch: Batch) -> None:
    """Each image with the first one of the next identity; modalities apart."""
    method = make()
    made, networks = translate(method, batch), method.networks
    variation = networks["variation"]
    latents = variation.encode(made.maps.joined()).sample
    torch.manual_seed(7)
    mix = module_of(method).mix(variation, latents, made, offset=2)
    torch.manual_seed(7)
    assert torch.equal(mix.shares, torch.rand(12))
    assert len(mix.images) == 12
    for modality, half in (("visible", 0), ("infrared", 6)):
        for index, other in ((0, 2), (3, 5), (4, 0)):
            alpha, styles = mix.shares[half + index], getattr(made.styles, modality)
            latent = alpha * latents[half + index] + (1 - alpha) * latents[half + other]
            maps = variation.decode(latent[None], made.maps.visible)
            style = alpha * styles[index] + (1 - alpha) * styles[other]
            expected = networks[f"decoder_{modality}"](maps, style[None])[0]
            assert close(mix.images[half + index], expected)


def test_images_are_generated_at_half_the_size_where_asked(make: Make) -> None:
    method = make("full", "image_height=64", "image_width=64", "generated_size=half")
    real = module_of(method).prepared(torch.rand(4, 3, 64, 64))
    assert real.shape == (4, 3, 32, 32)
    maps = method._content.of_real(from_signed(real))
    assert maps.shape[2:] == (16, 16)  # E^i sees them at full size
    made = module_of(method).translate(Pair.parted(real), Pair.parted(maps))
    assert made.translated.visible.shape == (2, 3, 32, 32)
