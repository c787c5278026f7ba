"""Settings of `stylealign invert` and `stylealign encoder`."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from stylealign.config.base import (
    Count,
    Fraction,
    NonNegativeFloat,
    Perceptual,
    Positive,
    PositiveFloat,
    Seed,
    Settings,
    Space,
)
from stylealign.latents import spaces


class InvertSettings(Settings):
    """Projection of images into a latent space by optimisation (Karras et al. 2020, appendix D)."""

    space: Space = Field("w+", description=f"Latent space of the codes: {spaces.words()}.")
    images: Positive = 32
    """Images of the data set to invert, from its first."""
    steps: Count = 150
    """Optimisation steps; 0 keeps the starting code."""
    stop_at: NonNegativeFloat = 0.0
    """An image stops at the step where its loss (perceptual and pixel) is this low; 0 for all steps."""
    batch_size: Positive = 32
    """Images optimised at once."""
    optimizer: Literal["adam", "soap"] = "adam"
    """Karras et al.'s Adam, or `soap`: for few steps, with learning_rate 0.4 and latent_noise 0."""
    learning_rate: PositiveFloat = 0.1
    """The optimizer's learning rate at its plateau."""
    init: Literal["default", "encoder"] = "default"
    """Start of the optimisation: the space's own (see initial_candidates), or an encoder's code (W and W+)."""
    truncation_psi: Fraction = 1.0
    """Truncation inside the generator for Z and Z+ (StyleAlign: 0.5); W and W+ codes are used as they are."""
    initial_candidates: Positive = 256
    """Random codes from which Z and Z+ start with the closest; W and W+ start at w_avg."""
    latent_noise: NonNegativeFloat = 0.05
    """Scale of the noise added to the code early in the run."""
    noise_weight: NonNegativeFloat = 1e5
    """Weight of the noise-map regulariser."""
    pixel_weight: NonNegativeFloat = 1.0
    """Weight of the mean squared pixel error beside the perceptual distance."""
    prior_weight: NonNegativeFloat = 0.0
    """Weight of the codes' distance from where w lies (W, W+): 0.01 keeps codes where children are at home; 0: none."""
    perceptual: Perceptual = "efficientnet-lite0"
    """Perceptual distance that is minimised."""
    perceptual_px: Positive = 256
    """Larger images are reduced to this size, a power of two, before the perceptual distance."""
    seed: Seed = 0
    """Seed of the starting codes and of the latent noise."""

    @model_validator(mode="after")
    def _encoder_knows_the_space(self) -> "InvertSettings":
        if self.init == "encoder" and self.space not in spaces.encoded():
            found = ", ".join(spaces.encoded())
            raise ValueError(f"init: an encoder finds codes of {found} only, not of {self.space}")
        return self

    @model_validator(mode="after")
    def _prior_is_of_w(self) -> "InvertSettings":
        if self.prior_weight and not spaces.space_of(self.space).is_of_w:
            raise ValueError(f"prior_weight: is for codes of w, not of {self.space}; set it to 0")
        return self

    @model_validator(mode="after")
    def _truncates_what_is_mapped(self) -> "InvertSettings":
        if not spaces.space_of(self.space).is_mapped:  # the random samples of the score would be truncated alone
            self.__dict__["truncation_psi"] = 1.0
        return self

    @model_validator(mode="after")
    def _reduces_evenly(self) -> "InvertSettings":
        if self.perceptual_px & (self.perceptual_px - 1):
            raise ValueError(f"perceptual_px must be a power of two, not {self.perceptual_px}")
        return self


class InvertKeys(InvertSettings):
    """Keys of an inversion, each checked for itself; they are checked together when the space is known."""

    full: ClassVar[type[Settings]] = InvertSettings

    @model_validator(mode="after")
    def _encoder_knows_the_space(self) -> "InvertKeys":
        return self

    @model_validator(mode="after")
    def _prior_is_of_w(self) -> "InvertKeys":
        return self

    @model_validator(mode="after")
    def _truncates_what_is_mapped(self) -> "InvertKeys":
        return self


class EncoderSettings(Settings):
    """A network that finds the W+ code of an image at once, trained on the model's samples and on real images."""

    steps: Positive = 4500
    """Training steps."""
    batch_size: Annotated[int, Field(ge=2)] = 32
    """Images of one step: half the model's samples, half real ones."""
    learning_rate: PositiveFloat = 3e-3
    """Adam's peak learning rate (cosine to 0)."""
    code_weight: NonNegativeFloat = 0.02
    """Weight of the squared error of the samples' codes, in units of the variance of W."""
    pixel_weight: NonNegativeFloat = 1.0
    """Weight of the mean squared pixel error beside the perceptual distance."""
    spread_weight: NonNegativeFloat = 0.002
    """Weight that keeps the layers' w of a real image close to each other (Tov et al. 2021)."""
    perceptual: Perceptual = "efficientnet-lite0"
    """Perceptual distance that is minimised."""
    seed: Seed = 0
    """Seed of initialisation, order and latents."""
