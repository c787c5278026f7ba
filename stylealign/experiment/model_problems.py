"""What is wrong with the data sets and models of a configuration, as far as their files and sizes say it at once."""

import json
from typing import TYPE_CHECKING

from stylealign.config import FEWEST_MEASURED
from stylealign.config.data import RESOLUTIONS
from stylealign.errors import did_you_mean
from stylealign.experiment.paths import data_file, model_file
from stylealign.files import own_path, safetensors_names, safetensors_texts
from stylealign.measurements import registry

if TYPE_CHECKING:
    from stylealign.experiment.experiment import Experiment


class ModelProblems:
    """Says what would make jobs of data sets and models fail.

    Args:
        run: what the configuration asks for.
    """

    def __init__(self, run: "Experiment") -> None:
        self._run = run

    def all(self) -> list[str | None]:
        """Return what is wrong, a line each; None for what is not."""
        run = self._run
        return [
            *map(self._too_few_pictures, run.imported),
            *map(self._no_such_source, run.models),
            *map(self._too_few_for_a_batch, run.trained),
            *map(self._no_such_dataset, run.config.domains),
            *map(self._of_another_size, run.models),
            *map(self._too_few_tested, run.children),
            *map(self._no_such_layers, run.asking("translation").children),
            *map(self._no_such_kind, run.models),
            *map(self._no_discriminator, run.trained),
        ]

    def _too_few_pictures(self, domain: str) -> str | None:
        settings = self._run.config.domains[domain]
        source = self._run.directory / own_path(settings.path or "")
        if not source.exists():
            is_prepared = (self._run.directory / data_file(domain, "train.zip")).is_file()
            return None if is_prepared else f"domains.{domain}.path: {source}: no such folder or zip"
        found = self._run.identity.pictures_in(domain)
        if settings.split(found) is not None:
            return None
        wanted = settings.wanted(found) or "two images"
        return f"domains.{domain}: {source} holds {found} files, too few for {wanted}; add pictures"

    def _too_few_for_a_batch(self, model: str) -> str | None:
        domain, batch = self._run.domain_of(model), self._run.config.training_of(model).batch_size
        found = self._run.sized().domains[domain].splits.train_images
        if found >= batch:
            return None
        told = f"domains.{domain}: {found} images for training are fewer than the batch_size {batch} of {model}"
        return f"{told}; add pictures, or lower models.{model}.train.batch_size"

    def _no_such_source(self, model: str) -> str | None:
        file = self._run.identity.model_file(model)
        if (
            file is None
            or (self._run.directory / file).is_file()
            or (self._run.directory / model_file(model)).is_file()
        ):
            return None
        hint = did_you_mean(file, self._run.zoo.names("models"))
        return f"models.{model}.fetch: {file}: no such file, and no such name in {self._run.zoo.path}{hint}"

    def _no_such_dataset(self, domain: str) -> str | None:
        source, names = self._run.config.domains[domain].fetch, self._run.zoo.names("datasets")
        if source is None or source in names:
            return None
        hint = did_you_mean(source, names) or f"; known: {', '.join(names)}"
        return f"domains.{domain}.fetch: no data set {source!r} in {self._run.zoo.path}{hint}"

    def _of_another_size(self, model: str) -> str | None:
        """Say where a model draws images of another size than its domain has, or its parent's domain."""
        own, px = self._run.models[model], self._run.resolutions_px[self._run.domain_of(model)]
        drawn = None if own.fetch is None else self._drawn_px(model)
        if drawn not in (None, px):
            told = f"models.{model}.fetch: {own.fetch} draws images of {drawn} px, domains.{own.domain} has {px} px"
            return f"{told}; set its resolution_px: {drawn}, or fetch a model of {px} px"
        theirs = px if own.parent is None else self._run.resolutions_px[self._run.domain_of(own.parent)]
        if theirs == px:
            return None
        told = f"models.{model}.parent: {own.parent} is of a domain of {theirs} px, {own.domain} has {px} px"
        return f"{told}; set the same resolution_px in both domains"

    def _drawn_px(self, model: str) -> int | None:
        """Return the size of a fetched model's images where the zoo or the header of its file tells it."""
        file = self._run.identity.model_file(model)
        if file is None:
            px: int | None = self._run.zoo.entry("models", self._run.models[model].fetch or "").get("resolution_px")
            return px
        try:
            header = json.loads(safetensors_texts(self._run.directory / file)["stylealign"])
            px = header["architecture"]["resolution"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return px

    def _too_few_tested(self, child: str) -> str | None:
        """Say where FID and KID of translations, or of morphs, would be of fewer images than they can be."""
        parent, domains = self._run.domain_of(self._run.compared_with(child)), self._run.sized().domains
        kinds = [kind for kind in ("translation", "morphing") if child in self._run.asking(kind).children]
        if not kinds:
            return None
        of_test = f"FID and KID need {FEWEST_MEASURED}; set test_images: {FEWEST_MEASURED} or more, or add pictures"
        for domain in (self._run.domain_of(child), parent):
            held_out = domains[domain].splits.test_images
            if held_out < FEWEST_MEASURED:
                return f"domains.{domain}: {held_out} of its images are held out for testing, {of_test}"
        asked = {"inversion.images": self._run.config.inversion.images}
        if "morphing" in kinds:
            asked["morphing.middle_images"] = self._run.config.morphing.middle_images
        few = [key for key, images in asked.items() if images < FEWEST_MEASURED]
        return f"{few[0]}: {asked[few[0]]} is too few for FID and KID; give {FEWEST_MEASURED} or more" if few else None

    def _no_such_layers(self, child: str) -> str | None:
        """Say which settings of translations name layers that a child does not have."""
        px, swap = self._run.resolutions_px[self._run.domain_of(child)], self._run.config.layer_swap
        resolutions = [known for known in RESOLUTIONS if known <= px]
        layers, asked = 2 * len(resolutions), self._run.config.translation.source_layers
        if asked >= layers:
            return f"translation.source_layers: {asked} are too many, {child} has {layers} layers; give fewer"
        known = f"the resolutions of {child}, {', '.join(map(str, resolutions))}"
        if swap.schedule is not None:
            named = sorted(swap.schedule) == resolutions
            return None if named else f"layer_swap.schedule: has to name all of {known}, and no other"
        named = swap.swap_px is None or swap.swap_px in resolutions
        return None if named else f"layer_swap.swap_px: {swap.swap_px} is none of {known}"

    def _no_discriminator(self, model: str) -> str | None:
        parent = self._run.models[model].parent
        if parent is None or self._run.config.training_of(model).discriminator == "projected":
            return None
        source = self._run.models[parent].fetch
        if source is None:
            if self._run.config.training_of(parent).discriminator != "projected":
                return None
            told = f"models.{model}.parent: {parent} is trained with discriminator: projected, and has no D"
            return f"{told}; train {model} with discriminator: projected too"
        if self._run.zoo.entry("models", source).get("discriminator", not self._is_generator_alone(parent)):
            return None
        told = f"models.{model}.parent: {parent} is {source}, a generator alone"
        return f"{told}; give one that the run trains, a file with D, or train with discriminator: projected"

    def _is_generator_alone(self, model: str) -> bool:
        """Return whether a model's own file is without D by its header; other formats tell when they are read."""
        file = self._run.identity.model_file(model)
        try:
            names = [] if file is None else safetensors_names(self._run.directory / file)
        except (OSError, ValueError):
            return False
        networks = {name.partition(".")[0] for name in names}
        return "G_ema" in networks and "D" not in networks

    def _no_such_kind(self, model: str) -> str | None:
        names = [kind.name for kind in registry.KINDS]
        unknown = [name for name in self._run.models[model].measured or () if name not in names]
        if not unknown:
            return None
        hint = did_you_mean(unknown[0], names) or f"; known: {', '.join(names)}"
        return f"models.{model}.measured: no kind of measurement {unknown[0]!r}{hint}"
