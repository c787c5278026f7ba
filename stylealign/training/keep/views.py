"""What a generator shows on its way to an image, kept for the anchors."""

from dataclasses import dataclass

from torch import Tensor

from stylealign.networks.generator import Generator
from stylealign.training.draws import Draws


@dataclass(frozen=True)
class Wanted:
    """What anchors look at."""

    features: frozenset[int] = frozenset()
    """Resolutions of features, in pixels."""
    rgb: frozenset[int] = frozenset()
    """Resolutions of the RGB outputs."""
    image: bool = False
    """The image."""

    def __or__(self, other: "Wanted") -> "Wanted":
        """Return what either of them looks at."""
        return Wanted(self.features | other.features, self.rgb | other.rgb, self.image or other.image)

    @property
    def highest_px(self) -> int:
        """The resolution that a pass has to reach where the image itself is not wanted."""
        return max(self.features | self.rgb, default=0)


@dataclass(frozen=True)
class View:
    """What one pass has shown."""

    features: dict[int, Tensor]
    """`[N, C, r, r]` behind the last convolution of a resolution r."""
    rgb: dict[int, Tensor]
    """`[N, 3, r, r]`: the sum of the RGB outputs up to a resolution r."""
    image: Tensor
    """`[N, 3, H, W]`: of the resolution that the pass has reached."""
    w: Tensor
    """`[N, w_dim]`: the first style's."""


def view(generator: Generator, draws: Draws, wanted: Wanted, whole: bool = True) -> View:
    """Return what `generator` shows of the latents that were drawn.

    Args:
        generator: child or parent.
        draws: latents, styles and noise.
        wanted: what to keep.
        whole: go on to the image; otherwise stop at the highest resolution that is wanted.
    """
    ws, w = draws.styles(generator)
    features, rgb = {}, {}
    for stage in generator.synthesis.stages(ws, noise_mode="none", noise_maps=draws.noise):
        if stage.resolution in wanted.features:
            features[stage.resolution] = stage.features
        if stage.resolution in wanted.rgb:
            rgb[stage.resolution] = stage.image
        if not whole and stage.resolution >= wanted.highest_px:
            break
    return View(features, rgb, stage.image.contiguous(), w)
