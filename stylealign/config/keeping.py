"""Settings of what keeps a child aligned with its parent while it is trained: `train.keep`."""

from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator

from stylealign.config.base import FEWEST_MEASURED, Component, NonNegativeFloat, PositiveFloat, Settings

Resolution = Literal[4, 8, 16, 32, 64, 128, 256, 512, 1024]
Resolutions = Annotated[tuple[Resolution, ...], Field(min_length=1)]


class RateRow(Settings):
    """Learning rate of some layers; of the rows that fit a layer the last one counts.

    FreezeSG (Back 2021, arXiv 2106.12445) is `{network: G, to_px: 8, rate: 0}`, Freeze-D (Mo et al. 2020,
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
        if self.from_px is not None and self.to_px is not None and self.from_px > self.to_px:
            raise ValueError(f"from_px {self.from_px} is above to_px {self.to_px}: no layer fits")
        return self


class KeepMethod(Settings):
    """Strength of one way to keep."""

    weight: NonNegativeFloat = 0.0
    """Weight beside the adversarial loss; 0 turns the method off."""
    fade_in_kimg: NonNegativeFloat = 0.0
    """Thousands of images in which the weight rises from 0."""
    fade_out_kimg: PositiveFloat | None = None
    """Thousands of images in which the weight falls to 0, from the start. Default: it stays."""

    @model_validator(mode="after")
    def _has_a_weight(self) -> "KeepMethod":
        if self.model_fields_set and not self.model_fields_set & {"weight", "discriminator_weight"}:
            raise ValueError("give it a weight too, without one it holds nothing")
        return self

    @property
    def is_off(self) -> bool:
        """Whether it holds nothing at any time."""
        return self.weight == 0

    def strength(self, kimg: float) -> float:
        """Return the weight after `kimg` thousand images."""
        rise = min(kimg / self.fade_in_kimg, 1.0) if self.fade_in_kimg else 1.0
        fall = max(1.0 - kimg / self.fade_out_kimg, 0.0) if self.fade_out_kimg else 1.0
        return self.weight * rise * fall

    @property
    def changes(self) -> bool:
        """Whether the weight changes while the training goes on."""
        return self.weight > 0 and (self.fade_in_kimg > 0 or self.fade_out_kimg is not None)


class WeightsMethod(KeepMethod):
    """L2-SP: half the squared distance of the weights to the parent's (Li et al. 2018, arXiv 1802.01483, eq. 2)."""

    discriminator_weight: NonNegativeFloat = 0.0
    """The same for the discriminator's weights; fades likewise."""

    @property
    def is_off(self) -> bool:
        """Whether it holds neither network at any time."""
        return super().is_off and self.discriminator_weight == 0

    def of_discriminator(self) -> KeepMethod:
        """Return the method as it holds the discriminator."""
        return KeepMethod(
            weight=self.discriminator_weight, fade_in_kimg=self.fade_in_kimg, fade_out_kimg=self.fade_out_kimg
        )


class AnchorMethod(KeepMethod):
    """Strength of a comparison with the parent's pass of the same latents."""

    normalise: bool = True
    """Bring each channel of each image to mean 0 and variance 1 before it is compared: an anchor that carries
    brightness and colour draws a domain in the parent's tones."""


class FeaturesMethod(AnchorMethod):
    """Features of chosen resolutions, low-passed (after Lee et al. 2022, arXiv 2204.14079)."""

    resolutions_px: Resolutions = (8, 16)
    """Resolutions whose features are compared."""
    lowpass_px: Resolution = 8
    """Size that larger maps are averaged down to."""


class RgbMethod(AnchorMethod):
    """RGB outputs of the low resolutions: the structure loss of Back 2021 (arXiv 2106.12445)."""

    resolutions_px: Resolutions = (4, 8, 16)
    """Resolutions whose RGB outputs are compared."""


class SimilarityMethod(AnchorMethod):
    """Which positions of an image are alike: self-similarity of features (Xiao et al. 2022, arXiv 2203.04121)."""

    resolutions_px: Resolutions = (16,)
    """Resolutions whose features are compared."""
    lowpass_px: Resolution = 16
    """Size that larger maps are averaged down to: the similarities grow with its fourth power."""


class DistancesMethod(AnchorMethod):
    """Which images of a group are alike: cross-domain distance consistency (Ojha et al. 2021, arXiv 2104.06820).

    The groups are those of the minibatch standard deviation (`mbstd_group_size`), of three images or more.
    """

    resolutions_px: Resolutions = (8, 16)
    """Resolutions whose features are compared."""


