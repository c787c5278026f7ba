"""One picture of the whole idea: pictures, their reconstructions, the same code in every child, a morph into one."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from stylealign.applications.morphing import WeightPath
from stylealign.applications.translation import draw
from stylealign.networks.generator import Generator
from stylealign.report.figures import CELL_PX
from stylealign.report.sheets import Pixels, enlarge, labelled_rows

MORPH_TIMES = (0.25, 0.5, 0.75)


def overview(pictures: Pixels, codes: Tensor, parent: Generator, children: Mapping[str, Generator]) -> Pixels:
    """Return a row a picture: it, its reconstruction, its code in every child, and the weights' way to one of them.

    The children take turns: the first row's morph leads to the first child.

    Args:
        pictures: `[N, 3, r, r]` uint8.
        codes: their ws `[N, num_ws, w_dim]` in the parent.
        parent: model that the codes are of.
        children: models of its architecture, by name; at least one.

    Returns:
        `[3, height, width]` uint8.
    """
    with torch.inference_mode():
        columns = [pictures, draw(parent, codes), *(draw(child, codes) for child in children.values())]
        rows = []
        for place, name in enumerate(list(children)[row % len(children)] for row in range(len(pictures))):
            path = WeightPath(parent, children[name])
            frames = [draw(path.at(t), codes[place : place + 1])[0] for t in MORPH_TIMES]
            cells = np.stack([*(column[place] for column in columns), *frames])
            rows.append((f"morph to {name}", enlarge(cells, max(1, CELL_PX // cells.shape[-1]))))
    heads = ["picture", "reconstruction", *children, *(f"morph {t:.0%}" for t in MORPH_TIMES)]
    return labelled_rows(rows, heads=heads)
