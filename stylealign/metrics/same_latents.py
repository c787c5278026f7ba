"""Two models' images of the same latents: what is measured in each, and how alike they are (StyleAlign, section 4)."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from stylealign.images import to_pixels
from stylealign.metrics.bootstrap import Estimate, correlation_estimates, mean_estimate
from stylealign.metrics.label_fid import beside
from stylealign.metrics.seeing import Ruler, Seeing
from stylealign.metrics.structure import POSE_NAMES
from stylealign.networks.generator import Generator
from stylealign.sampling import sample_latents

COLOURS = ("background", "skin")
"""Segmentation classes whose mean colour is compared."""


@dataclasses.dataclass(frozen=True)
class Drawn:
    """What was measured in a model's images of some latents, in their order; None where there was no network for it.

    Attributes:
        w: `[N, w_dim]`; None of images that no latent made.
        size_px: height and width of the images.
        seen: task -> what its network sees.
        names: task -> names of that, for networks that see numbers.
        colours: mean colour `[N, 3]` of each of `COLOURS`, NaN where an image has none of it; empty without class maps.
        encoded: features `[N, D]` of all networks side by side, where they were asked for and there are any.
    """

    w: NDArray[np.float32] | None
    size_px: int
    seen: Mapping[str, NDArray[Any]] = dataclasses.field(default_factory=dict)
    names: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    colours: Mapping[str, NDArray[np.float64]] = dataclasses.field(default_factory=dict)
    encoded: NDArray[np.float32] | None = None

    def shuffled(self) -> "Drawn":
        """Return the same measurements in another order: each image takes the next one's place."""
        seen = {task: np.roll(values, 1, axis=0) for task, values in self.seen.items()}
        colours = {name: np.roll(rgb, 1, axis=0) for name, rgb in self.colours.items()}
        w, encoded = (None if of is None else np.roll(of, 1, axis=0) for of in (self.w, self.encoded))
        return dataclasses.replace(self, w=w, seen=seen, colours=colours, encoded=encoded)

    def numbers(self, name: str) -> NDArray[Any] | None:
        """Return the number of this name, `[N]`, None where no network sees it."""
        return next(
            (self.seen[task][:, names.index(name)] for task, names in self.names.items() if name in names), None
        )


@torch.inference_mode()
def draw_and_measure(
    generator: Generator,
    count: int,
    seed: int,
    networks: Mapping[str, Seeing],
    progress: Callable[[int], None] | None = None,
    encode: bool = False,
) -> Drawn:
    """Draw latents, the same for every generator of one z_dim, and measure the generator's images of them.

    Args:
        generator: on the device it runs on.
        count: number of latents.
        seed: seed of the latents, which are drawn on the CPU.
        networks: label networks by task.
        progress: called with the images done.
        encode: whether the networks' features are wanted too.
    """
    w: list[np.ndarray] = []
    parts: list[Drawn] = []
    for z, c in sample_latents(generator, count, seed):
        ws = generator.mapping(z, c)
        images = to_pixels(generator.synthesis(ws))
        w.append(ws[:, 0].cpu().numpy())
        parts.append(measured_in(images, networks, encode))
        if progress is not None:
            progress(sum(map(len, w)))
    first = parts[0]
    seen = {task: np.concatenate([part.seen[task] for part in parts]) for task in first.seen}
    means = {name: np.concatenate([part.colours[name] for part in parts]) for name in first.colours}
    features = [part.encoded for part in parts if part.encoded is not None]
    found = np.concatenate(features) if features else None
    return Drawn(np.concatenate(w), first.size_px, seen, first.names, means, found)


def measured_in(images: NDArray[np.uint8], networks: Mapping[str, Seeing], encode: bool = False) -> Drawn:
    """Return what label networks, by task, see in images `[N, 3, H, W]` that are of no latents.

    Args:
        images: what they look at.
        networks: by task.
        encode: whether their features are wanted too.
    """
    seen: dict[str, NDArray[Any]] = {}
    encoded: list[NDArray[np.float32] | None] = []
    colours: dict[str, NDArray[np.float64]] = {}
    for task, network in networks.items():
        if encode:
            seen[task], features = network.look(images)
            encoded.append(features)
        else:
            seen[task] = network(images)
        for name in (name for name in COLOURS if network.sees == "maps" and name in network.names):
            colours[name] = mean_colour(images, seen[task], network.names.index(name))
    names = {task: network.names for task, network in networks.items() if network.sees == "numbers"}
    return Drawn(None, images.shape[-1], seen, names, colours, beside(encoded))


def mean_colour(images: NDArray[np.uint8], classes: NDArray[np.uint8], label: int) -> NDArray[np.float64]:
    """Return the mean RGB `[N, 3]`, 0 to 255, over the pixels of a class; NaN where an image has none of it.

    Args:
        images: `[N, 3, H, W]`.
        classes: `[N, H, W]`.
        label: number of the class.
    """
    mask = classes == label
    count = mask.sum(axis=(1, 2))[:, None].astype(np.float64)
    total = np.einsum("nchw,nhw->nc", images.astype(np.float64), mask.astype(np.float64))
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def agreement(parent: Drawn, child: Drawn, networks: Mapping[str, Ruler], draws: int, seed: int) -> dict[str, Estimate]:
    """Return by metric how alike two models' images of the same latents are; only of what both were measured in.

    Numbers are compared by their correlation, all else as its network compares it.

    Args:
        parent, child: measurements of the same latents, in one order.
        networks: what they were measured with, by task.
        draws, seed: bootstrap over latents.
    """
    found = {}
    if parent.w is not None and child.w is not None:
        one, other = (w - w.mean(axis=0) for w in (parent.w, child.w))
        found["w_cosine"] = cosine_estimate(parent.w, child.w, draws, seed)
        found["w_offset_cosine"] = cosine_estimate(one, other, draws, seed)
    numbers = {name: (parent.numbers(name), child.numbers(name)) for name in POSE_NAMES}
    both_have = {name: pair for name, pair in numbers.items() if pair[0] is not None and pair[1] is not None}
    if both_have:
        mine, theirs = (np.stack(columns, axis=1) for columns in zip(*both_have.values(), strict=True))
        values, _ = correlation_estimates(mine, theirs, draws, seed)
        found |= {f"{POSE_NAMES[name]}_correlation": value for name, value in zip(both_have, values, strict=True)}
    for task, ruler in networks.items():
        if ruler.seeing.sees != "numbers":
            found[ruler.metric] = mean_estimate(ruler.compare(parent.seen[task], child.seen[task]), draws, seed)
    for name in (name for name in COLOURS if name in parent.colours and name in child.colours):
        rgb, other_rgb = parent.colours[name], child.colours[name]
        both = ~np.isnan(rgb[:, 0] + other_rgb[:, 0])
        _, found[f"{name}_correlation"] = correlation_estimates(rgb[both], other_rgb[both], draws, seed)
    return found


def cosine_estimate(one: NDArray[np.float32], other: NDArray[np.float32], draws: int, seed: int) -> Estimate:
    """Return the mean cosine of the vectors `[N, D]` of two sets, row by row."""
    cosines = F.cosine_similarity(torch.from_numpy(one).double(), torch.from_numpy(other).double(), dim=1)
    return mean_estimate(cosines.numpy(), draws, seed)
