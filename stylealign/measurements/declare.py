"""The words that a kind of measurement is declared in: its files, settings, networks, tables and metrics."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from stylealign.applications.labels.tasks import LabelTask
from stylealign.config import Config, MetricSettings
from stylealign.files import own_path
from stylealign.metrics.declared import Metric
from stylealign.work.cost import Cost

if TYPE_CHECKING:
    from stylealign.measurements.inputs import Inputs
    from stylealign.measurements.rows import Row

Form = Literal["MODEL", "ZIP", "NPZ", "NET", "JSON"]
"""What a file is: a model, images or snapshots, codes or annotations, a label network, a JSON object."""

Network = Literal["features", "perceptual"]
"""Setting that names a network: of FID and KID, or of perceptual distances."""


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: its name in the column `table`, and of its files.
        title: its heading in the report.
        section: key of the report's section that shows it.
        metrics: its numbers.
        protocol: how they are measured, for the provenance.
        headline: the metric that the summary shows; empty for none.
        compared: metrics by which the report compares an aligned child with its control.
        charts: metrics that the report draws, method by method.
    """

    name: str
    title: str
    section: str
    metrics: tuple[Metric, ...]
    protocol: str
    headline: str = ""
    compared: tuple[str, ...] = ()
    charts: tuple[str, ...] = ()


@dataclass(frozen=True)
class File:
    """A file that a measurement reads.

    Attributes:
        role: its name in the provenance; the flag is `--ROLE`.
        form: what it is.
        text: help of the flag.
        is_required: whether it must be given.
    """

    role: str
    form: Form
    text: str
    is_required: bool = True


@dataclass(frozen=True)
class NamedFiles:
    """Files given as METHOD[/SETTING]=FILE, one or more: each makes the rows of its method.

    Attributes:
        form: what each of them is.
        text: help of the argument.
    """

    form: Form
    text: str


@dataclass(frozen=True)
class Option:
    """A flag that names no file: `--NAME`, or `--NAME CHOICE` (required) where there are choices."""

    name: str
    text: str
    choices: tuple[str, ...] = ()


class Experiment(Protocol):
    """What a configuration asks for: `stylealign.experiment.Experiment`, as far as the kinds need it."""

    config: Config
    parents: list[str]
    children: list[str]

    def domain_of(self, model: str) -> str:
        """Return the domain that a model draws."""

    def family(self, child: str) -> list[str]:
        """Return a child and its controls."""

    def trained_family(self, child: str) -> list[str]:
        """Return those of a child and its controls that the run trains."""

    def zero_shot_tasks(self, child: str) -> list[str]:
        """Return the tasks whose labels the domain of a child's parent has."""

    def is_tested(self, task: str, child: str) -> bool:
        """Return whether the domain of a child has the labels to test networks of a task with."""

    def compared_with(self, model: str) -> str:
        """Return the parent that a child or a control is compared with."""

    def is_annotated(self, model: str) -> bool:
        """Return whether a model's and its parent's domain come with annotations."""

    def classification_networks(self, child: str) -> dict[str, str]:
        """Return the attribute networks that are tested on the domain of a child, by METHOD[/SETTING]."""

    def has_shared_numbers(self, child: str) -> bool:
        """Return whether numbers are known of images of a child's domain and of its parent's, and codes are found."""

    def measuring_networks(self, model: str) -> dict[str, str]:
        """Return the label networks that measure a child and its parent alike, by task."""

    def parents_of_parts(self) -> list[str]:
        """Return the parents with a child of which some components were trained, the others kept."""

    def recovered(self) -> list[str]:
        """Return the models that were fine-tuned back to the domain of their parent's parent."""

    def ladders(self) -> list[str]:
        """Return the parents of children in several domains."""

    def rungs(self, parent: str) -> list[str]:
        """Return the children of a parent, without controls."""

    def fronts(self) -> list[str]:
        """Return the domains whose children were trained in several ways."""

    def pair_kinds(self, child: str) -> list[str]:
        """Return the kinds of drawn pairs of a child's domain and its parent's."""

    def generators_of(self, subject: str) -> list[str]:
        """Return the models that are scored on the domain of a parent or a child."""

    def covering_models(self) -> list[str]:
        """Return the models whose coverage is measured."""


