"""Settings of `stylealign train`."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, SerializationInfo, SerializerFunctionWrapHandler, model_serializer, model_validator

from stylealign.config.base import (
    FEWEST_MEASURED,
    Component,
    Count,
    Features,
    Fraction,
    NonNegativeFloat,
    Positive,
    PositiveFloat,
    Seed,
    Settings,
)
from stylealign.config.keeping import FeaturesMethod, KeepSettings, PullSettings
from stylealign.presets import PRESETS, PresetName

UPKEEP = ("snapshot_kimg", "state_interval_s")
"""Keys of `TrainSettings` that change nothing of what a training gives."""
ALIGNED = ("aligned-fid", "most-aligned")
"""Values of `select` that look at the alignment with the parent."""
MEASURED_BY = ("evaluate_images", "evaluate_features")
"""Keys that say what FID is measured by: while the training goes on, where `evaluate_kimg` is set, and by the pull."""
UNSEEN_DEFAULTS = ("keep", "alignment_latents", "select_floor", "discriminator")
"""Keys that JSON leaves out while they have their default: trainings from before there were such keys stay the same."""
HELD = KeepSettings(features=FeaturesMethod(weight=8.0))
"""What keeps a child aligned whose settings do not say: the choice of docs/experiments/keeping.md."""


def with_preset(values: dict[str, Any]) -> dict[str, Any]:
    """Return keys of a training, and under them those of the preset that they name."""
    preset = values.get("preset")
    return PRESETS[preset].train | values if isinstance(preset, str) and preset in PRESETS else values


class ArchitectureSettings(Settings):
    """Shape of a StyleGAN2 trained from scratch; a child takes its parent's."""

    z_dim: Positive = 128
    """Dimension of Z."""
    w_dim: Positive = 128
    """Dimension of W."""
    mapping_layers: Positive = 8
    """Fully connected layers of the mapping network."""
    channel_base: Positive = 1024
    """Channels at resolution r are min(channel_base / r, channel_max)."""
    channel_max: Positive = 64
    """Most channels of any layer."""


