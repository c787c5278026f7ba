"""Settings of what keeps a child aligned with its parent while it is trained: `train.keep`."""

from typing import Any, Literal

from pydantic import SerializerFunctionWrapHandler, model_serializer, model_validator

from stylealign.config.base import Component, NonNegativeFloat, PositiveFloat, Settings

Resolution = Literal[4, 8, 16, 32, 64, 128, 256, 512, 1024]


class RateRow(Settings):
    """Learning rate of some layers; of the rows that fit a layer the last one counts.

    FreezeSG (Back 2021, arXiv 2106.12445, section 3.2) is `{network: G, to_px: 8, rate: 0}`, Freeze-D (Mo et al. 2020,
    arXiv 2002.10964) `{network: D, from_px: 32, rate: 0}`.
    """

    network: Literal["G", "D"]
    """Generator or discriminator."""
    components: tuple[Component, ...] = ()
    """Components of the generator; empty for all layers."""
    from_px: Resolution | None = None
    """Lowest resolution. With from_px or to_px a row leaves out the mapping network, which has none."""
    to_px: Resolution | None = None
    """Highest resolution."""
    rate: NonNegativeFloat
    """Multiple of `learning_rate`; 0 keeps the parent's weights to the bit."""

    @model_validator(mode="after")
    def _components_are_of_g(self) -> "RateRow":
        if self.network == "D" and self.components:
            raise ValueError("components: the discriminator has none; leave them out")
        return self


class KeepMethod(Settings):
    """Strength of one way to keep."""

    weight: NonNegativeFloat = 0.0
    """Weight beside the adversarial loss; 0 turns the method off."""
    fade_in_kimg: NonNegativeFloat = 0.0
    """Thousands of images in which the weight rises from 0."""
    fade_out_kimg: PositiveFloat | None = None
    """Thousands of images in which the weight falls to 0, from the start. Default: it stays."""

    def strength(self, kimg: float) -> float:
        """Return the weight after `kimg` thousand images."""
        rise = min(kimg / self.fade_in_kimg, 1.0) if self.fade_in_kimg else 1.0
        fall = max(1.0 - kimg / self.fade_out_kimg, 0.0) if self.fade_out_kimg else 1.0
        return self.weight * rise * fall


class WeightsMethod(KeepMethod):
    """L2-SP: half the squared distance of the weights to the parent's (Li et al. 2018, arXiv 1802.01483, eq. 2)."""

    discriminator_weight: NonNegativeFloat = 0.0
    """The same for the discriminator's weights; fades likewise."""

    def of_discriminator(self) -> KeepMethod:
        """Return the method as it holds the discriminator."""
        return KeepMethod(
            weight=self.discriminator_weight, fade_in_kimg=self.fade_in_kimg, fade_out_kimg=self.fade_out_kimg
        )


class KeepSettings(Settings):
    """Ways to keep a child aligned with its parent, usable together; all of them are off by default."""

    rates: tuple[RateRow, ...] = ()
    """Learning rates by network, component and resolution; a layer that no row fits has `learning_rate`."""
    weights: WeightsMethod = WeightsMethod()
    """Distance to the parent's weights."""

    @model_serializer(mode="wrap")
    def _without_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what has its default: a key that is new changes no training that does not use it."""
        values: dict[str, Any] = handler(self)
        return {
            key: value for key, value in values.items() if getattr(self, key) != KeepSettings.model_fields[key].default
        }
