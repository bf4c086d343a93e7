"""The vision transformer (Dosovitskiy et al. 2021), whose patches may overlap.

B: images, T: tokens, the class token first, D: width, h, w: rows and columns of patches. Parameters
have the names of timm, which released checkpoints of re-identification have, too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal, Self, TypeAlias

import torch
from pydantic import Field, model_validator
from torch import nn
from torch.nn import functional
from torchvision import models

from bench_core.configuration import FrozenModel
from bench_core.modeling.pretrained import (
    PretrainedWeights,
    TorchvisionWeights,
    load_pretrained,
)
from bench_core.modeling.weights_files import Fit, fit_tensors

State: TypeAlias = dict[str, torch.Tensor]
ImageNetSource: TypeAlias = Literal["torchvision", "timm"]

CLASS_TOKEN, POSITIONS = "cls_token", "pos_embed"
CLASSIFIERS = ("head.", "heads.", "pre_logits.")
"""What files hold beyond the transformer."""
INITIAL_STD = 0.02
BASE = (16, 768, 12, 12, 4)
"""Patch size, width, depth, heads and width of an MLP over its input's, of ViT-B/16."""


class VisionTransformerConfig(FrozenModel):
    """The size of a vision transformer; the defaults are ViT-B/16's.

    Attributes:
        patch_size: Height and width of a patch in pixels.
        patch_stride: Pixels from one patch to the next; less than its size lets patches overlap.
        width: Length of the tokens and of the feature, D.
        depth: Blocks.
        heads: Heads of each attention.
        mlp_ratio: Width within an MLP over D.
        dropout: Probability behind the positions, the projection of each attention, and both layers
            of each MLP.
        stochastic_depth: Probability that an image skips a branch of the last block; it rises
            evenly from 0 in the first (Huang et al. 2016).
        norm_eps: Epsilon of the layer normalisations.
        imagenet: Whose ViT-B/16 `weights=imagenet` loads: "torchvision" learned ImageNet-1k from a
            random start; "timm" is its copy of the original, which learned ImageNet-21k first.
    """

    patch_size: int = Field(default=16, ge=1)
    patch_stride: int = Field(default=16, ge=1)
    width: int = Field(default=768, ge=1)
    depth: int = Field(default=12, ge=1)
    heads: int = Field(default=12, ge=1)
    mlp_ratio: int = Field(default=4, ge=1)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    stochastic_depth: float = Field(default=0.0, ge=0, lt=1)
    norm_eps: float = Field(default=1e-6, gt=0)
    imagenet: ImageNetSource = "torchvision"

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.width % self.heads:
            raise ValueError(
                f"a width of {self.width} does not part into {self.heads} heads; width must be a "
                "multiple of heads"
            )
        if self.patch_stride > self.patch_size:
            raise ValueError(
                f"patch_stride={self.patch_stride} leaves pixels between patches of "
                f"{self.patch_size}; set it to at most patch_size"
            )
        return self

    @property
    def skip_rates(self) -> list[float]:
        """The probability of each block that an image skips a branch of it."""
        steps = max(self.depth - 1, 1)
        return [self.stochastic_depth * place / steps for place in range(self.depth)]

    def grid(self, image_size: tuple[int, int]) -> tuple[int, int]:
        """Return h and w for images of a height and width in pixels; 0 where none fits in."""
        height, width = (
            max(0, (side - self.patch_size) // self.patch_stride + 1) for side in image_size
        )
        return height, width


class VisionTransformer(nn.Module):
    """Embeds images by the class token behind the last normalisation.

    Args:
        image_size: Height and width of its images in pixels.
        config: Its size.

    Attributes:
        num_features: D.
        grid: h and w.
    """

    def __init__(self, image_size: tuple[int, int], config: VisionTransformerConfig) -> None:
        super().__init__()
        width = config.width
        self.num_features = width
        self.grid = config.grid(image_size)
        self._imagenet = _imagenet(config)
        self.patch_embed = PatchEmbedding(config)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + math.prod(self.grid), width))
        self.pos_drop = nn.Dropout(config.dropout)
        self.blocks = nn.Sequential(*(Block(config, rate) for rate in config.skip_rates))
        self.norm = nn.LayerNorm(width, eps=config.norm_eps)
        for parameter in (self.cls_token, self.pos_embed):
            nn.init.normal_(parameter, std=INITIAL_STD)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the feature (B, D) of normalised images (B, 3, H, W)."""
        patches = self.patch_embed(images)
        tokens = torch.cat([self.cls_token.expand(len(patches), -1, -1), patches], dim=1)
        tokens = self.blocks(self.pos_drop(tokens + self.pos_embed))
        # The normalisation is by token, and no other token is asked for.
        feature: torch.Tensor = self.norm(tokens[:, 0])
        return feature

    def fit(self, tensors: Mapping[str, torch.Tensor]) -> Fit:
        """Say which tensors of a weights file the transformer would load, and which not."""
        return fit_tensors(self.state_dict(), self._fitted(dict(tensors)))

    def load_pretrained(self, weights: PretrainedWeights) -> None:
        """Load weights of timm or torchvision; of kind "none", leave all as it is.

        The table of positions is resized to the grid of patches, which is the only tensor that
        depends on the size of images or on the stride.

        Raises:
            UsageError: ImageNet weights were asked for and there are none of this size.
            CheckpointError: The weights cannot be had, or do not fit.
        """
        load_pretrained(self, weights, self._imagenet, reduced=self._fitted)

    def _fitted(self, state: State) -> State:
        """Bring a state to the names and the grid of this transformer, without its classifier."""
        named = {_timm_name(name): tensor for name, tensor in state.items()}
        fitted = {n: tensor for n, tensor in named.items() if not n.startswith(CLASSIFIERS)}
        if POSITIONS in fitted:
            fitted[POSITIONS] = resized_positions(fitted[POSITIONS], self.grid)
        return fitted


class PatchEmbedding(nn.Module):
    """Cuts images into patches and projects each: (B, 3, H, W) -> (B, h w, D), row by row."""

    def __init__(self, config: VisionTransformerConfig) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, config.width, config.patch_size, stride=config.patch_stride)
        nn.init.normal_(self.proj.weight, std=math.sqrt(1 / (3 * config.patch_size**2)))
        nn.init.zeros_(self.proj.bias)  # type: ignore[arg-type]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the projected patches."""
        patches: torch.Tensor = self.proj(images).flatten(2).transpose(1, 2)
        return patches


