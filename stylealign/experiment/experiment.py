"""One experiment: what a configuration asks for, and which files each job of it reads."""

from pathlib import Path

from stylealign.applications.labels.tasks import comparing, drawn
from stylealign.config import UPKEEP, Config, PairSettings, Space
from stylealign.errors import did_you_mean
from stylealign.experiment.family import Family
from stylealign.experiment.identity import Identity
from stylealign.experiment.words import as_json, flags
from stylealign.experiment.zoo import Zoo
from stylealign.files import own_path
from stylealign.latents.spaces import most_detailed, names, space_of
from stylealign.measurements import registry
from stylealign.metrics.networks.registry import network_of

Files = dict[str, str]
"""Files by the role they play in a job."""

WEIGHTS_DIR = "data/weights"
GUIDES = {"latent-guided": "latent", "reference-guided": "reference"}
LAYER_SWAP = "layer-swap"


def data_file(domain: str, name: str) -> str:
    """Return a file of a prepared data set."""
    return f"data/prepared/{domain}/{name}"


def model_file(model: str) -> str:
    """Return the file of a model."""
    return f"results/models/{model}/model.safetensors"


def label_network(task: str, domain: str) -> str:
    """Return the network that was trained on a domain's own annotations."""
    return f"results/zero_shot/{task}/{domain}/oracle.safetensors"


def joint_network(task: str, resolution_px: int) -> str:
    """Return the network that learnt from all domains of one size together: the ruler between domains."""
    return f"results/zero_shot/{task}/joint-{resolution_px}px.safetensors"


