"""Style channels in parent and child: the same channel moved down and up, and where the image changes."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from stylealign.checkpoints.differences import require_same_architecture
from stylealign.images import to_pixels
from stylealign.latents.directions import channel_place
from stylealign.networks.generator import Generator
from stylealign.report.figures import CELL_PX, stacked, tiled
from stylealign.report.sheets import Pixels, enlarge, heading, labelled_rows
from stylealign.sampling import mean_label, seeded_z

STRENGTH = 8.0
"""Standard deviations of the first model's samples along the channel: a single one changes little."""
EACH = 2
"""Channels of each region."""
LATENTS = 2
POPULATION = 256
SEED = 0
GAP_PX = 12
NONE, NONE_PX = "no style channel is localized in the same region of parent and child", 520


def channels_sheet(generators: Mapping[str, Generator], shared: Mapping[str, Sequence[str]]) -> Pixels:
    """Return a block of rows for each channel, a row a model: the image, both ends, and where they differ.

    Args:
        generators: of one architecture, by the label of their rows.
        shared: channels of each region, as "b32.conv0/17", which `evaluate alignment-channels` keeps, the surest first.

    Returns:
        `[3, height, width]` uint8; a line that says so where no channel is shared.

    Raises:
        StyleAlignError: channels that a model lacks, or models of different architecture.
    """
    (name, first), *others = generators.items()
    for label, other in others:
        require_same_architecture(first.architecture, other.architecture, (name, label))
    named = [(channel, region) for region, own in shared.items() for channel in own[:EACH]]
    if not named:
        return heading(NONE, NONE_PX)
    places = [channel_place(first.architecture, channel) for channel, _ in named]
    spread = spread_of_styles(first)
    scale = max(1, CELL_PX // 2 // first.architecture.resolution)
    columns = [f"-{STRENGTH:g} sd", "0", f"+{STRENGTH:g} sd", "change"] * LATENTS
    blocks = []
    for place, (channel, region) in zip(places, named, strict=True):
        step = STRENGTH * spread[place]
        rows = [(label, enlarge(moved(model, place, step), scale)) for label, model in generators.items()]
        block = labelled_rows(rows, heads=columns)
        blocks.append(np.concatenate([heading(f"{region}: {channel}", block.shape[2]), block], axis=1))
    return tiled(stacked(dict(enumerate(blocks)), GAP_PX), len(blocks), GAP_PX)


@torch.inference_mode()
def spread_of_styles(generator: Generator) -> Tensor:
    """Return the standard deviation of each style over samples, `[style_dim]`."""
    z = seeded_z(POPULATION, generator.architecture.z_dim, SEED + 1)
    return generator.synthesis.styles(generator.mapping(z, mean_label(generator, len(z)))).std(dim=0)


@torch.inference_mode()
def moved(generator: Generator, place: int, step: Tensor | float) -> Pixels:
    """Return images `[LATENTS * 4, 3, r, r]`: each latent with one style lower, as it is and higher, and the change.

    Args:
        generator: any.
        place: the style's place in S.
        step: how much lower and higher.
    """
    z = seeded_z(LATENTS, generator.architecture.z_dim, SEED)
    styles = generator.synthesis.styles(generator.mapping(z, mean_label(generator, LATENTS)))
    images = []
    for side in (-1, 0, 1):
        changed = styles.clone()
        changed[:, place] += side * step
        images.append(to_pixels(generator.synthesis(changed)))
    return np.stack([*images, change_of(images[0], images[2])], axis=1).reshape(-1, *images[0].shape[1:])


def change_of(one: Pixels, other: Pixels) -> Pixels:
    """Return where two images `[N, 3, r, r]` differ, grey, the largest difference of each pair white."""
    change = np.abs(one.astype(np.float64) - other).mean(axis=1, keepdims=True)
    most = change.max(axis=(1, 2, 3), keepdims=True)
    grey = np.divide(255 * change, most, out=np.zeros_like(change), where=most > 0)
    return np.broadcast_to(grey.round().astype(np.uint8), one.shape)
