"""The random inputs of a generator pass, drawn for a whole batch at once.

A part of the batch, computed by another process or at another time, gets the same numbers as in the whole.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from stylealign.devices import moved
from stylealign.networks.generator import Generator


@dataclass(frozen=True)
class Draws:
    """Random inputs of N images."""

    z: Tensor
    """`[N, z_dim]`."""
    second_z: Tensor | None
    """`[N, z_dim]`: the latents of the mixed-in styles."""
    from_second: Tensor | None
    """`[N, num_ws, 1]` bool: the layers that take the mixed-in style."""
    noise: dict[str, Tensor]
    """Noise maps by layer, `[N, 1, r, r]`; empty for none."""
    direction: Tensor | None = None
    """`[N, 3, H, W]`: the random images of the path-length penalty."""

    def part(self, index: int, parts: int) -> "Draws":
        """Return the inputs of every `parts`-th image, from `index`."""
        own = slice(index, None, parts)
        return Draws(
            self.z[own],
            None if self.second_z is None else self.second_z[own],
            None if self.from_second is None else self.from_second[own],
            {name: noise[own] for name, noise in self.noise.items()},
            None if self.direction is None else self.direction[own],
        )

    def styles(self, generator: Generator) -> tuple[Tensor, Tensor]:
        """Return the ws `[N, num_ws, w_dim]` of these inputs, and the first style's w `[N, w_dim]`."""
        if self.second_z is not None and self.from_second is not None:
            w, second = generator.mapping.map(torch.cat([self.z, self.second_z])).chunk(2)
            ws = torch.where(self.from_second, second[:, None], w[:, None])
        else:
            w = generator.mapping.map(self.z)
            ws = w[:, None].expand(-1, generator.architecture.num_ws, -1)
        if torch.is_grad_enabled() and not ws.requires_grad:  # a mapping network that is not trained
            ws.requires_grad_(True)
        return ws, w.detach()

    def synthesize(self, generator: Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Return images `[N, 3, H, W]`, the ws they come from, and the first style's w `[N, w_dim]`."""
        ws, w = self.styles(generator)
        return generator.synthesis(ws, noise_mode="none", noise_maps=self.noise), ws, w


def draw(generator: Generator, batch: int, mixing_probability: float, noise: bool, direction: bool = False) -> Draws:
    """Draw the inputs of `batch` images from torch's global generators.

    Args:
        generator: network they are for.
        batch: images.
        mixing_probability: share of the images that mix two styles.
        noise: draw noise maps.
        direction: draw the random images of the path-length penalty.
    """
    architecture = generator.architecture
    device = generator.mapping.w_avg.device
    z = moved(torch.randn(batch, architecture.z_dim), device)
    second_z, from_second = None, None
    if mixing_probability > 0 and architecture.num_ws > 1:
        second_z = moved(torch.randn(batch, architecture.z_dim), device)
        cutoff = torch.randint(1, architecture.num_ws, (batch, 1, 1))
        mixed = torch.rand(batch, 1, 1) < mixing_probability
        from_second = moved(mixed & (torch.arange(architecture.num_ws)[None, :, None] >= cutoff), device)
    maps: dict[str, Tensor] = {}
    if noise:
        shapes = generator.synthesis.noise_shapes
        maps = {name: torch.randn(batch, 1, *shape, device=device) for name, shape in shapes.items()}
    size = (batch, architecture.img_channels, architecture.resolution, architecture.resolution)
    return Draws(z, second_z, from_second, maps, torch.randn(size, device=device) if direction else None)