class PatchesMethod(KeepMethod):
    """The discriminator sees whole images for half of the latents, patches for all (Ojha et al. 2021, section 3.2).

    Elsewhere than in that half of Z, the child may keep its parent's layout where no training image has it.
    """

    at_px: Resolution | None = None
    """Resolution of the discriminator's features that patches are judged by. Default: a quarter of the image's."""


class LayoutMethod(AnchorMethod):
    """Outlines or luminance of the image on a coarse grid (low frequencies as layout: ILVR, Choi et al. 2021, arXiv
    2108.02938)."""

    of: Literal["edges", "luminance"] = "edges"
    """What is compared: the slope of the luminance (Sobel), whichever side is dark, or the luminance itself."""
    lowpass_px: Resolution = 16
    """Size that the maps are averaged down to."""


class PerceptualMethod(AnchorMethod):
    """Middle features of EfficientNet-Lite0 (feature reconstruction, Johnson et al. 2016, arXiv 1603.08155)."""

    layers: Annotated[tuple[Annotated[int, Field(ge=0, le=3)], ...], Field(min_length=1)] = (2,)
    """Layers that are compared: 0 of stride 2, 1 of 4, 2 of 8, 3 of 16."""


class CodeMethod(KeepMethod):
    """The w that the parent's encoder reads back from the image (latent regression, Zhu et al. 2017, arXiv 1711.11586).

    `train --encoder` names the encoder (`stylealign encoder`); in the workflow it is that of the parent.
    """

    to_px: Resolution = 16
    """Highest resolution whose w is compared; the fine layers hold colours."""


class PullSettings(Settings):
    """Weights pulled back towards the parent when the training is done, the mapping network and then each resolution
    from 4 px up, as far as FID allows: a swap of layers (Pinkney and Adler 2020, arXiv 2010.05334) whose place is
    chosen by FID in `evaluate_features`, not fixed. The shares are chosen for the averaged generator; the training
    generator takes the same of the same weights, the discriminator none. Asked for later, beside what was held, it
    trains nothing again."""

    tolerance: NonNegativeFloat = 0.0
    """Share of its FID by which the child may become worse; 0 turns the pull off."""
    shares: Annotated[tuple[Annotated[float, Field(gt=0, le=1)], ...], Field(min_length=1)] = (1.0, 0.5)
    """Shares of the parent that are tried at each place, the largest first."""
    images: Annotated[int, Field(ge=FEWEST_MEASURED)] | None = None
    """Generated images of each measurement. Default: `evaluate_images`."""

    @model_validator(mode="after")
    def _has_a_tolerance(self) -> "PullSettings":
        if self.model_fields_set and "tolerance" not in self.model_fields_set:
            raise ValueError("give it a tolerance too, without one it pulls nothing")
        return self

    @property
    def is_off(self) -> bool:
        """Whether nothing is pulled."""
        return self.tolerance == 0


class KeepSettings(Settings):
    """Ways to keep a child aligned with its parent, usable together; each is off by default."""

    rates: tuple[RateRow, ...] = ()
    """Learning rates by network, component and resolution; a layer that no row fits has `learning_rate`."""
    weights: WeightsMethod = WeightsMethod()
    """Distance to the parent's weights."""
    features: FeaturesMethod = FeaturesMethod()
    """Anchor: features."""
    rgb: RgbMethod = RgbMethod()
    """Anchor: RGB outputs."""
    similarity: SimilarityMethod = SimilarityMethod()
    """Anchor: self-similarity of features."""
    distances: DistancesMethod = DistancesMethod()
    """Anchor: distances between images."""
    patches: PatchesMethod = PatchesMethod()
    """Patch discriminator beside the anchors."""
    layout: LayoutMethod = LayoutMethod()
    """Anchor: layout of the image."""
    perceptual: PerceptualMethod = PerceptualMethod()
    """Anchor: features of a perceptual network."""
    code: CodeMethod = CodeMethod()
    """Anchor: the w that an encoder reads back."""
    pull: PullSettings = PullSettings()
    """After the training: weights of the parent where FID allows."""

    @field_validator("*")
    @classmethod
    def _off_is_left_out(cls, value: Any) -> Any:
        """Forget what is said of a way without weight: it changes nothing."""
        return type(value)() if isinstance(value, KeepMethod | PullSettings) and value.is_off else value

    @property
    def methods(self) -> dict[str, KeepMethod]:
        """Every way that has a weight in the loss or beside it, by its key."""
        methods = {key: value for key, value in self if isinstance(value, KeepMethod)}
        return methods | {"weights.discriminator_weight": self.weights.of_discriminator()}

    @model_serializer(mode="wrap")
    def _without_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what has its default: a key that is new changes no training that does not use it."""
        values: dict[str, Any] = handler(self)
        return {
            key: value for key, value in values.items() if getattr(self, key) != KeepSettings.model_fields[key].default
        }
