"""Which cells of an image can share a backward pass through a block, and how many passes that takes.

See `stylealign.latents.style_channels`, which makes the passes.
"""

import math

import torch
from torch import Tensor

from stylealign.errors import StyleAlignError
from stylealign.networks.architecture import Architecture


def backward_passes(architecture: Architecture, cells: int = 32) -> dict[int, int]:
    """Return how many backward passes each block takes for one colour, by resolution.

    One a cell would be `cells**2`.
    """
    spacing = cell_spacing(architecture, cells_of(architecture, cells))
    return {resolution: apart**2 for resolution, apart in spacing.items()}


def cells_of(architecture: Architecture, cells: int) -> int:
    """Return the cells on each axis, no more than the image has pixels.

    Raises:
        StyleAlignError: no power of two.
    """
    if cells < 1 or cells & (cells - 1):
        raise StyleAlignError(f"cells: must be a power of two, not {cells}")
    return min(cells, architecture.resolution)


def cell_spacing(architecture: Architecture, cells: int) -> dict[int, int]:
    """Return for each block, by resolution, the distance in cells at which two cells feel different pixels.

    That is of the input of the block, which the cell feels the most of; the constant of the first block has 4 px.
    """
    spacing = {}
    size = architecture.resolution // cells
    felt = [(cell * size, (cell + 1) * size - 1) for cell in range(cells)]
    for resolution in reversed(architecture.resolutions):
        inner = [(low - 1, high + 1) for low, high in felt]  # the input of conv1
        # An up-sampled pixel o feels the input pixels from (o - 3) / 2 to (o + 2) / 2 (`conv2d_resampled`).
        felt = [(-((3 - low) // 2), (high + 2) // 2) for low, high in inner] if resolution > 4 else inner
        px = resolution // 2 if resolution > 4 else 4
        reach = max(
            max((high + 0.5) * cells / px - (cell + 0.5), (cell + 0.5) - (low + 0.5) * cells / px)
            for cell, (low, high) in enumerate(felt)
        )
        spacing[resolution] = min(math.floor(2 * reach) + 1, cells)
    return spacing


def pixel_owners(spacing: int, cells: int, px: int, device: torch.device) -> Tensor:
    """Return whose each pixel of a pass is along one axis: `[spacing, px]`, the nearest cell of the pass's group."""
    places = (torch.arange(px, dtype=torch.float64) + 0.5) * cells / px - 0.5
    owners = []
    for first in range(spacing):
        members = torch.arange(first, cells, spacing)
        nearest = (places[None] - members[:, None]).abs().argmin(dim=0)
        owners.append(members[nearest])
    return torch.stack(owners).to(device)
