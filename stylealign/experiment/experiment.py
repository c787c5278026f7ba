"""One experiment: what a configuration asks for, and which files each job of it reads."""

from pathlib import Path
from typing import Any, Self

from stylealign.applications.labels.methods import BEST
from stylealign.applications.labels.tasks import scored
from stylealign.config import UPKEEP, Config, KeepSettings, PairSettings
from stylealign.experiment.identity import Identity
from stylealign.experiment.label_problems import LabelProblems
from stylealign.experiment.model_problems import ModelProblems
from stylealign.experiment.networks import networks_of, with_weights
from stylealign.experiment.paths import Files, data_file, given_network, model_file
from stylealign.experiment.translations import Translations
from stylealign.experiment.words import as_json, flags
from stylealign.experiment.zoo import Zoo
from stylealign.files import own_path
from stylealign.measurements import registry
from stylealign.measurements.shared import EVERYTHING, MOST_PAIRS, UNALIGNED
from stylealign.metrics.networks.registry import network_of
from stylealign.provenance import begun_with

OF_THE_LADDER = (
    "alignment_score",
    "alignment_pointwise",
    "alignment_semantic",
    "alignment_channels",
    "alignment_weights",
)
"""Kinds of measurement that the ladder gathers of each child and its controls."""


class Experiment(Translations):
    """A configuration, with what its jobs read and make. Paths are relative to the folder of the run.

    Args:
        config: the configuration.
        zoo: `data/zoo.yaml`.
        directory: folder of the run.
    """

    def __init__(self, config: Config, zoo: Path, directory: Path = Path()) -> None:
        super().__init__(config)
        self.config = with_weights(config)
        self.zoo = Zoo(zoo)
        self.identity = Identity(self.config, self.zoo, directory)
        self.directory = directory

    def problems(self) -> list[str]:
        """Return what would make jobs fail and can be seen before they start, a line each."""
        found = ModelProblems(self).all()
        labels = LabelProblems(self, self.config, self.directory)
        found += map(labels.of_annotations, self.labelled)
        given = [(task, name) for name, own in self.labellers.items() for task in own]
        found += [self._no_such_labeller(*own) or labels.of_labeller(*own) for own in given]
        found += labels.of_shared_classes()
        return list(dict.fromkeys(problem for problem in found if problem is not None))

    def notes(self) -> list[str]:
        """Return what the tables lack for want of a line in the configuration, a line each."""
        return [*self._without_labels(), *self._without_tests(), *self._of_no_use(), *self._without_choice()]

    def _without_labels(self) -> list[str]:
        """Say which children have no zero-shot rows, as neither domain has labels."""
        bare = [child for child in self.asking("zero_shot").children if not self.zero_shot_tasks(child)]
        parents = sorted({self.domain_of(self.compared_with(child)) for child in bare})
        unlabelled = [domain for domain in parents if not self.labels_of(domain) and domain not in self.labellers]
        if not unlabelled:
            return []
        lacking = [child for child in bare if self.domain_of(self.compared_with(child)) in unlabelled]
        told = f"no zero-shot rows for {', '.join(lacking)}: {', '.join(unlabelled)} has no labels to carry over"
        return [f"{told}; set {', '.join(f'domains.{domain}.annotations' for domain in unlabelled)} or labellers"]

    def _without_tests(self) -> list[str]:
        """Say of which tasks a child's domain has nothing to test with, though its parent's has labels."""
        found: dict[tuple[str, str], list[str]] = {}
        for child in self.asking("zero_shot").children:
            untested = [task for task in self.zero_shot_tasks(child) if not self.is_tested(task, child)]
            if untested:
                domains = self.domain_of(child), self.domain_of(self.compared_with(child))
                found.setdefault(domains, untested)
        return [
            f"no test of carried labels in {own}: it has no labels of {', '.join(tasks)}; what its network says is in "
            f"results/zero_shot, the tables have what {theirs}'s says of its own pictures"
            for (own, theirs), tasks in found.items()
        ]

    def _of_no_use(self) -> list[str]:
        """Say which labels of a child's domain are of tasks that its parent's has none of."""
        found: dict[str, str] = {}
        for child in self.asking("zero_shot").children:
            own, theirs = self.domain_of(child), self.domain_of(self.compared_with(child))
            carried = self.zero_shot_tasks(child)
            lost = [task.name for task in scored() if task.pseudo and self.has_labels(task.name, own)]
            lost = [task for task in lost if task not in carried]
            if lost and own not in self.drawn:
                found[own] = f"labels of {own} that nothing is tested with: {', '.join(lost)}, as {theirs} has none"
        return list(found.values())

    def _without_choice(self) -> list[str]:
        """Say in which domains no method can be chosen."""
        children = self.asking("zero_shot").children
        tested = [child for child in children if any(self.is_tested(own, child) for own in self.zero_shot_tasks(child))]
        tested += filter(self.classification_networks, self.asking("zero_shot_classification").children)
        found = sorted({self.domain_of(child) for child in tested} - set(self.validated))
        if not found:
            return []
        told = f"no row {BEST!r} for {', '.join(found)}: without validation images no method can be chosen"
        return [f"{told}; set {', '.join(f'domains.{domain}.val_images' for domain in found)}"]

    def _no_such_labeller(self, task: str, domain: str) -> str | None:
        file = own_path(self.config.domains[domain].labellers[task])
        if (self.directory / given_network(task, domain)).is_file():
            return None
        if not (self.directory / file).is_file():
            return f"domains.{domain}.labellers.{task}: {file}: no such file; give the YAML of an ONNX file"
        missing = [path for path in self.identity.labeller_files(task, domain) if not path.is_file()]
        return (
            f"domains.{domain}.labellers.{task}: {missing[0]}: no such file, but {file} names it" if missing else None
        )

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
            pairs=min(MOST_PAIRS, self.config.metrics.pairs),
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

    def measuring_settings(self, kind: str, without: str = "", task: str = "segmentation") -> str:
        """Return the settings that a kind of measurement depends on as JSON, but for the key `without`.

        Args:
            kind: its name.
            without: a key that changes nothing of some of its jobs.
            task: of its jobs that measure labels: shared classes are those of segmentations.
        """
        keys = [key for key in registry.kind(kind).settings if key != without]
        classes = self.config.labels.classes if task == "segmentation" else None
        other: dict[str, Any] = {"classes": classes} if "classes" in keys else {}
        if "weights_dir" in keys and not self.measuring_weights(kind):
            other["weights_dir"] = None  # nothing is read there: other networks' weights are no matter of this kind
        return as_json(self.config.metrics, *keys, **other)

    def features_settings(self) -> str:
        """Return the settings that features depend on as JSON."""
        metrics = self.config.metrics
        read: dict[str, Any] = {} if self.weights_of(metrics.features) else {"weights_dir": None}
        return as_json(metrics, "features", "weights_dir", **read)

    def other_classes(self, task: str) -> dict[str, bool]:
        """Return the flag of a table of a task that `labels.classes` also names classes of other domains."""
        return {"other_classes": True} if task == "segmentation" and self.config.labels.classes else {}

    def training_settings(self, model: str) -> str:
        """Return what the job of a training is told as JSON: keys that change nothing of it as they were told when it
        was trained, so that the job is the same."""
        folders = self.directory.glob(f"{self.identity.run_dir(model)}-threads*")
        is_child = self.config.models[model].parent is not None
        return as_json(begun_with(folders, self.config.training_of(model), is_child), without=UPKEEP)

    def weights_of_training(self, model: str) -> list[str]:
        """Return the weights of the network that measures while a model is trained."""
        settings = self.config.training_of(model)
        return self.weights_of(settings.evaluate_features) if settings.measures else []

    def encoder_of_training(self, model: str) -> list[str]:
        """Return the encoder of a child's parent where the training reads codes back with it."""
        parent = self.config.models[model].parent
        return [f"results/latents/{parent}/encoder.safetensors"] if self.identity.reads_codes(model) else []

    def upkeep(self, model: str) -> str:
        """Return the flags of a training that change nothing of what it gives: a resource of its job, no param."""
        settings = self.config.training_of(model)
        return " ".join(f"--{key.replace('_', '-')} {getattr(settings, key):g}" for key in UPKEEP)

    def random_seeds(self, child: str) -> str:
        """Return as many seeds as a guide draws images."""
        held_out = self.sized().domains[self.domain_of(self.compared_with(child))].splits.test_images
        return f"0-{min(self.config.inversion.images, held_out) * self.config.guided_outputs - 1}"

    # Rows, tables and figures

    def row_names(self, model: str, method: str = "", setting: str = "") -> str:
        """Return the flags that name a model's rows in the tables."""
        parent, child = self.aligned_parent(model) or model, self.controls.get(model, model)
        settings = ", ".join(filter(None, (setting, self.control_setting(model))))
        return flags(parent_name=parent, child_name=child, method=method, setting=settings)

    def asking(self, kind: str) -> Self:
        """Return the same with those models alone that a kind of measurement is asked of."""
        return self.within(kind, registry.kind(kind).needs_images)

    def rows_by_kind(self) -> dict[str, list[str]]:
        """Return the files of rows of each kind of measurement, in the order of the tables."""
        return {
            kind.name: [
                f"results/metrics/{kind.name}/{name}.json" for name in dict.fromkeys(kind.rows(self.asking(kind.name)))
            ]
            for kind in registry.KINDS
        }

    def distance_sets(self, parent: str) -> Files:
        """Return the training images of the domain of each child of a parent, by child."""
        rungs = self.asking("distances").rungs(parent)
        return {child: data_file(self.domain_of(child), "train.zip") for child in rungs}

    def ladder_rows(self, parent: str) -> Files:
        """Return the files of rows that the ladder of a parent gathers, by a label of each."""
        asked = self.rows_by_kind()
        names, zero_shot = [f"distances/{parent}"], registry.kind("zero_shot").rows(self)
        for child in self.asking("ladder").rungs(parent):
            for model in self.family(child):
                names += [f"{kind}/{model}" for kind in OF_THE_LADDER]
                names.append(f"generators/{child}/{model}")
            names += [f"references/{child}/{own}" for own in self.pair_kinds(child)]
            names += [f"zero_shot/{name}" for name in zero_shot if name.partition("/")[2] == child]
        files = {name: f"results/metrics/{name}.json" for name in names}
        return {name: file for name, file in files.items() if file in asked[name.split("/")[0]]}

    def tables(self) -> list[str]:
        """Return the names of the tables that get rows, in their order."""
        found: list[str] = []
        for kind in registry.KINDS:
            asking = self.asking(kind.name)
            names = kind.rows(asking)
            filled = kind.tables if kind.tables_of is None else kind.tables_of(asking, names)
            found += [table.name for table in filled if names]
        return found

    def all_rows(self) -> list[str]:
        """Return every file of rows, in the order of the tables."""
        return [row for rows in self.rows_by_kind().values() for row in rows]

    def all_figures(self) -> list[str]:
        """Return every figure."""
        figures = ["samples", *(f"aligned-{parent}" for parent in self.parents if len(self.aligned_with(parent)) > 1)]
        translated = self.asking("translation").children
        figures += [f"{kind}-{child}" for kind in ("translation", "multi-modal") for child in translated]
        figures += [f"morphing-{child}" for child in self.morphed()]
        figures += [f"zero-shot-{child}" for child in self.asking("zero_shot").children if self.labels_shown(child)]
        figures += [f"ranking-{child}" for child in self.ranked()]
        with_curve = [child for child in self.asking("alignment_curve").children if self.trained_family(child)]
        figures += [f"curve-{child}" for child in with_curve if self.measuring_networks(child)]
        figures += [f"edits-{parent}" for parent in self.parents if self.edited(parent)]
        figures += [f"channels-{child}" for child in self.with_channels()]
        figures += [f"recovery-{child}" for child in self.asking("alignment_recovery").recovered()]
        figures += ["ladder"] if self.asking("ladder").ladders() else []
        return [f"results/figures/{figure}.png" for figure in figures]

    def morphed(self) -> list[str]:
        """Return the children with a morph of their own."""
        return self.asking("morphing").children

    def with_channels(self) -> list[str]:
        """Return the children whose style channels are compared with their parent's."""
        return [child for child in self.asking("alignment_channels").children if self.measuring_networks(child)]

    def edited(self, parent: str) -> list[str]:
        """Return the children in which the effects of a parent's directions are measured."""
        return self.asking("alignment_semantic").rungs(parent)

    def parents_of_parts(self) -> list[str]:
        """Return the parents with a child of which some components were trained, the others kept."""
        return [parent for parent in self.parents if any(map(self.trained_alone, self.rungs(parent)))]

    def trained_alone(self, child: str) -> str:
        """Return the components of a child that were trained, empty where all were."""
        return " + ".join(self.config.training_of(child).train_only) if child in self.trained else ""

    def component_rows(self, parent: str) -> Files:
        """Return the rows that a table of components gathers, by METHOD/NAME: of such children, and of whole ones."""
        own, asked = self.asking("alignment_components").rungs(parent), {*self.all_rows()}
        domains = {self.domain_of(child) for child in own if self.trained_alone(child)}
        named: list[tuple[str, str]] = []
        alike = [child for child in own if child in self.trained and self.domain_of(child) in domains]
        for child in alike:  # a fetched one had another training
            named.append((self.trained_alone(child) or EVERYTHING, child))
            if not self.trained_alone(child):
                named += [(UNALIGNED, control) for control in self.controls_of(child)]
        files = {}
        for method, model in named:
            subject = self.controls.get(model, model)
            for rows in (f"generators/{subject}/{model}", f"alignment_score/{model}", f"alignment_pointwise/{model}"):
                files[f"{method}/{rows}"] = f"results/metrics/{rows}.json"
        return {name: file for name, file in files.items() if file in asked}

    def recovery_rows(self, child: str) -> dict[str, str]:
        """Return the models that a figure of a recovery shows, by the label of their rows."""
        between = self.parent_of(child)
        named = [self.parent_of(between), between, *self.recovery_models(child).values()]
        return {name: model_file(name) for name in named}

    def front_of(self, domain: str) -> list[str]:
        """Return the models whose trainings are compared with each other: a domain's children, and their controls."""
        children = [child for child in self.children if self.domain_of(child) == domain]
        return [model for child in children for model in self.trained_family(child)]

    def fronts(self) -> list[str]:
        """Return the domains whose children were trained in several ways; another seed is not another way."""
        ways: dict[str, list[Any]] = {}
        for child in filter(self.trained.__contains__, self.children):
            way = self.config.training_of(child).model_dump(exclude={"seed"})
            known = ways.setdefault(self.domain_of(child), [])
            if way not in known:
                known.append(way)
        return [domain for domain, known in ways.items() if len(known) > 1]

    def front_rows(self, domain: str) -> Files:
        """Return the files of rows that the front of a domain gathers, by a label of each."""
        names = [f"alignment_curve/{model}" for model in self.front_of(domain)]
        plain = self.plain_child(domain)
        names += [f"references/{plain}/{kind}" for kind in self.pair_kinds(plain)]
        parent = self.config.models[plain].parent
        names += [f"generators/{plain}/{model}" for model in self.generators_of(plain) if model == parent]
        return {name: f"results/metrics/{name}.json" for name in names}

    def plain_child(self, domain: str) -> str:
        """Return the child of a domain that the others are compared with: the first of plain fine-tuning.

        Where nothing is trained so, it is the first that the run trains.
        """
        own = [child for child in self.children if self.domain_of(child) == domain and child in self.trained]
        return next(filter(self._is_plain, own), own[0])

    def _is_plain(self, child: str) -> bool:
        training = self.config.training_of(child)
        return training.keep == KeepSettings() and training.discriminator == "stylegan2" and not training.train_only

    def seed_groups(self) -> str:
        """Return the flag that says which models differ in the seed alone."""
        measured = self.children + self.parents
        groups = [f"{name}={','.join(own)}" for name, own in self.config.seeded.items() if own[0] in measured]
        return "--seeds " + " ".join(groups) if groups else ""