class Attention(nn.Module):
    """Self-attention of several heads, (B, T, D) -> (B, T, D)."""

    def __init__(self, config: VisionTransformerConfig) -> None:
        super().__init__()
        self._heads = config.heads
        self.qkv = _linear(config.width, 3 * config.width)
        self.proj = _linear(config.width, config.width)
        self.proj_drop = nn.Dropout(config.dropout)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Let every token attend to all."""
        shape = (*tokens.shape[:2], 3, self._heads, -1)
        query, key, value = self.qkv(tokens).view(shape).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(query, key, value)
        projected: torch.Tensor = self.proj_drop(self.proj(attended.transpose(1, 2).flatten(2)))
        return projected


class MLP(nn.Module):
    """Two layers with a GELU between them, for each token by itself."""

    def __init__(self, config: VisionTransformerConfig) -> None:
        super().__init__()
        inner = config.mlp_ratio * config.width
        self.fc1 = _linear(config.width, inner)
        self.fc2 = _linear(inner, config.width)
        self.drop = nn.Dropout(config.dropout)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Map tokens (B, T, D) to as many."""
        mapped: torch.Tensor = self.drop(self.fc2(self.drop(functional.gelu(self.fc1(tokens)))))
        return mapped


class StochasticDepth(nn.Module):
    """Sets what a branch adds to 0 for an image with a probability, and scales up the others'.

    It draws by `nn.Dropout`, one number an image, so that a batch in shares draws as a whole one.
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.draw = nn.Dropout(probability)

    def forward(self, branch: torch.Tensor) -> torch.Tensor:
        """Return the branch (B, T, D), or in evaluation mode the branch itself."""
        if not self.training or self.draw.p == 0:
            return branch
        kept: torch.Tensor = self.draw(branch.new_ones(len(branch), 1, 1))
        return branch * kept


class Block(nn.Module):
    """Attention and MLP, each behind a normalisation and beside a shortcut.

    Args:
        config: The size of the transformer.
        skipped: Probability of its stochastic depth.
    """

    def __init__(self, config: VisionTransformerConfig, skipped: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(config.width, eps=config.norm_eps)
        self.attn = Attention(config)
        self.norm2 = nn.LayerNorm(config.width, eps=config.norm_eps)
        self.mlp = MLP(config)
        self.skip1, self.skip2 = StochasticDepth(skipped), StochasticDepth(skipped)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Map tokens (B, T, D) to as many."""
        tokens = tokens + self.skip1(self.attn(self.norm1(tokens)))
        mapped: torch.Tensor = tokens + self.skip2(self.mlp(self.norm2(tokens)))
        return mapped


