"""The synthesis network: one w per layer -> image, skip architecture (Karras et al. 2020, section 4.1)."""

import math
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from stylealign.networks import precision
from stylealign.networks.architecture import Architecture
from stylealign.networks.layers import FullyConnected
from stylealign.ops.bias_act import LEAKY_GAIN, scale_channels
from stylealign.ops.modulated_conv2d import Modulation, act_and_scale, conv2d_resampled, modulation
from stylealign.ops.to_rgb import to_rgb

NoiseMode = Literal["const", "random", "none"]


class SynthesisLayer(nn.Module):
    """Modulated 3x3 convolution, noise, bias and leaky ReLU; `up` doubles the resolution first."""

    noise_const: Tensor

    def __init__(self, architecture: Architecture, in_channels: int, resolution: int, up: bool) -> None:
        super().__init__()
        out_channels = architecture.channels(resolution)
        self.resolution = resolution
        self.up = up
        self.clamp = architecture.conv_clamp
        self.affine = FullyConnected(architecture.w_dim, in_channels, linear=True, bias_init=1.0)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, 3, 3))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("noise_const", torch.randn(resolution, resolution))

    def forward(
        self, scaled: Tensor, own: Modulation, noise: Tensor | None, following: Modulation | None, keeps: bool
    ) -> tuple[Tensor | None, Tensor | None]:
        """Return the activations, and the input of the next layer, both `[N, O, r, r]`.

        Args:
            scaled: `[N, I, h, h]`, times the style already.
            own: of this layer and its style.
            noise: `[N or 1, 1, r, r]` before its strength, or None.
            following: of the next layer; None for none, which has no input.
            keeps: the activations are used elsewhere, too; else they may be missing.
        """
        # The activation's gain is folded into what it is applied to: no pass over the activations for it.
        noise = None if noise is None else noise * (self.noise_strength * LEAKY_GAIN)
        sums = conv2d_resampled(scaled, own.weight, up=self.up)
        factor, bias = own.factor * LEAKY_GAIN, self.bias * LEAKY_GAIN
        return act_and_scale(sums, factor, bias, noise, self.clamp, following, keeps)

    def noise(self, mode: NoiseMode, batch: int, maps: Tensor | None) -> Tensor | None:
        """Return the noise map `[N or 1, 1, r, r]` of this layer for `mode`, unless `maps` replaces it."""
        if maps is not None:
            return maps
        if mode == "const":
            return self.noise_const[None, None]
        if mode == "random":
            return torch.randn(
                batch, 1, self.resolution, self.resolution, dtype=self.noise_const.dtype, device=self.noise_const.device
            )
        assert mode == "none", f"noise_mode must be const, random or none, not {mode!r}"
        return None


