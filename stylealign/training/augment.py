"""The `bgc` augmentation of ADA: blitting, geometry and colour (Karras et al. 2020, arXiv 2006.06676, appendix B).

Every transform is drawn for each image by itself, with probability p. All of them together are two matrices an image:
one of pixel coordinates, one of colours. They are drawn for a whole batch at once, so that a part of the batch gets the
same transforms wherever it is computed.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from stylealign.training.warp import warp

INTEGER_SHIFT = 0.125
"""Largest shift of the pixel blitting, as a share of the image."""
SCALE_LOG2_STD = 0.2
ANISOTROPY_LOG2_STD = 0.2
SHIFT_STD = 0.125
"""Standard deviation of the fractional shift, as a share of the image."""
BRIGHTNESS_STD = 0.2
CONTRAST_LOG2_STD = 0.5
SATURATION_LOG2_STD = 1.0
LUMA_AXIS = torch.tensor([1.0, 1.0, 1.0, 0.0], dtype=torch.float64) / math.sqrt(3)
"""Direction of grey in homogeneous colour coordinates."""


@dataclass(frozen=True)
class Augmentation:
    """Transforms of N images."""

    inverse: Tensor
    """`[N, 3, 3]`: from pixel coordinates of the result to those of the image, origin at the centre."""
    colour: Tensor
    """`[N, 4, 4]`: from homogeneous colours of the image to those of the result."""

    def part(self, index: int, parts: int) -> "Augmentation":
        """Return the transforms of every `parts`-th image, from `index`."""
        return Augmentation(self.inverse[index::parts], self.colour[index::parts])

    def __call__(self, images: Tensor) -> Tensor:
        """Transform `[N, 3, H, W]` float images; differentiable any number of times, with respect to the images."""
        images = warp(images, self.inverse)
        colour = self.colour.to(images)
        flat = colour[:, :3, :3] @ images.flatten(2) + colour[:, :3, 3:]
        return flat.reshape(images.shape)


def draw_augmentation(count: int, p: float, height: int, width: int) -> Augmentation:
    """Draw the transforms of `count` images of `height` x `width` pixels, each with probability `p`.

    The random numbers come from torch's global CPU generator; how many are drawn does not depend on `p`.
    """
    return Augmentation(_draw_geometry(count, p, height, width), _draw_colour(count, p))


def _draw_geometry(count: int, p: float, height: int, width: int) -> Tensor:
    """Return inverse transforms `[count, 3, 3]`: the product of the inverses of the steps, the first step leftmost."""

    def chosen(values: Tensor, probability: float = p) -> Tensor:
        """Keep `[..., count]` values with `probability`, else put 0, which stands for no change."""
        return torch.where(torch.rand(count) < probability, values.double(), 0.0)

    size = torch.tensor([[width], [height]], dtype=torch.float64)
    ones = torch.ones(count, dtype=torch.float64)
    # A rotation before and one after the anisotropic scale: together they happen with probability p.
    p_rotation = 1 - math.sqrt(1 - p)
    mirrored = chosen(torch.randint(0, 2, (count,)))
    result = _scaling(1 - 2 * mirrored, ones)
    result = result @ _rotation(chosen(torch.randint(0, 4, (count,))) * (math.pi / 2))
    result = result @ _translation(-(chosen((torch.rand(2, count) * 2 - 1) * INTEGER_SHIFT) * size).round())
    scale = 2 ** -chosen(torch.randn(count) * SCALE_LOG2_STD)
    result = result @ _scaling(scale, scale)
    result = result @ _rotation(chosen(_angles(count), p_rotation))
    stretch = 2 ** -chosen(torch.randn(count) * ANISOTROPY_LOG2_STD)
    result = result @ _scaling(stretch, 1 / stretch)
    result = result @ _rotation(chosen(_angles(count), p_rotation))
    return result @ _translation(-chosen(torch.randn(2, count) * SHIFT_STD) * size)


def _draw_colour(count: int, p: float) -> Tensor:
    """Return colour transforms `[count, 4, 4]`."""

    def chosen(values: Tensor) -> Tensor:
        return torch.where(torch.rand(count) < p, values.double(), 0.0)[:, None, None]

    identity = torch.eye(4, dtype=torch.float64)
    luma = LUMA_AXIS[:, None] * LUMA_AXIS
    homogeneous = torch.diag(torch.tensor([0.0, 0.0, 0.0, 1.0], dtype=torch.float64))
    shift = torch.zeros(4, 4, dtype=torch.float64)
    shift[:3, 3] = 1.0
    result = identity + chosen(torch.randn(count) * BRIGHTNESS_STD) * shift
    contrast = 2 ** chosen(torch.randn(count) * CONTRAST_LOG2_STD)
    result = (contrast * (identity - homogeneous) + homogeneous) @ result
    result = (identity - 2 * luma * chosen(torch.randint(0, 2, (count,)))) @ result
    result = _hue_rotation(chosen(_angles(count))) @ result
    saturation = 2 ** chosen(torch.randn(count) * SATURATION_LOG2_STD)
    grey = luma + homogeneous
    return (grey + saturation * (identity - grey)) @ result


def _angles(count: int) -> Tensor:
    return (torch.rand(count) * 2 - 1) * math.pi


def _hue_rotation(angle: Tensor) -> Tensor:
    """Rotate colours about the grey axis by `angle [N, 1, 1]`: Rodrigues' formula, `[N, 4, 4]`."""
    x, y, z = LUMA_AXIS[:3].tolist()
    cross = torch.zeros(4, 4, dtype=torch.float64)
    cross[:3, :3] = torch.tensor([[0, -z, y], [z, 0, -x], [-y, x, 0]], dtype=torch.float64)
    return torch.eye(4, dtype=torch.float64) + angle.sin() * cross + (1 - angle.cos()) * (cross @ cross)


def _scaling(x: Tensor, y: Tensor) -> Tensor:
    return torch.diag_embed(torch.stack([x, y, torch.ones_like(x)], dim=1))


def _rotation(angle: Tensor) -> Tensor:
    zero, one, cos, sin = torch.zeros_like(angle), torch.ones_like(angle), angle.cos(), angle.sin()
    return torch.stack([cos, -sin, zero, sin, cos, zero, zero, zero, one], dim=1).reshape(-1, 3, 3)


def _translation(shift: Tensor) -> Tensor:
    """Return the translations `[N, 3, 3]` by `[2, N]` pixels in x and y."""
    x, y = shift
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    return torch.stack([one, zero, x, zero, one, y, zero, zero, one], dim=1).reshape(-1, 3, 3)