def resized_positions(table: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
    """Resize a table of positions to another grid of patches, bilinearly.

    Args:
        table: (1, 1 + N, D), the position of the class token first, which stays as it is.
        grid: Rows and columns that are wanted.

    Returns:
        (1, 1 + h w, D). A table of as many patches stays as it is, and so does one of no square
        number, whose rows are not known.
    """
    number = table.shape[1] - 1 if table.dim() == 3 else 0
    side = math.isqrt(max(number, 0))
    if number == math.prod(grid) or number < 1 or side**2 != number:
        return table
    maps = table[:, 1:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
    resized = functional.interpolate(maps.float(), size=grid, mode="bilinear", align_corners=False)
    patches = resized.flatten(2).transpose(1, 2).to(table.dtype)
    return torch.cat([table[:, :1], patches], dim=1)


class DownloadedWeights:
    """Weights that are downloaded.

    Args:
        url: Their address; the name of the file ends with their hash.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def get_state_dict(self, *_: Any, progress: bool = True, check_hash: bool = True) -> Any:
        """Download the weights, or read them from torch's cache."""
        return torch.hub.load_state_dict_from_url(
            self.url,
            map_location="cpu",
            progress=progress,
            check_hash=check_hash,
            weights_only=True,
        )


IMAGENET: Mapping[ImageNetSource, Callable[[], TorchvisionWeights]] = MappingProxyType(
    {
        "torchvision": lambda: models.ViT_B_16_Weights.IMAGENET1K_V1,
        "timm": lambda: DownloadedWeights(
            "https://github.com/rwightman/pytorch-image-models/releases/download/v0.1-vitjx/"
            "jx_vit_base_p16_224-80ecf9dd.pth"
        ),
    }
)


def _imagenet(config: VisionTransformerConfig) -> TorchvisionWeights | None:
    """Return the ImageNet weights of a transformer; there are none but of ViT-B/16."""
    size = (config.patch_size, config.width, config.depth, config.heads, config.mlp_ratio)
    return IMAGENET[config.imagenet]() if size == BASE else None


_TORCHVISION = (
    ("class_token", CLASS_TOKEN),
    ("conv_proj.", "patch_embed.proj."),
    ("encoder.pos_embedding", POSITIONS),
    ("encoder.layers.encoder_layer_", "blocks."),
    ("encoder.ln.", "norm."),
    (".self_attention.in_proj_", ".attn.qkv."),
    (".self_attention.out_proj.", ".attn.proj."),
    (".ln_1.", ".norm1."),
    (".ln_2.", ".norm2."),
    (".mlp.linear_1.", ".mlp.fc1."),
    (".mlp.linear_2.", ".mlp.fc2."),
    (".mlp.0.", ".mlp.fc1."),
    (".mlp.3.", ".mlp.fc2."),
)
"""Parts of names of torchvision, whose downloads call the layers of an MLP otherwise than its code,
and those of timm."""


def _timm_name(name: str) -> str:
    for theirs, ours in _TORCHVISION:
        name = name.replace(theirs, ours)
    return name


def _linear(inputs: int, outputs: int) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
