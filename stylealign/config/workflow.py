"""A whole run of the workflow: what `config/*.yaml` holds."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, TypeVar

from pydantic import Field, PrivateAttr, ValidationError, model_validator

from stylealign.config.applications import (
    BlendSettings,
    LabelSettings,
    MorphSettings,
    TranslateSettings,
    ZeroShotSettings,
)
from stylealign.config.base import LARGEST_PX, Positive, Seed, Settings, Space
from stylealign.config.data import DatasetSettings
from stylealign.config.keeping import KeepSettings
from stylealign.config.latents import EncoderSettings, InvertKeys, InvertSettings
from stylealign.config.layers import places_of, problem_of_rates
from stylealign.config.measuring import MetricSettings
from stylealign.config.messages import problem_of
from stylealign.config.training import ALIGNED, ArchitectureSettings, TrainKeys, TrainSettings, with_preset
from stylealign.errors import did_you_mean
from stylealign.latents import spaces

S = TypeVar("S", bound=Settings)

OF_CHILDREN = {"keep": KeepSettings(), "freeze_d": 0, "train_only": ()}
"""Keys of a training that need a parent, and what they are without one."""


class ModelSettings(Settings):
    """A model: a downloaded one (`fetch`), a child of a `parent`, a downloaded child (both), or one from scratch."""

    domain: str
    """Domain (a key of `domains`) the model draws."""
    fetch: str | None = None
    """Name in data/zoo.yaml, path or URL of a model that is not trained here."""
    parent: str | None = None
    """Model (a key of `models`) the child is fine-tuned from; with `fetch`, was fine-tuned from elsewhere."""
    architecture: ArchitectureSettings | None = None
    """Shape of a model that is trained from scratch."""
    control_of: str | None = None
    """The child this model is the unaligned control of: trained by that child's keys where its own say nothing."""
    train: TrainKeys | None = None
    """Training of this model: keys that differ from the workflow's `train`."""
    measured: tuple[str, ...] | None = None
    """Kinds of measurement (`stylealign evaluate --help`, with _ for -) that this child and its controls are in.
    Default: all."""
    seeds: tuple[Seed, ...] | None = None
    """Seeds of the training: the model becomes one for each seed, NAME-s0, NAME-s1, ..., and the tables get the mean
    over them. A model with the same seeds may name it as `parent` or `control_of`: each seed goes with its own."""

    @model_validator(mode="after")
    def _one_origin(self) -> "ModelSettings":
        if self.seeds is not None:
            self._check_seeds(self.seeds)
        given = [key for key in ("fetch", "parent", "architecture") if getattr(self, key) is not None]
        if len(given) != 1 and given != ["fetch", "parent"]:
            raise ValueError("give one of fetch, parent and architecture; fetch and parent for a child that is fetched")
        if self.measured is not None and (self.parent is None or self.control_of is not None):
            raise ValueError("measured: goes with a child; its controls are where it is, and parents in every table")
        if self.fetch is not None and self.train is not None:
            raise ValueError("train: a fetched model is not trained; leave out train or fetch")
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
        return self.model_copy(update={"seeds": None, "train": TrainKeys(**train, seed=seed), **names})


UNTESTED_IMAGES = 2000
"""Generated images that a label network learns from where it cannot be tested; `labels.images` overrides it."""


class LabelKeys(LabelSettings):
    """Label networks of a run."""

    classes: dict[str, str | None] | None = None
    """Shared classes of domains that name theirs differently, for every network alike: {hair: top, ears: top}; null
    for one that is no shared class: its pixels count as none of these. The zero-shot tables have them beside the
    domain's own classes."""


