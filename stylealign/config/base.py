"""What the settings are made of: the values that keys may have, and the base of every model."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from stylealign.applications.labels.methods import zero_shot_methods
from stylealign.latents import spaces
from stylealign.metrics.networks.registry import distance_protocols, feature_protocols

if TYPE_CHECKING:
    Space = str
    Features = str
    Perceptual = str
    ZeroShotMethod = str
else:
    Space = Literal[spaces.names()]
    Features = Literal[tuple(feature_protocols())]
    Perceptual = Literal[tuple(distance_protocols())]
    ZeroShotMethod = Literal[zero_shot_methods()]

SquareFit = Literal["crop", "letterbox"]
Fit = Literal["crop", "letterbox", "face"]
Faces = Literal["one", "largest", "all"]
Guide = Literal["none", "latent", "reference"]
MorphPath = Literal["linear", "eased", "weights-first", "codes-first"]
Component = Literal["mapping", "affine", "convolutions", "torgb", "torgb-affine", "const+noise"]

Positive = Annotated[int, Field(gt=0)]
Count = Annotated[int, Field(ge=0)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Fraction = Annotated[float, Field(ge=0, le=1)]
PositiveFloat = Annotated[float, Field(gt=0)]
NonNegativeFloat = Annotated[float, Field(ge=0)]
MOST_STRENGTH = 1000
"""Largest strength of an edit, or share of a blend: far beyond where images end."""
Strength = Annotated[float, Field(ge=-MOST_STRENGTH, le=MOST_STRENGTH)]

FEWEST_MEASURED = 4
"""Images of each side that FID and KID are of, at the least."""

LARGEST_PX = 1024
"""Height and width of the largest images that a network draws."""


class Settings(BaseModel):
    """Base of every settings model: frozen; an unknown key is an error, and so is a number that is not finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)
