"""The same edits in every model: directions of a parent, from one end to the other, a row a model."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from stylealign.checkpoints.differences import require_same_architecture
from stylealign.errors import StyleAlignError
from stylealign.images import to_pixels
from stylealign.metrics.effects import STRENGTH
from stylealign.networks.generator import Generator
from stylealign.report.figures import CELL_PX, stacked, tiled
from stylealign.report.sheets import Pixels, enlarge, heading, labelled_rows
from stylealign.sampling import mean_label, seeded_z

SHARES = (-1.0, -0.5, 0.0, 0.5, 1.0)
"""Of the way from the middle to an end."""
LATENTS = 2
SEED = 0
GAP_PX = 12


def edits_sheet(generators: Mapping[str, Generator], shown: Sequence[Mapping[str, Any]], source: str | Path) -> Pixels:
    """Return a block of rows for each direction, a row a model, the same latents moved by the same steps in each.

    Args:
        generators: of one architecture, by the label of their rows.
        shown: name and step `[w_dim]` of each direction, as the rows of `evaluate alignment-semantic` keep them.
        source: the file they are from.

    Returns:
        `[3, height, width]` uint8.

    Raises:
        StyleAlignError: no directions, directions of other models, or models of different architecture.
    """
    (name, first), *others = generators.items()
    for label, other in others:
        require_same_architecture(first.architecture, other.architecture, (name, label))
    if not shown:
        raise StyleAlignError(
            f"{source}: keeps no directions; give rows of evaluate alignment-semantic or alignment-recovery"
        )
    width = len(shown[0]["step"])
    if width != first.architecture.w_dim:
        raise StyleAlignError(
            f"{source}: directions of {width} numbers, w of {name} has {first.architecture.w_dim}; give its own rows"
        )
    scale = max(1, CELL_PX // 2 // first.architecture.resolution)
    columns = [f"{STRENGTH * share:+g} sd" if share else "0" for share in SHARES] * LATENTS
    blocks = []
    for direction in shown:
        step = torch.tensor(direction["step"], dtype=torch.float32)
        rows = [(label, enlarge(moved(generator, step), scale)) for label, generator in generators.items()]
        block = labelled_rows(rows, heads=columns)
        blocks.append(np.concatenate([heading(direction["name"], block.shape[2]), block], axis=1))
    return tiled(stacked(dict(enumerate(blocks)), GAP_PX), len(blocks), GAP_PX)


@torch.inference_mode()
def moved(generator: Generator, step: torch.Tensor) -> Pixels:
    """Return images `[LATENTS * len(SHARES), 3, r, r]`: each latent from one end of a step `[w_dim]` to the other."""
    ws = generator.mapping(seeded_z(LATENTS, generator.architecture.z_dim, SEED), mean_label(generator, LATENTS))
    images = [to_pixels(generator.synthesis(ws + share * step)) for share in SHARES]
    return np.stack(images, axis=1).reshape(-1, *images[0].shape[1:])
