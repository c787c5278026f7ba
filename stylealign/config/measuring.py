"""Settings of `stylealign evaluate`."""

from typing import Annotated, Literal

from pydantic import Field

from stylealign.config.base import FEWEST_MEASURED, Features, Perceptual, Positive, Seed, Settings


class MetricSettings(Settings):
    """How the numbers of the tables are measured."""

    features: Features = "efficientnet-lite0"
    """Feature network of FID, KID, precision and recall."""
    perceptual: Perceptual = "efficientnet-lite0"
    """Perceptual distance of the tables."""
    weights_dir: str | None = None
    """Folder with weights of downloaded networks: inception-v3.pth, lpips-vgg.pth, lpips-alex.pth."""
    samples: Annotated[int, Field(ge=FEWEST_MEASURED)] = 4000
    """Generated images of the generators and coverage tables."""
    reset_samples: Annotated[int, Field(ge=FEWEST_MEASURED)] = 4000
    """Generated images of each row of the table of parts set back to the parent's: a dozen rows of 64 px."""
    pairs: Annotated[int, Field(ge=2)] = 1000
    """Latents of the point-wise alignment and of what carrying labels over costs, each drawn by parent and child."""
    curve_images: Annotated[int, Field(ge=FEWEST_MEASURED)] = 500
    """Images of each point of the curve of quality against alignment."""
    score_latents: Annotated[int, Field(ge=16)] = 256
    """Latents of the alignment score, and half as many steps in W; the first model draws them rotated, too."""
    direction_samples: Annotated[int, Field(ge=20)] = 1000
    """Samples of the parent in which directions are found."""
    effect_latents: Annotated[int, Field(ge=4)] = 32
    """Latents from which each direction's effect is measured, in every model."""
    channel_images: Annotated[int, Field(ge=2)] = 12
    """Images that the style channels of each model are localized in (Wu et al. 2021: 1000)."""
    channel_cells: Literal[4, 8, 16, 32] = 16
    """Cells on each axis of the maps of the style channels (Wu et al. 2021: 32)."""
    classes: dict[str, str | None] | None = None
    """Shared classes that label networks and annotations are compared in beside their own: class -> shared name, or
    null for none (set as labels.classes)."""
    bootstrap: Positive = 1000
    """Bootstrap draws of a 95 % interval."""
    seed: Seed = 0
    """Seed of the samples and of the bootstrap."""