class TrainSettings(Settings):
    """StyleGAN2 training and fine-tuning (Karras et al. 2020, arXiv 1912.04958)."""

    preset: PresetName | None = None
    """Named recipe that gives the values of the keys left out here: published ones, and those of the bundled models."""
    kimg: PositiveFloat = 12.0
    """Length of the run: thousands of real images shown to the discriminator."""
    batch_size: Positive = 16
    """Images of one step."""
    mbstd_group_size: Positive = 4
    """Group size of the minibatch standard deviation layer."""
    discriminator: Literal["stylegan2", "projected", "both"] = "stylegan2"
    """What tells real images from generated ones. stylegan2: the network of Karras et al. 2020, a child's from its
    parent. projected: small new heads on frozen features of EfficientNet-Lite1 (Sauer et al. 2021, arXiv 2111.01007): a
    parent's file needs no discriminator, and the child's has none; r1_gamma and mbstd_group_size say nothing then, and
    FID by efficientnet-lite0 flatters the child. both: the two side by side, their losses added."""
    learning_rate: PositiveFloat = 0.002
    """Adam's learning rate of both networks, before the lazy-regularisation correction."""
    mapping_lr_multiplier: PositiveFloat = 0.01
    """Learning-rate multiplier of the mapping network, from scratch; a child keeps its parent's."""
    r1_gamma: NonNegativeFloat = 1.0
    """Weight of the R1 penalty; 0 turns it off."""
    r1_interval: Positive = 16
    """Discriminator steps between R1 penalties (lazy regularisation)."""
    path_length_weight: NonNegativeFloat = 2.0
    """Weight of the path-length penalty; 0 turns it off."""
    path_length_interval: Positive = 4
    """Generator steps between path-length penalties (lazy regularisation)."""
    path_length_batch_shrink: Positive = 2
    """The path-length penalty uses batch_size / path_length_batch_shrink images."""
    style_mixing_probability: Fraction = 0.9
    """Probability that an image mixes the styles of two latents."""
    noise: bool = True
    """Feed per-pixel noise to the synthesis layers. Off, their strength stays 0: right for flat artwork, where early
    training would draw details as dots."""
    ema_kimg: NonNegativeFloat = 5.0
    """Half-life of the averaged generator."""
    ema_rampup: NonNegativeFloat = 0.05
    """The half-life is at most this share of the images shown so far; 0 for no ramp-up (fine-tuning)."""
    mirror: bool = True
    """Mirror half of the training images horizontally."""
    augment: Literal["none", "bgc"] = "none"
    """Augmentation of what the discriminator sees: none, or ADA's geometric and colour transforms."""
    ada_target: Fraction = 0.6
    """Sign of the discriminator's logits on real images (mean) at which the augmentation stays as strong as it is."""
    ada_interval: Positive = 4
    """Steps between adjustments of the augmentation's strength."""
    ada_kimg: PositiveFloat = 100.0
    """Thousands of images in which the strength can rise from 0 to 1 (500 is usual from scratch)."""
    blur_px: NonNegativeFloat = 0.0
    """Blur of all images the discriminator sees at the start, standard deviation in pixels: from scratch, about a
    sixteenth of the resolution brings layout before detail; 0 for none (fine-tuning)."""
    blur_kimg: PositiveFloat = 60.0
    """Thousands of images in which the blur fades to nothing."""
    freeze_d: Count = 0
    """Layers of the discriminator that keep the parent's weights, counted from the image."""
    train_only: tuple[Component, ...] = ()
    """Components of the generator that are trained, the others keep the parent's weights; empty for all."""
    keep: KeepSettings = KeepSettings()
    """Ways to keep a child aligned with its parent; {} for none. Left out, features of 8 and 16 px are held to the
    parent's (features: {weight: 8}); published presets hold nothing."""
    accumulate: Positive = 1
    """Parts of a batch that are computed one after another, for a batch that does not fit into memory."""
    fp16_resolutions: Count | None = None
    """Highest resolutions in half precision on a GPU, in networks with clamped activations. Default: as the parent.
    Those that `keep.similarity` and `keep.distances` compare, and lower ones, run in single precision: in half
    precision their gradients vanish."""
    snapshot_kimg: PositiveFloat = 4.0
    """Distance between snapshots and sample grids."""
    curve_kimg: tuple[PositiveFloat, ...] = (1, 2, 4, 8, 16, 32, 64, 128, 256)
    """When a child's averaged generator is kept for the curve of quality against alignment, beside its end."""
    evaluate_kimg: PositiveFloat | None = None
    """Distance between measurements of FID and KID against the training images. Default: none."""
    evaluate_images: Annotated[int, Field(ge=FEWEST_MEASURED)] = 5000
    """Generated images of a measurement."""
    evaluate_features: Features = "efficientnet-lite0"
    """Feature network of the measurements."""
    alignment_latents: Annotated[int, Field(ge=16)] | None = 64
    """Latents of the alignment score that a child reports with every snapshot and measurement: the same in it and in
    its parent, without labels. null for none."""
    select: Literal["last", "best-fid", "best-kid", "fewest-fid", "fewest-kid", "aligned-fid", "most-aligned"] = "last"
    """Which weights become the model: the last, those with the lowest FID or KID among the measurements, or a stopping
    rule for a child. fewest-fid, fewest-kid: the fewest kimg with a FID or KID within select_tolerance of the lowest.
    aligned-fid: the lowest FID among those with an alignment score of select_floor or more (the most aligned where none
    has). most-aligned: the highest alignment score among those with a FID within select_tolerance of the lowest."""
    select_tolerance: NonNegativeFloat = 0.1
    """Share of the lowest value that the stopping rule gives away for fewer kimg: more of them cost alignment."""
    select_floor: Fraction = 0.5
    """Alignment score that aligned-fid asks for."""
    state_interval_s: NonNegativeFloat = 30.0
    """Seconds between writes of the resume state."""
    threads: Positive | None = None
    """CPU threads; results are the same to the bit for the same number. Default: the CPUs this process may use; in the
    workflow the cores, shared by the trainings that run side by side (docs/performance.md), without a GPU."""
    seed: Seed = 0
    """Seed of every random number of the run."""

    def of_child(self) -> Self:
        """The same training of a child: where nothing is said of `keep`, it is `HELD`."""
        return self if "keep" in self.model_fields_set else self.model_copy(update={"keep": HELD})

    def idle(self, is_child: bool) -> list[str]:
        """Return the keys that change nothing of this training, as the values of others have no use for them.

        Args:
            is_child: whether it starts from a parent.
        """
        rule, _, _ = self.select.partition("-")
        without_use = {
            ("mapping_lr_multiplier",): is_child,
            ("curve_kimg", "alignment_latents"): not is_child,
            ("r1_gamma",): self.discriminator == "projected",
            ("r1_interval",): not self.penalises,
            ("path_length_interval", "path_length_batch_shrink"): self.path_length_weight == 0,
            ("ada_target", "ada_interval", "ada_kimg"): self.augment == "none",
            ("blur_kimg",): self.blur_px == 0,
            MEASURED_BY: not self.measures,
            ("evaluate_images",): self.evaluate_kimg is None and self.keep.pull.images is not None,
            ("select_tolerance",): rule not in ("fewest", "most"),
            ("select_floor",): self.select != "aligned-fid",
        }
        return [key for keys, is_idle in without_use.items() if is_idle for key in keys]

    def without_idle(self, is_child: bool) -> Self:
        """The same training with the defaults of `idle` keys: two that differ in them alone are one."""
        fields = type(self).model_fields
        return self.model_copy(update={key: fields[key].default for key in self.idle(is_child)})

    @property
    def before_pull(self) -> Self:
        """The same training without the pull at its end, which changes nothing of what comes before, and without what
        it alone is measured by."""
        unused = () if self.evaluate_kimg is not None else MEASURED_BY
        defaults = {key: type(self).model_fields[key].default for key in unused}
        return self.model_copy(update=defaults | {"keep": self.keep.model_copy(update={"pull": PullSettings()})})

    @property
    def penalises(self) -> bool:
        """Whether the discriminator is regularised by R1."""
        return self.r1_gamma > 0 and self.discriminator != "projected"

    @property
    def measures(self) -> bool:
        """Whether FID is measured while the training goes on or when it is done."""
        return self.evaluate_kimg is not None or not self.keep.pull.is_off

    @model_validator(mode="before")
    @classmethod
    def _fill_from_preset(cls, values: Any) -> Any:
        return with_preset(values) if isinstance(values, dict) else values

    @model_validator(mode="after")
    def _parts_and_selection(self) -> "TrainSettings":
        if self.batch_size % self.accumulate:
            raise ValueError(f"batch_size {self.batch_size} must be a multiple of accumulate, {self.accumulate}")
        if self.select != "last" and self.evaluate_kimg is None:
            raise ValueError(f"select {self.select} needs evaluate_kimg: how often to measure")
        if self.select != "last" and (self.evaluate_kimg or 0) >= self.kimg:
            raise ValueError(
                f"select {self.select}: evaluate_kimg {self.evaluate_kimg:g} is one measurement in {self.kimg:g} kimg; "
                "measure more often"
            )
        for key, method in self.keep.methods.items():
            if method.fade_in_kimg > self.kimg:
                raise ValueError(
                    f"keep.{key}.fade_in_kimg: {method.fade_in_kimg:g} is longer than the training, {self.kimg:g} kimg"
                )
        if self.select in ALIGNED and self.alignment_latents is None:
            raise ValueError(f"select {self.select} needs alignment_latents")
        if self.discriminator == "projected":
            self._check_projected()
        return self

    def _check_projected(self) -> None:
        held = self.keep
        for key, given in (
            ("freeze_d", self.freeze_d > 0),
            ("keep.patches", held.patches.weight > 0),
            ("keep.weights.discriminator_weight", held.weights.discriminator_weight > 0),
            ("keep.rates with network D", any(row.network == "D" for row in held.rates)),
        ):
            if given:
                raise ValueError(f"{key} needs discriminator: stylegan2 or both, a projected one has no such layers")

    @model_serializer(mode="wrap")
    def _without_unseen(self, handler: SerializerFunctionWrapHandler, info: SerializationInfo) -> dict[str, Any]:
        values: dict[str, Any] = handler(self)
        unseen = UNSEEN_DEFAULTS if info.mode == "json" else ()
        said = {"keep"} & self.model_fields_set  # of a child, nothing held is not its default
        if self.preset is not None and "preset" not in (info.exclude or ()):  # whoever reads them has its values
            said |= PRESETS[self.preset].train.keys()
        defaults = {key: TrainSettings.model_fields[key].default for key in unseen if key not in said}
        return {k: v for k, v in values.items() if k not in defaults or getattr(self, k) != defaults[k]}


class TrainKeys(TrainSettings):
    """Keys of a training, each checked for itself; they are checked together when they lie over the workflow's."""

    full: ClassVar[type[Settings]] = TrainSettings

    @model_validator(mode="before")
    @classmethod
    def _fill_from_preset(cls, values: Any) -> Any:
        """Leave a preset to where the keys lie: another over it takes its place."""
        return values

    @model_validator(mode="after")
    def _parts_and_selection(self) -> "TrainKeys":
        return self
