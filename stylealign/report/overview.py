"""One picture of the whole idea: pictures, their reconstructions, the same code in every child, labels, a morph."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from stylealign.applications.labels.networks import Labeller
from stylealign.applications.morphing import WeightPath
from stylealign.applications.translation import draw
from stylealign.networks.generator import Generator
from stylealign.report.figures import CELL_PX
from stylealign.report.label_overlays import seen
from stylealign.report.sheets import Pixels, enlarge, labelled_rows

MORPH_TIMES = (0.25, 0.5, 0.75)


def overview(
    pictures: Pixels,
    codes: Tensor,
    parent: Generator,
    children: Mapping[str, Generator],
    labellers: Mapping[str, Labeller] | None = None,
) -> Pixels:
    """Return a row a picture: it, its reconstruction, its code in every child, and more of one child.

    That is what a label network of the child's domain sees in it, and the weights' way to it. The children take turns:
    the first row shows the first child's.

    Args:
        pictures: `[N, 3, r, r]` uint8.
        codes: their ws `[N, num_ws, w_dim]` in the parent.
        parent: model that the codes are of.
        children: models of its architecture, by name; at least one.
        labellers: a label network of every child that a row shows more of, by the child's name; None: no labels.

    Returns:
        `[3, height, width]` uint8.
    """
    classes: list[str] = []
    with torch.inference_mode():
        drawn = {name: draw(child, codes) for name, child in children.items()}
        columns = [pictures, draw(parent, codes), *drawn.values()]
        rows = []
        for place, name in enumerate(turns(list(children), len(pictures))):
            path = WeightPath(parent, children[name])
            frames = [draw(path.at(t), codes[place : place + 1])[0] for t in MORPH_TIMES]
            cells = [column[place] for column in columns]
            if labellers is not None:
                cells.append(seen(drawn[name][place : place + 1], [labellers[name]], classes, 1)[0])
            sheet = np.stack([*cells, *frames])
            rows.append((name, enlarge(sheet, max(1, CELL_PX // sheet.shape[-1]))))
    labels = [] if labellers is None else ["labels"]
    heads = ["picture", "reconstruction", *children, *labels, *(f"morph {t:.0%}" for t in MORPH_TIMES)]
    return labelled_rows(rows, heads=heads)


def turns(children: list[str], rows: int) -> list[str]:
    """Return which child each row shows more of."""
    return [children[row % len(children)] for row in range(rows)]