class Config(Settings):
    """A whole run of the workflow: what `config/config.yaml` holds."""

    domains: dict[str, DatasetSettings]
    """Image domains, by name."""
    models: dict[str, ModelSettings]
    """Parents and children, by name."""
    train: TrainKeys = TrainKeys()
    """Fine-tuning of the children."""
    inversion: InvertKeys = InvertKeys()
    """Inversion of test images (its `space` is set per job)."""
    inversion_spaces: Annotated[tuple[Space, ...], Field(min_length=1)] = ("z", "w+")
    """Spaces the test images are inverted into."""
    inversion_by_space: dict[Space, InvertKeys] = Field(default_factory=dict)
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
    labels: LabelKeys = LabelKeys()
    """Label networks of the zero-shot tables and of the structure measurements."""
    joint_labels: LabelSettings = LabelSettings()
    """Networks trained on all domains together, the rulers of what parent and child are compared by: keys that differ
    from `labels`."""
    zero_shot: ZeroShotSettings = ZeroShotSettings()
    """Labels carried to the domains of the children."""
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
                        f"models.{name}.{key}: no {value!r} among {', '.join(names)}{did_you_mean(value, names)}"
                    )
            if model.fetch is None and not self.domains[model.domain].has_images:
                raise ValueError(
                    f"models.{name}.domain: {model.domain!r} has no images to train on; give it draw, path or fetch"
                )
        return self

    @model_validator(mode="after")
    def _classes_stand_with_the_labels(self) -> "Config":
        if self.metrics.classes is not None:
            raise ValueError("metrics.classes: set it as labels.classes")
        return self

    @model_validator(mode="after")
    def _inversions_agree(self) -> "Config":
        for space, own in self.inversion_by_space.items():
            if own.model_fields_set & {"images", "space"}:
                raise ValueError(f"inversion_by_space.{space}: images and space cannot differ; leave them out")
        return self

    @model_validator(mode="after")
    def _names_fit_paths(self) -> "Config":
        for section, names in (("domains", self.domains), ("models", self.models)):
            for name in names:
                if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}", name):
                    raise ValueError(
                        f"{section}.{name}: a name is made of letters, digits, - and _, 100 at most: it is a folder"
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

    @model_validator(mode="after")
    def _overlays_are_sound(self) -> "Config":
        """Check every training and inversion as its job gets it."""
        for name, model in self.models.items():
            if model.fetch is None:
                where = f"models.{name}.train" if model.train else "train"
                _checked(where, partial(self.training_of, name))
                self._training_fits(name)
                self._keep_fits(name)
        for space in dict.fromkeys([*self.inversion_spaces, *self.inversion_by_space]):
            where = f"inversion_by_space.{space}" if space in self.inversion_by_space else "inversion"
            _checked(where, partial(self.inversion_of, space))
        return self

    def _training_fits(self, name: str) -> None:
        """Refuse a shape and a batch that the job of a training would refuse."""
        model, training = self.models[name], self.training_of(name)
        px, shape = self.domains[model.domain].resolution_px, model.architecture
        if px > LARGEST_PX:
            raise ValueError(f"models.{name}.domain: {model.domain} has {px} px, networks draw up to {LARGEST_PX} px")
        if shape is not None and shape.channel_base < px:
            raise ValueError(
                f"models.{name}.architecture.channel_base: {shape.channel_base} leaves no channels at {px} px; give "
                f"{px} or more"
            )
        layers = len(places_of("D", px))
        if training.freeze_d >= layers:
            raise ValueError(
                f"models.{name}.train.freeze_d: the discriminator of {px} px has {layers} layers, freeze fewer"
            )
        each, group = training.batch_size // training.accumulate, training.mbstd_group_size
        if training.discriminator != "projected" and each % min(group, each):
            raise ValueError(
                f"models.{name}.train.batch_size: {each} images at once hold no whole groups of mbstd_group_size "
                f"{group}; change one of them"
            )

    def _keep_fits(self, name: str) -> None:
        """Refuse what a training cannot keep, which its job would refuse."""
        model, training = self.models[name], self.training_of(name)
        keep, where = training.keep, f"models.{name}.train.keep"
        if model.parent is None:
            self._needs_no_parent(name)
        px = self.domains[model.domain].resolution_px
        for key, method in keep.methods.items():
            looked_at = getattr(method, "resolutions_px", ())
            missing = [wanted for wanted in looked_at if wanted > px]
            if method.weight > 0 and missing:
                known = [at for at in looked_at if at <= px] or [px]
                raise ValueError(
                    f"{where}.{key}.resolutions_px: the model has no {missing[0]} px, its images have {px}; set keep: "
                    f"{{{key}: {{weight: {method.weight:g}, resolutions_px: {known}}}}}"
                )
        if keep.patches.weight > 0 and (keep.patches.at_px or 0) >= px:
            raise ValueError(f"{where}.patches.at_px: the discriminator has features up to {px // 2} px; give less")
        if keep.distances.weight > 0 and training.mbstd_group_size < 3:
            raise ValueError(f"{where}.distances: compares groups of three images or more; raise mbstd_group_size")
        if keep.distances.weight > 0 and training.batch_size // training.accumulate < 3:
            raise ValueError(f"{where}.distances: compares three images or more at once; lower accumulate")
        problem = problem_of_rates("G", px, training)
        if problem is None and training.discriminator != "projected":
            problem = problem_of_rates("D", px, training)
        if problem is not None:
            raise ValueError(f"models.{name}.train.{problem}")

    def _needs_no_parent(self, name: str) -> None:
        """Refuse what a model without a parent says itself of staying near one."""
        training, where = self.training_of(name), f"models.{name}.train"
        if training.keep != KeepSettings():
            raise ValueError(f"{where}.keep: holds a child near its parent; the model has none")
        for key, given in (("freeze_d", training.freeze_d), ("train_only", training.train_only)):
            if given:
                raise ValueError(f"{where}.{key}: keeps weights of a parent; the model has none")
        if training.select in ALIGNED:
            raise ValueError(f"{where}.select: {training.select} needs a parent; the model has none")

    @property
    def untested_labels(self) -> LabelKeys:
        """Label networks of domains that cannot test them: of fewer images, unless `labels.images` is set."""
        if "images" in self.labels.model_fields_set:
            return self.labels
        return self.labels.model_copy(update={"images": UNTESTED_IMAGES})

    @property
    def rulers(self) -> LabelSettings:
        """Return the settings of the networks that are trained on all domains: `labels`, and over it `joint_labels`."""
        own = {name: getattr(self.joint_labels, name) for name in self.joint_labels.model_fields_set}
        return self.labels.model_copy(update=own)

    def inversion_of(self, space: Space) -> InvertSettings:
        """Return the inversion settings of a space: the workflow's, and over them the keys the space sets itself.

        Where an encoder finds no codes of a space, it has its own start; where codes are no vectors of W, no prior.
        """
        init = self.inversion.init if space in spaces.encoded() else "default"
        prior = {} if spaces.space_of(space).is_of_w else {"prior_weight": 0.0}
        own = self.inversion_by_space.get(space)
        return over(InvertSettings, self.inversion, {"init": init, **prior}, own, {"space": space})

    def training_of(self, model: str) -> TrainSettings:
        """Return the training settings of a model, those that change nothing of it with their defaults."""
        return self.told_of(model).without_idle(is_child=self.models[model].parent is not None)

    def told_of(self, model: str) -> TrainSettings:
        """Return the training settings of a model: the workflow's, and over them the keys the model sets itself.

        A model's preset lies over the workflow's keys, and takes the place of the workflow's preset. A control has its
        child's keys under its own: it differs from it in the parent alone.
        """
        own = self.models[model]
        keys = with_preset(self._own_keys(model))
        settings = over(TrainSettings, self.train, keys)
        if own.parent is None:  # what the workflow keeps, and selection by alignment, is of children
            of_children = OF_CHILDREN | ({"select": "last"} if settings.select in ALIGNED else {})
            return settings.model_copy(update={k: value for k, value in of_children.items() if k not in keys})
        if "keep" in keys:
            return settings
        if own.control_of is not None:
            return settings.model_copy(update={"keep": self.told_of(own.control_of).keep})
        return settings.of_child()

    def _own_keys(self, model: str) -> dict[str, Any]:
        own = self.models[model]
        keys = own.train.model_dump(exclude_unset=True) if own.train is not None else {}
        if own.control_of is None or own.parent is None:
            return keys
        return self._own_keys(own.control_of) | keys


def over(model: type[S], *layers: Settings | Mapping[str, Any] | None) -> S:
    """Return the settings of several layers as one, validated once: the keys that each layer sets, the last one wins.

    Raises:
        pydantic.ValidationError: they are not valid together.
    """
    values: dict[str, Any] = {}
    for layer in layers:
        values |= layer.model_dump(exclude_unset=True) if isinstance(layer, Settings) else layer or {}
    return model.model_validate(values)


def _checked(where: str, make: Callable[[], Settings]) -> None:
    """Make settings; what is wrong with them is a ValueError that names the key."""
    try:
        make()
    except ValidationError as error:
        raise ValueError(f"{where}: {problem_of(Settings, error)}") from error