def of_each_child(experiment: Experiment) -> list[str]:
    """Return a file of rows a child."""
    return experiment.children


def of_each_family(experiment: Experiment) -> list[str]:
    """Return a file of rows for each child and each control."""
    return [model for child in experiment.children for model in experiment.family(child)]


def of_each_training(experiment: Experiment) -> list[str]:
    """Return a file of rows for each child and each control that the run trains: none for fetched ones."""
    return [model for child in experiment.children for model in experiment.trained_family(child)]


class Counter(Protocol):
    """Counts the work that is done."""

    def update(self, done: int) -> None:
        """Note that `done` units are done."""

    def advance(self, units: int = 1) -> None:
        """Note that `units` more are done."""


Progress = Callable[[int, str], Counter]
"""From the units of work in all, and what they are in the plural, to a counter."""

Measured = tuple[list["Row"], dict[str, Any]]
"""Rows, and facts for their provenance."""


@dataclass(frozen=True)
class Kind:
    """A kind of measurement: everything that command line, workflow, provenance, plan and report know of it.

    Attributes:
        name: its name: the workflow's rule, and the sub-command of `stylealign evaluate` with hyphens.
        version: raised whenever its output changes; its jobs, and no others, run again then.
        text: what it measures, for the help.
        files: the files that it reads, by role.
        settings: keys of `MetricSettings` that its numbers depend on.
        tables: the tables that it fills.
        rows: from what a configuration asks for to the names of the files of rows, without folder and `.json`.
        costs: rule of the workflow -> function from `Work` and the rule's wildcards to the cost of a job.
        measure: from inputs, settings and a progress to rows and facts. It imports what needs torch when it runs.
        networks: settings that name networks it is made with.
        named_files: its METHOD=FILE arguments, None where its rows are of one method.
        options: other flags.
        aliases: other names of the sub-command.
        adds_to: tables of other kinds that it adds rows to.
        tables_of: from what a configuration asks for and the names of the files of rows to those of its tables that
            they fill, where that is not all of them.
    """

    name: str
    version: int
    text: str
    files: tuple[File, ...]
    settings: tuple[str, ...]
    tables: tuple[Table, ...]
    rows: Callable[[Experiment], list[str]]
    costs: Mapping[str, Callable[..., Cost]]
    measure: Callable[["Inputs", MetricSettings, Progress], Measured]
    networks: tuple[Network, ...] = ()
    named_files: NamedFiles | None = None
    options: tuple[Option, ...] = ()
    aliases: tuple[str, ...] = ()
    adds_to: tuple[Table, ...] = ()
    tables_of: Callable[[Experiment, Sequence[str]], tuple[Table, ...]] | None = None

    @property
    def needs_images(self) -> bool:
        """Return whether it needs real images: as files of its own, or behind the codes and numbers that it reads."""
        forms = {file.form for file in self.files if file.is_required}
        return bool((forms | {self.named_files.form if self.named_files else None}) & {"ZIP", "NPZ", "JSON"})

    @property
    def filled(self) -> tuple[Table, ...]:
        """Return the tables that it makes rows of."""
        return self.tables + self.adds_to

    @property
    def command(self) -> str:
        """Return the name of the sub-command."""
        return self.name.replace("_", "-")

    def weights(self, settings: MetricSettings) -> dict[str, Path]:
        """Return the weights files behind its numbers that lie in `weights_dir`, by role."""
        files = {f"{network}-weights": weights_file(settings, network) for network in self.networks}
        return {role: path for role, path in files.items() if path is not None and path.is_file()}


def weights_file(settings: MetricSettings, network: Network) -> Path | None:
    """Return the weights of the network that a setting names; None without `weights_dir`."""
    if settings.weights_dir is None:
        return None
    return Path(own_path(settings.weights_dir)) / f"{getattr(settings, network)}.pth"


def rulers(tasks: Sequence[LabelTask]) -> tuple[File, ...]:
    """Return the optional label networks, such as `--pose`, that measure what is compared between domains."""
    return tuple(
        File(
            task.name,
            "NET",
            f"{task.name} network of all domains together, which measures both sides"
            + (f" ({task.agreement.name})" if task.agreement else ""),
            is_required=False,
        )
        for task in tasks
    )
