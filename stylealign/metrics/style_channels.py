"""Localized style channels, and how many of a parent's are localized in the same region of a child.

Wu, Lischinski and Shechtman 2021 (arXiv 2011.12799), section 4; the comparison of parent and child as in StyleAlign.
Maps come from `stylealign.latents.style_channels.gradient_maps`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from stylealign.streams import numpy_stream

NOWHERE = -1
"""The region of a channel that is localized in none."""


def regions_in_cells(labels: NDArray[np.integer], count: int, cells: int) -> NDArray[np.bool_]:
    """Return which cells each region covers: a cell belongs to the label of most of its pixels (the lowest of equals).

    Args:
        labels: `[N, H, W]` numbers of regions; a number outside of `0 ... count - 1` is no region.
        count: number of regions.
        cells: cells on each axis; divides H and W.

    Returns:
        `[N, count, cells, cells]`.
    """
    n, height, width = labels.shape
    assert height % cells == 0 and width % cells == 0, "the cells must divide the labels' size"
    blocks = labels.reshape(n, cells, height // cells, cells, width // cells)
    inside = (blocks >= 0) & (blocks < count)
    shares = [(blocks == region).sum(axis=(2, 4)) for region in range(count)]
    votes = np.stack([*shares, (~inside).sum(axis=(2, 4))], axis=1)
    winners = votes.argmax(axis=1)
    return np.stack([winners == region for region in range(count)], axis=1)


def overlap_scores(maps: NDArray[np.floating], regions: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return how well the most active cells of each channel's map lie on each region: n / o^2.

    The map is cut at the level where it has as many active cells as the region, o; n of them lie on the region
    (Wu et al. 2021, section 4.1).

    Args:
        maps: `[N, C, k, k]` gradient maps.
        regions: `[N, R, k, k]`.

    Returns:
        `[N, C, R]`; 0 where the region is not in the image or the channel does nothing.
    """
    images, channels = maps.shape[:2]
    scores = np.zeros((images, channels, regions.shape[1]))
    for index in range(images):
        flat = maps[index].reshape(channels, -1)
        order = np.argsort(-flat, axis=1, kind="stable")
        active = flat.any(axis=1)
        for region, mask in enumerate(regions[index].reshape(regions.shape[1], -1)):
            area = int(mask.sum())
            if area:
                scores[index, :, region] = mask[order[:, :area]].sum(axis=1) * active / area**2
    return scores


def are_seen(present: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which regions, `[R]`, are in enough images to say anything of them: a fifth, 2 at least, 10 at most.

    Args:
        present: `[N, R]`: which regions each image contains.
    """
    enough: NDArray[np.bool_] = present.sum(axis=0) >= min(max(len(present) // 5, 2), 10)
    return enough


def win_shares(scores: NDArray[np.float64], present: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return in which share of the images that contain it each region wins, `[C, R]`: its score is the highest, not 0.

    Args:
        scores: `[N, C, R]`, of `overlap_scores`.
        present: `[N, R]`: which regions each image contains; one that few contain (`are_seen`) does not compete.
    """
    scores = np.where(are_seen(present), scores, 0)
    _, channels, regions = scores.shape
    winners = scores.argmax(axis=2)
    wins = np.zeros((channels, regions))
    for region in range(regions):
        wins[:, region] = ((winners == region) & (scores[..., region] > 0)).sum(axis=0)
    return wins / np.maximum(present.sum(axis=0), 1)


def localized_regions(
    shares: NDArray[np.float64], least_share: float = 0.5, least_lead: float = 0.25
) -> NDArray[np.int64]:
    """Return the region in which each channel is localized, `[C]`, `NOWHERE` for none.

    A channel is localized in the region that wins in more than `least_share` of the images containing it and leads the
    runner-up by more than `least_lead`.

    Args:
        shares: `[C, R]`, of `win_shares`.
        least_share, least_lead: thresholds, as shares of the images.
    """
    order = np.sort(shares, axis=1)
    lead = order[:, -1] - (order[:, -2] if shares.shape[1] > 1 else 0)
    chosen = (order[:, -1] > least_share) & (lead > least_lead)
    return np.where(chosen, shares.argmax(axis=1), NOWHERE).astype(np.int64)


def most_shared(
    parent: NDArray[np.int64], child: NDArray[np.int64], shares: tuple[NDArray[np.float64], NDArray[np.float64]]
) -> dict[int, NDArray[np.int64]]:
    """Return the channels that are localized in the same region of both, by region, the surest first.

    Args:
        parent, child: `[C]` regions of `localized_regions`.
        shares: `[C, R]` of both, of `win_shares`: a channel is as sure as the lower of its two.
    """
    found = {}
    for region in range(shares[0].shape[1]):
        places = np.flatnonzero((parent == region) & (child == region))
        sure = np.minimum(shares[0][places, region], shares[1][places, region])
        if len(places):
            found[region] = places[np.argsort(-sure, kind="stable")]
    return found


@dataclass(frozen=True)
class SharedChannels:
    """Of the parent's localized channels, those that are localized in the same region of the child."""

    localized: int
    """Channels that are localized in the parent."""
    share: float
    """Share of them localized in the same region of the child; NaN where there are none."""
    baseline: NDArray[np.float64]
    """The same share for the child's channels permuted within each layer, one a draw `[draws]`."""


def shared_channels(
    parent: NDArray[np.int64],
    child: NDArray[np.int64],
    layers: Sequence[int],
    region: int | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> SharedChannels:
    """Compare the regions of parent's and child's channels.

    Args:
        parent, child: `[C]` regions of `localized_regions`.
        layers: channels of each layer, in order; their sum is C.
        region: the parent's channels of this region alone; None for all that are localized.
        draws: permutations for the baseline.
        seed: of the permutations.
    """
    assert parent.shape == child.shape == (sum(layers),), "one region a channel, for the channels of all layers"
    asked = parent != NOWHERE if region is None else parent == region
    random = numpy_stream("permuted channels", seed)
    edges = np.cumsum([0, *layers])

    def share(regions: NDArray[np.int64]) -> float:
        return float((regions[asked] == parent[asked]).mean()) if asked.any() else float("nan")

    def permuted() -> NDArray[np.int64]:
        return np.concatenate([random.permutation(child[start:stop]) for start, stop in pairwise(edges)])

    return SharedChannels(int(asked.sum()), share(child), np.array([share(permuted()) for _ in range(draws)]))
