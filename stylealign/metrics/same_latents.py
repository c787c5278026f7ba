"""Two models' images of the same latents: what is measured in each, and how alike they are (StyleAlign, section 4)."""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from stylealign.datasets.avatars import POSE
from stylealign.datasets.figures import SEGMENTATION_CLASSES
from stylealign.images import to_pixels
from stylealign.metrics.bootstrap import Estimate, correlation_estimates, mean_estimate
from stylealign.metrics.structure import POSE_NAMES, keypoint_error, segmentation_agreements
from stylealign.metrics.translation import Predict
from stylealign.networks.generator import Generator
from stylealign.sampling import sample_latents

COLOURS = ("background", "skin")
"""Segmentation classes whose mean colour is compared."""


@dataclasses.dataclass(frozen=True)
class Drawn:
    """What was measured in a model's images of some latents, in their order; None where there was no network for it.

    Attributes:
        w: `[N, w_dim]`.
        size_px: height and width of the images.
        pose: `[N, 4]`.
        keypoints: `[N, K, 2]` pixels.
        classes: `[N, H, W]` segmentation.
        colours: mean colour `[N, 3]` of each of `COLOURS`, NaN where an image has none of it; empty without `classes`.
    """

    w: NDArray[np.float32]
    size_px: int
    pose: NDArray[np.float32] | None = None
    keypoints: NDArray[np.float32] | None = None
    classes: NDArray[np.uint8] | None = None
    colours: Mapping[str, NDArray[np.float64]] = dataclasses.field(default_factory=dict)

    def shuffled(self) -> "Drawn":
        """Return the same measurements in another order: each image takes the next one's place."""

        def rolled(value: NDArray | None) -> NDArray | None:
            return None if value is None else np.roll(value, 1, axis=0)

        colours = {name: np.roll(rgb, 1, axis=0) for name, rgb in (self.colours or {}).items()}
        return Drawn(np.roll(self.w, 1, axis=0), self.size_px, rolled(self.pose), rolled(self.keypoints),
                     rolled(self.classes), colours)  # fmt: skip


@torch.inference_mode()
def draw_and_measure(
    generator: Generator,
    count: int,
    seed: int,
    networks: Mapping[str, Predict],
    progress: Callable[[int], None] | None = None,
) -> Drawn:
    """Draw latents, the same for every generator of one z_dim, and measure the generator's images of them.

    Args:
        generator: on the device it runs on.
        count: number of latents.
        seed: seed of the latents, which are drawn on the CPU.
        networks: measuring functions of the generator's domain, any of `pose`, `keypoints`, `segmentation`.
        progress: called with the images done.
    """
    parts: dict[str, list[np.ndarray]] = {"w": [], **{name: [] for name in networks}}
    coloured = COLOURS if "segmentation" in networks else ()
    parts |= {name: [] for name in coloured}
    done = 0
    for z, c in sample_latents(generator, count, seed):
        ws = generator.mapping(z, c)
        images = to_pixels(generator.synthesis(ws))
        parts["w"].append(ws[:, 0].cpu().numpy())
        for name, predict in networks.items():
            parts[name].append(predict(images))
        for name in coloured:
            parts[name].append(mean_colour(images, parts["segmentation"][-1], name))
        done += len(images)
        if progress is not None:
            progress(done)
    whole = {name: np.concatenate(values) for name, values in parts.items()}
    return Drawn(whole["w"], images.shape[-1], whole.get("pose"), whole.get("keypoints"), whole.get("segmentation"),
                 {name: whole[name] for name in coloured})  # fmt: skip


def mean_colour(images: NDArray[np.uint8], classes: NDArray[np.uint8], label: str) -> NDArray[np.float64]:
    """Return the mean RGB `[N, 3]`, 0 to 255, over the pixels of a class; NaN where an image has none of it.

    Args:
        images: `[N, 3, H, W]`.
        classes: `[N, H, W]`.
        label: one of `SEGMENTATION_CLASSES`.
    """
    mask = classes == SEGMENTATION_CLASSES.index(label)
    count = mask.sum(axis=(1, 2))[:, None].astype(np.float64)
    total = np.einsum("nchw,nhw->nc", images.astype(np.float64), mask.astype(np.float64))
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def agreement(parent: Drawn, child: Drawn, draws: int, seed: int) -> dict[str, Estimate]:
    """Return by metric how alike two models' images of the same latents are; only of what both were measured in.

    Args:
        parent, child: measurements of the same latents, in one order.
        draws, seed: bootstrap over latents.
    """
    one, other = (drawn.w - drawn.w.mean(axis=0) for drawn in (parent, child))
    found = {
        "w_cosine": cosine_estimate(parent.w, child.w, draws, seed),
        "w_offset_cosine": cosine_estimate(one, other, draws, seed),
    }
    if parent.pose is not None and child.pose is not None:
        columns, _ = correlation_estimates(parent.pose, child.pose, draws, seed)
        found |= {f"{POSE_NAMES[name]}_correlation": value for name, value in zip(POSE, columns, strict=True)}
    if parent.keypoints is not None and child.keypoints is not None:
        found["keypoint_error"] = keypoint_error(parent.keypoints, child.keypoints, parent.size_px, draws, seed)
    if parent.classes is not None and child.classes is not None:
        agreements = segmentation_agreements(parent.classes, child.classes)
        found["segmentation_agreement"] = mean_estimate(agreements, draws, seed)
    for name in (name for name in COLOURS if name in parent.colours and name in child.colours):
        mine, theirs = parent.colours[name], child.colours[name]
        both = ~np.isnan(mine[:, 0] + theirs[:, 0])
        _, found[f"{name}_correlation"] = correlation_estimates(mine[both], theirs[both], draws, seed)
    return found


def cosine_estimate(one: NDArray[np.float32], other: NDArray[np.float32], draws: int, seed: int) -> Estimate:
    """Return the mean cosine of the vectors `[N, D]` of two sets, row by row."""
    cosines = F.cosine_similarity(torch.from_numpy(one).double(), torch.from_numpy(other).double(), dim=1)
    return mean_estimate(cosines.numpy(), draws, seed)