class ToRGB(nn.Module):
    """Modulated 1x1 convolution to colours, without demodulation."""

    def __init__(self, architecture: Architecture, resolution: int) -> None:
        super().__init__()
        channels = architecture.channels(resolution)
        self.clamp = architecture.conv_clamp
        self.affine = FullyConnected(architecture.w_dim, channels, linear=True, bias_init=1.0)
        self.weight = nn.Parameter(torch.randn(architecture.img_channels, channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(architecture.img_channels))
        self.style_gain = 1.0 / math.sqrt(channels)

    def forward(self, features: Tensor, style: Tensor, image: Tensor | None = None) -> Tensor:
        """Return `[N, 3, r, r]` of the style `[N, I]`, added to the image `[N, 3, r/2, r/2]` so far."""
        style = style * self.style_gain
        return to_rgb(features, self.weight, style, self.bias, image, self.clamp, self.weight.dtype)


class SynthesisBlock(nn.Module):
    """The layers of one resolution."""

    def __init__(self, architecture: Architecture, resolution: int) -> None:
        super().__init__()
        self.resolution = resolution
        self.in_fp16 = architecture.uses_fp16(resolution)
        channels = architecture.channels(resolution)
        if resolution == 4:
            self.const = nn.Parameter(torch.randn(channels, 4, 4))
        else:
            self.conv0 = SynthesisLayer(architecture, architecture.channels(resolution // 2), resolution, up=True)
        self.conv1 = SynthesisLayer(architecture, channels, resolution, up=False)
        self.torgb = ToRGB(architecture, resolution)

    @property
    def layers(self) -> dict[str, SynthesisLayer]:
        """The convolution layers by name, in order."""
        return {"conv1": self.conv1} if self.resolution == 4 else {"conv0": self.conv0, "conv1": self.conv1}


class Stage(NamedTuple):
    """What a pass has computed after one resolution r."""

    resolution: int
    """In pixels."""
    features: Tensor
    """`[N, C, r, r]` behind the last convolution; float16 in a half-precision block."""
    image: Tensor
    """`[N, 3, r, r]`: the sum of the RGB outputs so far."""


class SynthesisNetwork(nn.Module):
    """`ws [N, num_ws, w_dim]` or styles `[N, style_dim]` -> images `[N, 3, r, r]` float32, nominally in [-1, 1].

    Images are not clamped. The styles are the modulation vectors of all layers, one behind another
    (`Architecture.style_channels`): the style space S of Wu et al. 2021 (arXiv 2011.12799).
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.resolutions = architecture.resolutions
        self.num_ws = architecture.num_ws
        self.style_channels = architecture.style_channels
        self.style_ws = architecture.style_ws
        for resolution in self.resolutions:
            setattr(self, f"b{resolution}", SynthesisBlock(architecture, resolution))

    @property
    def blocks(self) -> list[SynthesisBlock]:
        """The blocks, 4 px first."""
        return [getattr(self, f"b{resolution}") for resolution in self.resolutions]

    @property
    def noise_shapes(self) -> dict[str, tuple[int, int]]:
        """Height and width of every noise map, by layer name ("b8.conv0")."""
        return {
            f"b{block.resolution}.{name}": (block.resolution, block.resolution)
            for block in self.blocks
            for name in block.layers
        }

    @property
    def affines(self) -> dict[str, FullyConnected]:
        """The layers that make the styles, by layer name, in the order of `Architecture.style_channels`."""
        found: dict[str, FullyConnected] = {}
        for block in self.blocks:
            named = {f"b{block.resolution}.{name}": layer.affine for name, layer in block.layers.items()}
            found |= named | {f"b{block.resolution}.torgb": block.torgb.affine}
        return found

    def styles(self, ws: Tensor) -> Tensor:
        """Return the styles `[N, style_dim]` of `ws [N, num_ws, w_dim]`; toRGB's before its gain."""
        return torch.cat(list(self._styles_of(ws).values()), dim=1)

    def by_layer(self, styles: Tensor) -> dict[str, Tensor]:
        """Return the parts `[..., channels]` of styles `[..., style_dim]` by layer name."""
        return dict(zip(self.style_channels, styles.split(list(self.style_channels.values()), dim=-1), strict=True))

    def places_of_styles(self) -> Tensor:
        """Return for every style channel the number of the w that it comes from: `[style_dim]` int64."""
        counts = torch.tensor(list(self.style_channels.values()))
        return torch.tensor(list(self.style_ws.values())).repeat_interleave(counts)

    def _styles_of(self, ws: Tensor) -> dict[str, Tensor]:
        return {name: affine(ws[:, self.style_ws[name]]) for name, affine in self.affines.items()}

    def _modulations(self, styles: Mapping[str, Tensor], runs_half: bool) -> Iterator[Modulation]:
        """Yield what the convolution layers do with their styles `[N, I]` by name, in order."""
        for block in self.blocks:
            dtype = torch.float16 if block.in_fp16 and runs_half else block.conv1.weight.dtype
            for name, conv in block.layers.items():
                yield modulation(conv.weight, styles[f"b{block.resolution}.{name}"], dtype)

    def forward(
        self, codes: Tensor, noise_mode: NoiseMode = "const", noise_maps: Mapping[str, Tensor] | None = None
    ) -> Tensor:
        """Synthesise images.

        Args:
            codes: ws `[N, num_ws, w_dim]`, or styles `[N, style_dim]`: the styles of ws give the images of those ws.
            noise_mode: "const" for the stored maps, "random" for fresh ones, "none" for no noise.
            noise_maps: maps by layer name (see `noise_shapes`), `[N or 1, 1, r, r]`, that replace the mode's.

        Returns:
            `[N, 3, r, r]` float32 (float64 for float64 weights).
        """
        for stage in self.stages(codes, noise_mode, noise_maps):
            image = stage.image
        return image.contiguous()

    def stages(
        self, codes: Tensor, noise_mode: NoiseMode = "const", noise_maps: Mapping[str, Tensor] | None = None
    ) -> Iterator[Stage]:
        """Yield what is there after each resolution, 4 px first, as `forward` computes it; what is not asked for is
        not computed."""
        assert codes.ndim == 2 or (codes.ndim == 3 and codes.shape[1] == self.num_ws), (
            f"codes must be ws [N, {self.num_ws}, w_dim] or styles [N, style_dim], not {list(codes.shape)}"
        )
        styles = self._styles_of(codes) if codes.ndim == 3 else self.by_layer(codes)
        maps = noise_maps or {}
        const = self.blocks[0].const
        features = const[None].expand(codes.shape[0], -1, -1, -1).to(memory_format=torch.channels_last)
        image: Tensor | None = None
        modulations = self._modulations(styles, precision.runs_half(features))
        own = next(modulations)
        scaled = scale_channels(features.to(own.weight.dtype), own.scale)
        for block in self.blocks:
            for name, conv in block.layers.items():
                noise = conv.noise(noise_mode, len(codes), maps.get(f"b{block.resolution}.{name}"))
                following = next(modulations, None)
                features, scaled = conv(scaled, own, noise, following, keeps=name == "conv1")
                own = following or own
            image = block.torgb(features, styles[f"b{block.resolution}.torgb"], image)
            yield Stage(block.resolution, features, image)
