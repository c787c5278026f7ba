"""Settings of the verbs that use aligned models: `translate`, `blend`, `morph`, `supervise`, `transfer`."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from stylealign.applications.labels.methods import DEFAULT_METHODS
from stylealign.config.base import (
    Count,
    Fraction,
    Guide,
    MorphPath,
    NonNegativeFloat,
    Perceptual,
    Positive,
    PositiveFloat,
    Seed,
    Settings,
    Space,
    Strength,
    ZeroShotMethod,
)


class TranslateSettings(Settings):
    """Translation of a source image to the target domain by its latent code (StyleAlign, section 5)."""

    space: Space = "w+"
    """Space of the source codes."""
    truncation_psi: Fraction = 1.0
    """Truncation in the target model for Z and Z+ codes."""
    guide: Guide = "none"
    """Where the layers after source_layers come from: the source (none), a random latent, or a reference's code."""
    source_layers: Positive = 3
    """First layers that keep the source's w under a guide (StyleAlign: 4 of 16 at 512 px)."""
    outputs: Positive = 1
    """Images of each source; more than one needs a guide."""
    batch_size: Positive = 32
    """Images synthesised at once."""
    seed: Seed = 0
    """Seed of the random latents, and of which reference guides which image."""

    @model_validator(mode="after")
    def _outputs_differ(self) -> "TranslateSettings":
        if self.outputs > 1 and self.guide == "none":
            raise ValueError("outputs: without a guide every output of a source is the same; set guide or outputs 1")
        return self


class BlendSettings(Settings):
    """A model whose layers come from two aligned models (Pinkney and Adler 2020, arXiv 2010.05334)."""

    swap_px: Positive | None = None
    """Resolution from which on the blocks are the second model's; those below are the first's. Default: 16, the finest
    of smaller models, and 4 with a base."""
    width_octaves: NonNegativeFloat = 0.0
    """Octaves over which the weights pass from the first model to the second, half of them above the border that lies
    below swap_px; 0 swaps at once."""
    schedule: dict[int, Strength] | None = None
    """Share of the second model for each resolution, instead of swap_px and width_octaves."""
    amount: Strength = 1.0
    """Factor of the shares of swap_px and width_octaves: more than 1 goes on beyond the second model."""
    mapping: Strength | None = None
    """Share of the second model in the mapping network. Default: 0, and amount with a base."""


class DirectionSettings(Settings):
    """Directions of a model: where they come from, and how many."""

    count: Positive = 10
    """Directions of the closed form, of the components, or channels."""
    samples: Annotated[int, Field(ge=100)] = 50_000
    """Samples of W for the components (Harkonen et al. 2020) and for the scales."""
    labelled: Positive = 2_000
    """Samples that a label network labels."""
    share: Annotated[float, Field(gt=0, le=0.5)] = 0.2
    """Share of the samples at each end that a boundary is learnt from, for scores of more than two values."""
    classifier: Literal["logistic", "svm"] = "logistic"
    """Learns the boundary."""
    steps: Count = 150
    """Steps of the inversion of example images."""
    seed: Seed = 0
    """Seed of the samples."""


FEWEST_FPS, MOST_FPS = 0.01, 1000.0
"""Frames per second that a video can have: a WebP keeps thousandths of a second."""


class MorphSettings(Settings):
    """A morph that moves the latent code and every synthesis weight together (StyleAlign, section 5)."""

    frames: Annotated[int, Field(ge=2)] = 110
    """Frames of a morph, both ends included."""
    duration_s: PositiveFloat = 8.0
    """Length of the video."""
    images: Positive = 8
    """Source images whose morphs are made and measured."""
    middle_images: Positive = 96
    """Source images whose morph is drawn half-way, one frame each, for the KID to both domains (as many as there are
    codes)."""
    strip_frames: Annotated[int, Field(ge=2)] = 8
    """Frames shown in the strip."""
    path: MorphPath = "linear"
    """How code and weights move: linear or eased together, weights-first or codes-first."""
    even: bool = False
    """Show the morph whose frames are re-timed to even perceptual steps (it is measured in any case)."""
    perceptual: Perceptual = "efficientnet-lite0"
    """Perceptual distance that measures and re-times the morphs."""

    @model_validator(mode="after")
    def _can_be_played(self) -> "MorphSettings":
        fps = self.frames / self.duration_s
        if not FEWEST_FPS <= fps <= MOST_FPS:
            raise ValueError(
                f"duration_s: {self.frames} frames in {self.duration_s:g} s are {fps:g} a second, a video has from "
                f"{FEWEST_FPS:g} to {MOST_FPS:g}; set duration_s or frames"
            )
        return self


class ZeroShotSettings(Settings):
    """How labels are carried to a child's domain, and how often."""

    methods: Annotated[tuple[ZeroShotMethod, ...], Field(min_length=1)] = DEFAULT_METHODS
    """Ways to carry labels over (`stylealign transfer --help` explains them); a row each, the best one on the domain's
    validation images as another."""
    seeds: Positive = 1
    """Networks of each method, from the seed of `labels` on: the tables show their mean."""


class LabelSettings(Settings):
    """A network that labels images, trained on annotated or pseudo-labelled ones."""

    network: Annotated[str, Field(pattern=r"^(small|[\w+]+/[\w.-]+)$")] = "small"
    """Kind of network: small, made for 64 px, or ARCHITECTURE/ENCODER of segmentation-models-pytorch (extra
    `segmentation`), as unet/resnet18, for larger images. `plan` counts the time of the small one."""
    epochs: Positive = 3
    """Passes over the training images."""
    images: Positive = 4000
    """Training images: of the data set, or generated pairs."""
    batch_size: Positive = 16
    """Images of one step."""
    learning_rate: PositiveFloat = 8e-3
    """AdamW's peak learning rate, after a warm-up and before a cosine decay to zero."""
    truncation_psi: Fraction = 1.0
    """Truncation of the generated pairs (zero-shot only)."""
    seed: Seed = 0
    """Seed of initialisation, order and latents."""
