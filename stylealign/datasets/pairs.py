"""Drawn pairs: what agreement of two domains there is at all when only the pose is the same, or the whole figure.

In each pair pose and ground are the same; the figures are drawn independently, or are one figure in two renderings.
Exact annotations come with both sides: the agreement of a child's images with its parent's is read beside them.
"""

import numpy as np
from numpy.typing import NDArray

from stylealign.datasets import avatars_human, avatars_ink, large_arrays
from stylealign.datasets.annotations import Annotations
from stylealign.datasets.avatars import DrawnAnnotations, draw_background, draw_pose, render
from stylealign.datasets.domains import domain
from stylealign.datasets.figures import Figure
from stylealign.errors import StyleAlignError

SAME_POSE, SAME_FIGURE = "same-pose", "same-figure"
"""What the two sides of a pair share: pose and ground; these and the figure."""

_STREAM = 4711  # pairs are images of no split

Side = tuple[NDArray[np.uint8], Annotations]
"""Images [N, 3, H, W] and their annotations."""


def kinds_of_pairs(source: str, target: str) -> list[str]:
    """Return which kinds of pairs two domains have."""
    return [SAME_POSE, *([SAME_FIGURE] if {source, target} <= {"human", "ink"} and source != target else [])]


def drawn_pairs(
    source: str, target: str, kind: str, count: int, seed: int, resolution_px: int, split: str = "test"
) -> tuple[Side, Side]:
    """Draw pairs of two domains; row by row they belong together.

    Args:
        source, target: drawn domains, or one twice.
        kind: `SAME_POSE` or, where the two draw the same figures, `SAME_FIGURE`.
        count: pairs.
        seed: of poses and figures; the sides of all kinds and targets have the same poses.
        resolution_px: size of the images.
        split: the figures are some of this split.

    Raises:
        StyleAlignError: unknown domain, or a kind that the two do not have.
    """
    if kind not in kinds_of_pairs(source, target):
        raise StyleAlignError(
            f"kind: {source} and {target} have no {kind} pairs; only human and ink draw the same figures"
        )
    names, size = (source, target), (count, 3, resolution_px, resolution_px)
    images: list[NDArray[np.uint8]] = [large_arrays.empty(size, np.uint8) for _ in names]
    annotations = [DrawnAnnotations(of, count, resolution_px) for of in names]
    for index in range(count):
        shared = np.random.default_rng([seed, _STREAM, index])
        pose, (name, ground) = draw_pose(shared), draw_background(shared)
        for k, figure in enumerate(_figures(source, target, kind, split, seed, index)):
            avatar = render(domain(names[k]), figure, pose, name, ground, resolution_px)
            images[k][index] = avatar.image
            annotations[k].add(avatar)
    return (images[0], annotations[0].all()), (images[1], annotations[1].all())


def _figures(source: str, target: str, kind: str, split: str, seed: int, index: int) -> tuple[Figure, Figure]:
    def own(name: str, side: int) -> Figure:
        rng = np.random.default_rng([seed, _STREAM, index, side, domain(name).seed_number])
        return domain(name).draw(rng, split)

    if kind == SAME_POSE:
        return own(source, 0), own(target, 1)
    person = avatars_human.draw(np.random.default_rng([seed, _STREAM, index, 0, 0]))
    return (person, avatars_ink.inked(person)) if source == "human" else (avatars_ink.inked(person), person)


def agreements_of_classes(one: Annotations, other: Annotations) -> dict[str, float]:
    """Return the intersection over union of each class that both sets have, over all pixels of all pairs.

    Args:
        one, other: annotations whose images belong together row by row; classes are matched by name.
    """
    assert one.segmentation is not None and other.segmentation is not None, "pairs have class maps"
    shared = [name for name in one.names.classes if name in other.names.classes]
    found = {}
    for name in shared:
        mine = one.segmentation == one.names.classes.index(name)
        theirs = other.segmentation == other.names.classes.index(name)
        if mine.any() and theirs.any():
            found[name] = float((mine & theirs).sum() / (mine | theirs).sum())
    return found


def shuffled(annotations: Annotations) -> Annotations:
    """Return the class maps of another image each: the next one's."""
    assert annotations.segmentation is not None
    return Annotations(segmentation=np.roll(annotations.segmentation, 1, axis=0), names=annotations.names)


def agreement(one: Annotations, other: Annotations) -> float:
    """Return the mean of `agreements_of_classes`; NaN for domains that share no class but the background."""
    found = agreements_of_classes(one, other)
    return float(np.mean(list(found.values()))) if set(found) - {"background"} else float("nan")
