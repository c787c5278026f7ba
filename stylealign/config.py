"""Every setting of the project, once: defaults, validation, JSON schema and the text of ``--help``.

A verb of the command line takes one of the frozen models below. A workflow file (`config/*.yaml`) is a `Config`,
which is made of the same models, so a key means the same thing wherever it is written.
"""

import difflib
import re
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from stylealign.errors import StyleAlignError
from stylealign.presets import PRESETS, PresetName

AvatarDomain = Literal["human", "mosaic", "animal"]
Space = Literal["z", "z+", "w", "w+"]
Features = Literal["efficientnet-lite0", "inception-v3"]
Perceptual = Literal["efficientnet-lite0", "lpips-vgg", "lpips-alex"]
Task = Literal["segmentation", "keypoints", "pose"]
LabelTask = Literal["segmentation", "keypoints", "pose", "attributes"]
SquareFit = Literal["crop", "letterbox"]
Fit = SquareFit | Literal["face"]
Guide = Literal["none", "latent", "reference"]
MorphPath = Literal["linear", "eased", "weights-first", "codes-first"]
Component = Literal["mapping", "affine", "convolutions", "torgb"]

Positive = Annotated[int, Field(gt=0)]
Count = Annotated[int, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
PositiveFloat = Annotated[float, Field(gt=0)]
NonNegativeFloat = Annotated[float, Field(ge=0)]


class Settings(BaseModel):
    """Base of every settings model: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class DatasetSettings(Settings):
    """A drawn avatar domain (`stylealign data draw`), a folder or zip of images (`stylealign data import`), or a
    published data set (`stylealign data fetch`)."""

    draw: AvatarDomain | None = None
    """Avatar domain to draw: human, mosaic or animal."""
    path: str | None = None
    """Folder or zip of images to import instead of drawing."""
    fetch: str | None = None
    """Name of a data set in data/zoo.yaml, which is downloaded (once) and imported, with its own test split if it has
    one."""
    resolution_px: Positive = 64
    """Height and width of the stored images, a power of two."""
    train_images: Positive = 4000
    """Images of the training split."""
    test_images: Positive = 1000
    """Images of the test split; no image is in both."""
    seed: Count = 0
    """Seed of the drawing, or of the split of imported images."""

    @model_validator(mode="after")
    def _one_source(self) -> "DatasetSettings":
        if sum(source is not None for source in (self.draw, self.path, self.fetch)) != 1:
            raise ValueError("give exactly one of draw, path and fetch")
        if self.resolution_px & (self.resolution_px - 1) or self.resolution_px < 4:
            raise ValueError(f"resolution_px must be a power of two of at least 4, not {self.resolution_px}")
        return self


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
    """Published recipe that gives the values of the keys left out here."""
    kimg: PositiveFloat = 12.0
    """Length of the run: thousands of real images shown to the discriminator."""
    batch_size: Positive = 16
    """Images of one step."""
    mbstd_group_size: Positive = 4
    """Group size of the minibatch standard deviation layer."""
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
    accumulate: Positive = 1
    """Parts of a batch that are computed one after another, for a batch that does not fit into memory."""
    fp16_resolutions: Count | None = None
    """Highest resolutions in half precision on a GPU, in networks with clamped activations. Default: as the parent."""
    snapshot_kimg: PositiveFloat = 4.0
    """Distance between snapshots and sample grids."""
    curve_kimg: tuple[PositiveFloat, ...] = (1, 2, 4, 8, 16, 32, 64, 128, 256)
    """When a child's averaged generator is kept for the curve of quality against alignment, beside its end."""
    evaluate_kimg: PositiveFloat | None = None
    """Distance between measurements of FID and KID against the training images. Default: none."""
    evaluate_images: Annotated[int, Field(ge=4)] = 5000
    """Generated images of a measurement."""
    evaluate_features: Features = "efficientnet-lite0"
    """Feature network of the measurements."""
    select: Literal["last", "best-fid", "best-kid", "fewest-fid", "fewest-kid"] = "last"
    """Which weights become the model: the last, those with the lowest FID or KID among the measurements, or the
    stopping rule for a child: the fewest kimg with a FID or KID within select_tolerance of the lowest."""
    select_tolerance: NonNegativeFloat = 0.1
    """Share of the lowest value that the stopping rule gives away for fewer kimg: more of them cost alignment."""
    state_interval_s: NonNegativeFloat = 30.0
    """Seconds between writes of the resume state."""
    threads: Positive | None = None
    """CPU threads; results are the same to the bit for the same number. Default: the CPUs this process may use."""
    seed: Count = 0
    """Seed of every random number of the run."""

    @model_validator(mode="before")
    @classmethod
    def _fill_from_preset(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("preset") in PRESETS:
            return PRESETS[values["preset"]].train | values
        return values

    @model_validator(mode="after")
    def _parts_and_selection(self) -> "TrainSettings":
        if self.batch_size % self.accumulate:
            raise ValueError(f"batch_size {self.batch_size} must be a multiple of accumulate, {self.accumulate}")
        if self.select != "last" and self.evaluate_kimg is None:
            raise ValueError(f"select {self.select} needs evaluate_kimg: how often to measure")
        return self


class InvertSettings(Settings):
    """Projection of images into a latent space by optimisation (Karras et al. 2020, appendix D)."""

    space: Space = "w+"
    """Latent space of the codes."""
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
    perceptual: Perceptual = "efficientnet-lite0"
    """Perceptual distance that is minimised."""
    perceptual_px: Positive = 256
    """Larger images are reduced to this size, a power of two, before the perceptual distance."""
    seed: Count = 0
    """Seed of the starting codes and of the latent noise."""

    @model_validator(mode="after")
    def _reduces_evenly(self) -> "InvertSettings":
        if self.perceptual_px & (self.perceptual_px - 1):
            raise ValueError(f"perceptual_px must be a power of two, not {self.perceptual_px}")
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
    seed: Count = 0
    """Seed of initialisation, order and latents."""


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
    seed: Count = 0
    """Seed of the random latents, and of which reference guides which image."""

    @model_validator(mode="after")
    def _outputs_differ(self) -> "TranslateSettings":
        if self.outputs > 1 and self.guide == "none":
            raise ValueError("outputs: without a guide every output of a source is the same; set guide or outputs 1")
        return self


class BlendSettings(Settings):
    """A model whose layers come from two aligned models (Pinkney and Adler 2020, arXiv 2010.05334)."""

    swap_px: Positive = 16
    """Resolution from which on the blocks are the second model's; those below are the first's."""
    width_octaves: NonNegativeFloat = 0.0
    """Octaves over which the weights pass from the first model to the second, below swap_px; 0 swaps at once."""
    schedule: dict[int, Fraction] | None = None
    """Share of the second model for each resolution, instead of swap_px and width_octaves."""
    mapping: Fraction = 0.0
    """Share of the second model in the mapping network."""


class MorphSettings(Settings):
    """A morph that moves the latent code and every synthesis weight together (StyleAlign, section 5)."""

    frames: Annotated[int, Field(ge=2)] = 110
    """Frames of a morph, both ends included."""
    duration_s: PositiveFloat = 8.0
    """Length of the video."""
    images: Positive = 8
    """Source images whose morphs are made and measured."""
    strip_frames: Annotated[int, Field(ge=2)] = 8
    """Frames shown in the strip."""
    path: MorphPath = "linear"
    """How code and weights move: linear or eased together, weights-first or codes-first."""
    even: bool = False
    """Show the morph whose frames are re-timed to even perceptual steps (it is measured in any case)."""
    perceptual: Perceptual = "efficientnet-lite0"
    """Perceptual distance that measures and re-times the morphs."""


class LabelSettings(Settings):
    """A network that labels images, trained on annotated or pseudo-labelled ones."""

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
    seed: Count = 0
    """Seed of initialisation, order and latents."""


class MetricSettings(Settings):
    """How the numbers of the tables are measured."""

    features: Features = "efficientnet-lite0"
    """Feature network of FID, KID, precision and recall."""
    perceptual: Perceptual = "efficientnet-lite0"
    """Perceptual distance of the tables."""
    weights_dir: str | None = None
    """Folder with weights of downloaded networks: inception-v3.pth, lpips-vgg.pth, lpips-alex.pth."""
    samples: Positive = 4000
    """Generated images of the generators and coverage tables."""
    pairs: Annotated[int, Field(ge=2)] = 1000
    """Latents of the point-wise alignment, each drawn by parent and child."""
    curve_images: Annotated[int, Field(ge=4)] = 500
    """Images of each point of the curve of quality against alignment."""
    bootstrap: Positive = 1000
    """Bootstrap draws of a 95 % interval."""
    seed: Count = 0
    """Seed of the samples and of the bootstrap."""


class ModelSettings(Settings):
    """A model: a downloaded one (`fetch`), a child of a `parent`, or one from scratch (`architecture`)."""

    domain: str
    """Domain (a key of `domains`) the model draws."""
    fetch: str | None = None
    """Name in data/zoo.yaml, path or URL of a parent."""
    parent: str | None = None
    """Model (a key of `models`) the child is fine-tuned from."""
    architecture: ArchitectureSettings | None = None
    """Shape of a model that is trained from scratch."""
    control_of: str | None = None
    """The child this model is the unaligned control of."""
    train: TrainSettings | None = None
    """Training of this model: keys that differ from the workflow's `train`."""
    seeds: tuple[Count, ...] | None = None
    """Seeds of the training: the model becomes one for each seed, NAME-s0, NAME-s1, ..., and the tables get the mean
    over them. A model with the same seeds may name it as `parent` or `control_of`: each seed goes with its own."""

    @model_validator(mode="after")
    def _one_origin(self) -> "ModelSettings":
        if self.seeds is not None:
            self._check_seeds(self.seeds)
        if sum(origin is not None for origin in (self.fetch, self.parent, self.architecture)) != 1:
            raise ValueError("give exactly one of fetch, parent and architecture")
        return self

    def _check_seeds(self, seeds: tuple[int, ...]) -> None:
        if self.fetch is not None:
            raise ValueError("seeds: a fetched model is not trained; give seeds to its children")
        if len(seeds) < 2 or len(set(seeds)) < len(seeds):
            raise ValueError("seeds: give two or more different ones; for a single one set train: {seed: N}")
        if self.train is not None and "seed" in self.train.model_fields_set:
            raise ValueError("seeds: goes without train.seed")

    def of_seed(self, seed: int, seeded: frozenset[str]) -> "ModelSettings":
        """Return the model of one seed; what it names among the `seeded` models is the one of that seed too."""
        train = self.train.model_dump(exclude_unset=True) if self.train else {}
        names = {key: f"{name}-s{seed}" for key in ("parent", "control_of") if (name := getattr(self, key)) in seeded}
        return self.model_copy(update={"seeds": None, "train": TrainSettings(**train, seed=seed), **names})


class Config(Settings):
    """A whole run of the workflow: what `config/config.yaml` holds."""

    domains: dict[str, DatasetSettings]
    """Image domains, by name."""
    models: dict[str, ModelSettings]
    """Parents and children, by name."""
    train: TrainSettings = TrainSettings()
    """Fine-tuning of the children."""
    inversion: InvertSettings = InvertSettings()
    """Inversion of test images (its `space` is set per job)."""
    inversion_spaces: tuple[Space, ...] = ("z", "w+")
    """Spaces the test images are inverted into."""
    inversion_by_space: dict[Space, InvertSettings] = {}
    """Inversion into one space: keys that differ from the workflow's `inversion`."""
    encoder: EncoderSettings = EncoderSettings()
    """Encoders of the models, trained where `inversion.init` is encoder (it then starts W and W+)."""
    translation: TranslateSettings = TranslateSettings()
    """Translation of the inverted test images (guide and outputs are set per job; `space`: of guided and swapped)."""
    guided_outputs: Positive = 10
    """Images of each source under a guide, and of the random samples beside them (StarGAN v2: 10)."""
    layer_swap: BlendSettings = BlendSettings()
    """Model between parent and child that draws the method `layer-swap`."""
    morphing: MorphSettings = MorphSettings()
    """Morphs from parent to child."""
    labels: LabelSettings = LabelSettings()
    """Label networks of the zero-shot tables and of the structure measurements."""
    metrics: MetricSettings = MetricSettings()
    """Measurement."""
    figure_images: Positive = 8
    """Columns of the figures."""

    _seeded: dict[str, tuple[str, ...]] = PrivateAttr(default_factory=dict)

    @property
    def seeded(self) -> dict[str, tuple[str, ...]]:
        """Models of one training under several seeds, by the name they have in the configuration."""
        return self._seeded

    @model_validator(mode="after")
    def _one_model_a_seed(self) -> "Config":
        """Replace every model that has seeds by one model a seed."""
        seeds = {name: model.seeds for name, model in self.models.items() if model.seeds}
        seeded = {name: tuple(f"{name}-s{seed}" for seed in own) for name, own in seeds.items()}
        models: dict[str, ModelSettings] = {}
        for name, model in self.models.items():
            for key in ("parent", "control_of"):
                named = getattr(model, key)
                if named in seeds and seeds[named] != model.seeds:
                    raise ValueError(
                        f"models.{name}.{key}: {named!r} has seeds; give this model the same, "
                        f"{list(seeds[named])}, or name one of them, {named}-s{seeds[named][0]}"
                    )
            for seed in model.seeds or ():
                models[f"{name}-s{seed}"] = model.of_seed(seed, frozenset(seeds))
            if not model.seeds:
                models[name] = model
        clash = [name for names in seeded.values() for name in names if name in self.models]
        if clash:
            raise ValueError(f"models.{clash[0]}: the name of a seed's model already; give it another")
        self._seeded.update(seeded)
        self.__dict__["models"] = models  # frozen for users; validators may complete it
        return self

    @model_validator(mode="after")
    def _names_exist(self) -> "Config":
        for name, model in self.models.items():
            for key, names in (("domain", self.domains), ("parent", self.models), ("control_of", self.models)):
                value = getattr(model, key)
                if value is not None and value not in names:
                    raise ValueError(
                        f"models.{name}.{key}: no {value!r} among {', '.join(names)}{_nearest(value, names)}"
                    )
        return self

    @model_validator(mode="after")
    def _inversions_agree(self) -> "Config":
        for space, own in self.inversion_by_space.items():
            if own.model_fields_set & {"images", "space"}:
                raise ValueError(f"inversion_by_space.{space}: images and space cannot differ; leave them out")
            if own.init == "encoder" and space not in ("w", "w+"):
                raise ValueError(f"inversion_by_space.{space}.init: an encoder finds codes of w and w+ only")
        return self

    @model_validator(mode="after")
    def _names_fit_paths(self) -> "Config":
        for section, names in (("domains", self.domains), ("models", self.models)):
            for name in names:
                if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
                    raise ValueError(
                        f"{section}.{name}: a name is made of letters, digits, - and _, as it becomes a folder"
                    )
        return self

    @model_validator(mode="after")
    def _family_is_sound(self) -> "Config":
        for name, model in self.models.items():
            ancestors = [name]
            while (parent := self.models[ancestors[-1]].parent) is not None:
                if parent in ancestors:
                    raise ValueError(f"models.{name}.parent: {' -> '.join([*ancestors, parent])} goes in a circle")
                ancestors.append(parent)
            if model.control_of is not None:
                self._check_control(name, model, self.models[model.control_of])
        return self

    def _check_control(self, name: str, model: ModelSettings, child: ModelSettings) -> None:
        """Check that a control differs from its child in the parent, and in nothing else that tables compare."""
        where = f"models.{name}.control_of"
        if child.parent is None or child.control_of is not None:
            raise ValueError(f"{where}: {model.control_of!r} is no child; name a model with a parent")
        if model.parent is None or model.parent == child.parent:
            raise ValueError(f"{where}: a control needs another parent than {model.control_of!r} has")
        if model.domain != child.domain:
            raise ValueError(
                f"{where}: a control is of the domain of its child, {child.domain!r}, not {model.domain!r}"
            )

    def inversion_of(self, space: Space) -> InvertSettings:
        """Return the inversion settings of a space: the workflow's, and over them the keys the space sets itself.

        An encoder finds W+ codes: Z and Z+ have their own start.
        """
        own = self.inversion_by_space.get(space)
        init = self.inversion.init if space in ("w", "w+") else "default"
        update = {"init": init, **(own.model_dump(exclude_unset=True) if own else {}), "space": space}
        return self.inversion.model_copy(update=update)

    def training_of(self, model: str) -> TrainSettings:
        """Return the training settings of a model: the workflow's, and over them the keys the model sets itself."""
        own = self.models[model].train
        return self.train.model_copy(update=own.model_dump(exclude_unset=True)) if own else self.train


M = TypeVar("M", bound=BaseModel)


def validate(model: type[M], values: Any, source: str) -> M:
    """Return `values` as a settings model.

    Args:
        model: settings class.
        values: a mapping of keys to values, as read from YAML or JSON.
        source: where the values come from, for the error: a file or a flag.

    Raises:
        StyleAlignError: an unknown or ill-typed key; the message names it and the nearest known key.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise StyleAlignError(f"{source}: {_first_problem(model, error)}") from error


def _first_problem(model: type[BaseModel], error: ValidationError) -> str:
    problem = error.errors()[0]
    location = [part for part in problem["loc"] if not str(part).startswith("function-")]
    key = ".".join(map(str, location))
    if problem["type"] == "extra_forbidden":
        known = _keys_beside(model, location)
        return f"unknown key {key!r}{_nearest(str(location[-1]), known)}"
    message = problem["msg"].removeprefix("Value error, ")
    given = "" if problem["type"] in ("missing", "value_error") else f", not {problem['input']!r}"
    return f"{key}: {message}{given}" if key else message


def _keys_beside(model: type[BaseModel], location: list[Any]) -> list[str]:
    """Return the known keys of the model that the last element of `location` was given to."""
    current: Any = model
    for part in location[:-1]:
        fields = getattr(current, "model_fields", None)
        current = _model_inside(fields[part].annotation) if fields and part in fields else current
    return list(getattr(current, "model_fields", {}))


def _model_inside(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        found = _model_inside(inner)
        if found is not None:
            return found
    return None


def _nearest(word: str, known: Any) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
