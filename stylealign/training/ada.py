"""ADA: how strong the augmentation is (Karras et al. 2020, arXiv 2006.06676, section 3)."""

import math
from typing import Any

from torch import Tensor


class AdaptiveStrength:
    """The probability p of every transform, held where the discriminator tells real images from fakes just well enough.

    The sign of its logits on real images, averaged, is r_t of the paper's eq. 1: 0 where it cannot tell, 1 where it has
    learnt the training images by heart. Every few steps p moves up where r_t is above the target, else down.

    Args:
        target: r_t that is aimed at.
        interval: steps between adjustments.
        kimg: thousands of images in which p can rise from 0 to 1.
    """

    def __init__(self, target: float, interval: int, kimg: float) -> None:
        self.target, self.interval, self.kimg = target, interval, kimg
        self.p = 0.0
        self.overfitting = 0.0
        """r_t of the last adjustment."""
        self._sign_sum, self._images, self._steps = 0.0, 0, 0
        self._unread: list[tuple[float | Tensor, int]] = []

    def update(self, mean_sign: float | Tensor, images: int) -> None:
        """Take in one step: the mean sign of the logits of `images` real images.

        A tensor is read when p is adjusted, so that the steps between do not wait for a GPU.
        """
        self._unread.append((mean_sign, images))
        self._images += images
        self._steps += 1
        if self._steps < self.interval:
            return
        self._read()
        self.overfitting = self._sign_sum / self._images
        direction = math.copysign(1.0, self.overfitting - self.target) if self.overfitting != self.target else 0.0
        self.p = min(max(self.p + direction * self._images / (self.kimg * 1000), 0.0), 1.0)
        self._sign_sum, self._images, self._steps = 0.0, 0, 0

    def _read(self) -> None:
        for mean_sign, images in self._unread:
            self._sign_sum += float(mean_sign) * images
        self._unread.clear()

    def state(self) -> dict[str, Any]:
        """Return what a resumed run needs."""
        self._read()
        return {
            "p": self.p,
            "overfitting": self.overfitting,
            "sign_sum": self._sign_sum,
            "images": self._images,
            "steps": self._steps,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take over what `state` returned."""
        self._unread.clear()
        self.p, self.overfitting = state["p"], state["overfitting"]
        self._sign_sum, self._images, self._steps = state["sign_sum"], state["images"], state["steps"]