class Experiment(Family):
    """A configuration, with what its jobs read and make. Paths are relative to the folder of the run.

    Args:
        config: the configuration.
        zoo: `data/zoo.yaml`.
        directory: folder of the run.
    """

    def __init__(self, config: Config, zoo: Path, directory: Path = Path()) -> None:
        super().__init__(config)
        self.config = _with_weights(config)
        self.zoo = Zoo(zoo)
        self.identity = Identity(self.config, self.zoo, directory)
        self.directory = directory

    def problems(self) -> list[str]:
        """Return what would make jobs fail and can be seen before they start, a line each."""
        found = [*map(self._too_few_pictures, self.imported), *map(self._no_such_source, self.models)]
        return [problem for problem in found if problem is not None]

    def _too_few_pictures(self, domain: str) -> str | None:
        settings = self.config.domains[domain]
        source = self.directory / own_path(settings.path or "")
        if not source.exists():
            is_prepared = (self.directory / data_file(domain, "train.zip")).is_file()
            return None if is_prepared else f"domains.{domain}.path: {source}: no such folder or zip"
        found = self.identity.pictures_in(domain)
        if settings.split(found) is not None:
            return None
        wanted = " + ".join(
            f"{key} {value}" for key in ("train_images", "test_images") if (value := getattr(settings, key))
        )
        return f"domains.{domain}: {source} holds {found} files, too few for {wanted or 'two images'}; add pictures"

    def _no_such_source(self, model: str) -> str | None:
        file = self.identity.model_file(model)
        if file is None or (self.directory / file).is_file() or (self.directory / model_file(model)).is_file():
            return None
        hint = did_you_mean(file, self.zoo.names("models"))
        return f"models.{model}.fetch: {file}: no such file, and no such name in {self.zoo.path}{hint}"

    def sized(self) -> Config:
        """Return the configuration with the numbers of images of one's own pictures, if all of them can be used."""
        domains = dict(self.config.domains)
        for name in self.imported:
            splits = domains[name].split(self.identity.pictures_in(name))
            domains[name] = domains[name].model_copy(update=splits._asdict() if splits else {})
        return self.config.model_copy(update={"domains": domains})

    # Drawn pairs

    def pair_kinds(self, child: str) -> list[str]:
        """Return the kinds of drawn pairs of a child's domain and its parent's; none where one is not drawn."""
        if not self.is_annotated(child):
            return []
        domains = {self._drawing(self.domain_of(name)) for name in (child, self.compared_with(child))}
        return ["same-pose", *(["same-figure"] if domains == {"human", "ink"} else [])]

    def pairs_of(self, source: str, domain: str, kind: str) -> str:
        """Return the settings of the drawn pairs of two domains as JSON."""
        settings = PairSettings(
            source=self._drawing(source),
            target=self._drawing(domain),
            kind=kind,
            pairs=self.config.metrics.pairs,
            resolution_px=self.config.domains[domain].resolution_px,
            seed=self.config.metrics.seed,
        )
        return as_json(settings)

    def pair_files(self, child: str, kind: str) -> Files:
        """Return the drawn pairs of a child's domain and its parent's by role: images and annotations of both sides."""
        folder = f"results/pairs/{self.domain_of(self.compared_with(child))}/{self.domain_of(child)}/{kind}"
        return {
            f"{side}_{role}": f"{folder}/{side}.{end}"
            for side in ("source", "target")
            for role, end in (("images", "zip"), ("annotations", "annotations.npz"))
        }

    def _drawing(self, domain: str) -> str:
        return self.config.domains[domain].draw or ""

    # Networks and their weights

    def networks(self) -> list[str]:
        """Return the networks that measure and steer the jobs."""
        return networks_of(self.config)

    def weights_of(self, network: str) -> list[str]:
        """Return the file of a network's weights, [] for the one that comes as a package."""
        return [] if network_of(network).is_bundled else [own_path(f"{self.config.metrics.weights_dir}/{network}.pth")]

    def measuring_weights(self, kind: str) -> list[str]:
        """Return the weights of the networks that a kind of measurement is made with."""
        networks = registry.kind(kind).networks
        return [file for network in networks for file in self.weights_of(getattr(self.config.metrics, network))]

    def measuring_settings(self, kind: str, without: str = "") -> str:
        """Return the settings that a kind of measurement depends on as JSON, but for the key `without`."""
        keys = [key for key in registry.kind(kind).settings if key != without]
        return as_json(self.config.metrics, *keys)

    def weights_of_training(self, model: str) -> list[str]:
        """Return the weights of the network that measures while a model is trained."""
        settings = self.config.training_of(model)
        return [] if settings.evaluate_kimg is None else self.weights_of(settings.evaluate_features)

    def encoder_of_training(self, model: str) -> list[str]:
        """Return the encoder of a child's parent where the training reads codes back with it."""
        parent = self.config.models[model].parent
        return [f"results/latents/{parent}/encoder.safetensors"] if self.identity.reads_codes(model) else []

    def upkeep(self, model: str) -> str:
        """Return the flags of a training that change nothing of what it gives: a resource of its job, no param."""
        settings = self.config.training_of(model)
        return " ".join(f"--{key.replace('_', '-')} {getattr(settings, key):g}" for key in UPKEEP)

    def measuring_networks(self, model: str) -> Files:
        """Return the label networks that measure a child and its parent alike, by task; none without figures."""
        own, parents = self.domain_of(model), self.domain_of(self.compared_with(model))
        px = self.resolutions_px[own]
        if not {own, parents} <= set(self.figure_domains(px)):
            return {}
        return {task.name: joint_network(task.name, px) for task in comparing()}

    def share_inputs(self, subject: str) -> Files:
        """Return what tells the domain of `subject` from its parent's: images of both; none for a parent."""
        if self.aligned_parent(subject) is None:
            return {}
        own, parents = self.domain_of(subject), self.domain_of(self.compared_with(subject))
        if own == parents:
            return {}
        return {
            "parent_data": data_file(parents, "train.zip"),
            "test_data": data_file(own, "test.zip"),
            "parent_test_data": data_file(parents, "test.zip"),
        }

    def zero_shot_networks(self, task: str, child: str) -> Files:
        """Return the networks that are tested on the domain of `child`, by METHOD[/SETTING]."""
        names = ["zero-shot unaligned", *(f"zero-shot unaligned/{control}" for control in self.controls_of(child)[1:])]
        transferred = {"zero-shot": child, **dict(zip(names, self.controls_of(child), strict=False))}
        return {
            "source-only": label_network(task, self.domain_of(self.compared_with(child))),
            **{way: f"results/zero_shot/{task}/{model}/zero-shot.safetensors" for way, model in transferred.items()},
            "zero-shot shuffled": f"results/zero_shot/{task}/{child}/shuffled.safetensors",
            "oracle": label_network(task, self.domain_of(child)),
        }

    def labels_shown(self, child: str) -> list[tuple[str, str]]:
        """Return the networks whose labels a figure shows, each with its row; those of one row lie over each other."""
        return [pair for task in drawn() for pair in self.zero_shot_networks(task, child).items()]

    # Codes and translations

    def detailed_space(self) -> Space:
        """Return the most detailed space that is inverted: morphs start from its codes."""
        return most_detailed(self.config.inversion_spaces)

    def guided_space(self) -> Space:
        """Return the space of the codes that guides and the swapped model start from."""
        space = self.config.translation.space
        return space if space in self.config.inversion_spaces else self.detailed_space()

    def encoder_inputs(self, model: str, space: str) -> Files:
        """Return the encoder of an inversion that starts with one."""
        if self.config.inversion_of(space).init != "encoder":
            return {}
        return {"encoder": f"results/latents/{model}/encoder.safetensors"}

    def translate_inputs(self, model: str, way: str) -> Files:
        """Return what a translation needs; `way` is a space, a guide or the layer swap."""
        parent = self.compared_with(model)
        space = way if way in self.config.inversion_spaces else self.guided_space()
        swapped = f"results/translation/{model}/{LAYER_SWAP}/model.safetensors"
        inputs = {
            "codes": f"results/latents/{parent}/{space}/codes.npz",
            "source_model": model_file(parent),
            "target_model": swapped if way == LAYER_SWAP else model_file(model),
        }
        if GUIDES.get(way) == "reference":
            inputs["reference_codes"] = f"results/latents/{model}/{space}/codes.npz"
        return inputs

    def translate_settings(self, way: str) -> str:
        """Return the settings of a translation as JSON."""
        settings, space = self.config.translation, self.guided_space() if way in (*GUIDES, LAYER_SWAP) else way
        guide, outputs = GUIDES.get(way, "none"), self.config.guided_outputs if way in GUIDES else 1
        return as_json(settings, space=space, guide=guide, outputs=outputs)

    def random_seeds(self, child: str) -> str:
        """Return as many seeds as a guide draws images."""
        held_out = self.sized().domains[self.domain_of(self.compared_with(child))].splits.test_images
        return f"0-{min(self.config.inversion.images, held_out) * self.config.guided_outputs - 1}"

    def translation_methods(self, child: str) -> Files:
        """Return the image zips of a translation's measurement by METHOD[/SETTING]; untouched sources need none."""
        spaces = self.config.inversion_spaces
        ways = (*spaces, *GUIDES, LAYER_SWAP, "random")
        methods = {"/".join(filter(None, (way, self.truncation(way)))): self._translated(child, way) for way in ways}
        for control in self.controls_of(child):
            labels = {space: ", ".join(filter(None, (space, self.truncation(space)))) for space in spaces}
            methods |= {f"unaligned/{label}": self._translated(control, space) for space, label in labels.items()}
        return methods

    def truncation(self, way: str, inverted: bool = False) -> str:
        """Return what the tables say of the truncation of z codes, such as `psi 1`; empty where there are none.

        Args:
            way: a space, a guide, the layer swap or `random`.
            inverted: of the inversion, not of the translation.
        """
        space = way if way in names() else self.guided_space()
        if way not in ("latent-guided", "random") and not space_of(space).is_mapped:
            return ""
        settings = self.config.inversion_of(way) if inverted else self.config.translation
        return f"psi {settings.truncation_psi:g}"

    def _translated(self, model: str, way: str) -> str:
        return f"results/translation/{model}/{way}/images.zip"

    def translation_data(self, child: str) -> Files:
        """Return what translations are measured against: images, and label networks where the domains have labels."""
        source, target = self.domain_of(self.compared_with(child)), self.domain_of(child)
        files = {
            "source_data": data_file(source, "test.zip"),
            "target_data": data_file(target, "test.zip"),
            "target_train": data_file(target, "train.zip"),
        }
        return files | self.measuring_networks(child)

    def translation_rows(self, child: str) -> Files:
        """Return the image zips of a translation figure by label: reconstructions, translations, swap, controls'."""
        parent, rows = self.compared_with(child), {}
        for space in self.config.inversion_spaces:
            rows[f"reconstruction {space}"] = f"results/latents/{parent}/{space}/reconstructions.zip"
            rows |= {f"{model} {space}": self._translated(model, space) for model in self.family(child)}
        return rows | {LAYER_SWAP: self._translated(child, LAYER_SWAP)}

    def coverage_inputs(self, domain: str) -> Files:
        """Return what coverage is measured with: images, annotations and label networks of a domain."""
        return {
            "data": data_file(domain, "train.zip"),
            "test_data": data_file(domain, "test.zip"),
            "annotations": data_file(domain, "test.annotations.npz"),
            "pose": label_network("pose", domain),
            "attributes": label_network("attributes", domain),
        }

    # Rows, tables and figures

    def row_names(self, model: str, method: str = "", setting: str = "") -> str:
        """Return the flags that name a model's rows in the tables."""
        parent, child = self.aligned_parent(model) or model, self.controls.get(model, model)
        return flags(parent_name=parent, child_name=child, method=method, setting=setting)

    def rows_by_kind(self) -> dict[str, list[str]]:
        """Return the files of rows of each kind of measurement, in the order of the tables."""
        return {
            kind.name: [f"results/metrics/{kind.name}/{name}.json" for name in dict.fromkeys(kind.rows(self))]
            for kind in registry.KINDS
        }

    def tables(self) -> list[str]:
        """Return the names of the tables that get rows, in their order."""
        rows = self.rows_by_kind()
        return [table.name for kind in registry.KINDS if rows[kind.name] for table in kind.tables]

    def all_rows(self) -> list[str]:
        """Return every file of rows, in the order of the tables."""
        return [row for rows in self.rows_by_kind().values() for row in rows]

    def all_figures(self) -> list[str]:
        """Return every figure."""
        figures = ["samples", *(f"aligned-{parent}" for parent in self.parents if len(self.aligned_with(parent)) > 1)]
        figures += [f"{kind}-{child}" for kind in ("translation", "multi-modal", "morphing") for child in self.children]
        figures += [f"zero-shot-{child}" for child in self.children if self.is_annotated(child)]
        figures += [f"curve-{child}" for child in self.children if self.measuring_networks(child)]
        return [f"results/figures/{figure}.png" for figure in figures]

    def seed_groups(self) -> str:
        """Return the flag that says which models differ in the seed alone."""
        measured = self.children + self.parents
        groups = [f"{name}={','.join(own)}" for name, own in self.config.seeded.items() if own[0] in measured]
        return "--seeds " + " ".join(groups) if groups else ""


def networks_of(config: Config) -> list[str]:
    """Return the networks that measure and steer the jobs of a configuration, each once."""
    found = [config.metrics.features, config.metrics.perceptual, config.morphing.perceptual]
    inversions = [config.inversion_of(space) for space in config.inversion_spaces]
    found += [inversion.perceptual for inversion in inversions]
    if any(inversion.init == "encoder" for inversion in inversions):
        found.append(config.encoder.perceptual)
    trainings = [config.training_of(name) for name, model in config.models.items() if not model.fetch]
    found += [training.evaluate_features for training in trainings if training.evaluate_kimg is not None]
    return list(dict.fromkeys(found))


def _with_weights(config: Config) -> Config:
    """Return the configuration with a folder for the weights that it asks to be downloaded."""
    if config.metrics.weights_dir or all(network_of(name).is_bundled for name in networks_of(config)):
        return config
    return config.model_copy(update={"metrics": config.metrics.model_copy(update={"weights_dir": WEIGHTS_DIR})})
