"""Real images of the child's domain in the order of what the parent knows: most, middle and least of an attribute.

StyleAlign, section 5.2: the order is that of the images' codes along a hyperplane between the parent's samples.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from stylealign.metrics.effects import See
from stylealign.metrics.latent_labels import IS_VALUE, distances, planes_of
from stylealign.networks.generator import Generator
from stylealign.report.figures import CELL_PX, stacked, tiled
from stylealign.report.sheets import Pixels, enlarge, heading, labelled_rows

MOST_ROWS = 16
"""Numbers and values of a block, of those that vary among the parent's samples (`chosen`)."""
PARTS = ("most", "middle", "least")
GAP_PX = 12
FEW = "an order needs three inverted images or more"
NONE, NONE_PX = "nothing that the networks see varies among the parent's samples", 520


def thirds(scores: NDArray[np.float64], count: int) -> tuple[NDArray[np.intp], ...]:
    """Return the places of the highest, the middle and the lowest of `[N]` scores, `count` each, from the highest.

    No place is in two of them: of few scores there are fewer each.

    """
    count = min(count, len(scores) // len(PARTS))
    assert count > 0, "an order needs three images"
    order = np.argsort(-scores, kind="stable")
    start = (len(scores) - count) // 2
    return order[:count], order[start : start + count], order[-count:]


def chosen(names: Sequence[str], count: int, shared: Collection[str] = ()) -> list[str]:
    """Return so many of the names: values of attributes, then numbers.

    First come attributes with a name in `shared`, and of these, as of the others, those with the fewest names: of yes
    and no that is one. The first value of each attribute is followed by the second of each, ...; that one is absent,
    `hat=none`, says least, and is the last of its values. Values leave the numbers room, but for as many as there are
    attributes of one name.
    """
    attributes: dict[str, list[str]] = {}
    for name in names:
        attribute, is_value, _ = name.partition(IS_VALUE)
        attributes.setdefault(attribute if is_value else "", []).append(name)
    numbers = attributes.pop("", [])
    ordered = sorted(attributes.values(), key=lambda own: (not set(own) & set(shared), len(own)))
    values = [sorted(own, key=lambda name: name.endswith(f"{IS_VALUE}none")) for own in ordered]
    turns = [name for turn in zip_longest(*values) for name in turn if name is not None]
    room = max(count - len(numbers), sum(len(own) == 1 for own in ordered))
    return [*turns[:room], *numbers][:count]


def ranking_sheet(
    parent: Generator,
    see: See,
    ranked: Mapping[str, tuple[Pixels, NDArray[np.float32]]],
    columns: int,
    samples: int,
    seed: int = 0,
    shared: Collection[str] = (),
) -> Pixels:
    """Return a block for each set of codes, a row a number or value: images with the most, the middle, the least of it.

    Args:
        parent: the model that the hyperplanes lie in.
        see: from its images to numbers by name; probabilities for `hat=yes`.
        ranked: by label: images `[N, 3, r, r]` uint8, and their W+ codes `[N, layers, w_dim]`.
        columns: images of each part of a row.
        samples, seed: of the parent.
        shared: names of values that are known of the images, too: these attributes come first.

    Returns:
        `[3, height, width]` uint8; a line that says so where nothing varies, or there are fewer than three images.
    """
    if min(len(images) for images, _ in ranked.values()) < len(PARTS):
        return heading(FEW, NONE_PX)
    planes = planes_of(parent, see, samples, seed)
    shown = chosen(list(planes), MOST_ROWS, shared)
    if not shown:
        return heading(NONE, NONE_PX)
    blocks = {}
    for label, (images, codes) in ranked.items():
        cells = enlarge(images, max(1, CELL_PX // images.shape[-1]))
        rows = []
        for name in shown:
            parts = thirds(distances(codes, planes[name]).mean(axis=1), columns)
            rows.append((name.replace("_", " "), np.concatenate([cells[part] for part in parts])))
        heads = [head if place == 0 else "" for head in PARTS for place in range(len(parts[0]))]
        block = labelled_rows(rows, heads=heads)
        blocks[label] = np.concatenate([heading(f"ranked by codes in {label}", block.shape[2]), block], axis=1)
    return tiled(stacked(blocks, GAP_PX), len(blocks), GAP_PX)
