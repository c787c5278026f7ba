"""What is wrong with labels, labellers and shared classes of a configuration, as far as their files say it at once."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from stylealign.config import FOUND_FACES, AnnotationSettings, Config
from stylealign.config.labeller_files import described, is_description, task_and_names_of, whole_onnx
from stylealign.datasets.face_finding import NAMES
from stylealign.datasets.figures import SEGMENTATION_CLASSES
from stylealign.datasets.own_labels.classes import read_classes
from stylealign.datasets.own_labels.files import LABEL_SETTINGS
from stylealign.datasets.own_labels.masks import BACKGROUND
from stylealign.datasets.own_labels.points import point_names
from stylealign.datasets.own_labels.tables import image_column
from stylealign.datasets.styles import read_styles
from stylealign.datasets.text_tables import TextTable, decoded, read_csv
from stylealign.errors import StyleAlignError, did_you_mean
from stylealign.experiment.family import Family
from stylealign.experiment.paths import data_file
from stylealign.files import own_path, read_json

_HEAD_BYTES = 1 << 16
"""What is read of a table: its line of names stands there."""


class LabelProblems:
    """Says what would make jobs of labels fail.

    Args:
        family: what the run carries from where to where.
        config: the configuration.
        directory: folder of the run.
    """

    def __init__(self, family: Family, config: Config, directory: Path) -> None:
        self._family, self._config, self._directory = family, config, directory

    def of_annotations(self, domain: str) -> str | None:
        """Return what is wrong with the labels of one's own pictures in a domain."""
        labels = self._config.domains[domain].annotations
        if labels is None:
            return None
        where = f"domains.{domain}.annotations"
        if missing := self._missing(domain, labels):
            key, path = missing
            return f"{where}.{key}: {path}: no such file or folder"
        try:
            return next((f"{where}.{told}" for told in self._undeclared(labels)), None)
        except (StyleAlignError, ValueError) as error:
            return f"{where}: {error}"

    def _missing(self, domain: str, labels: AnnotationSettings) -> tuple[str, str] | None:
        """Return key and path of a file that is not there, and that the prepared data set was not made with either."""
        prepared: Mapping[str, object] = {}
        if (self._directory / data_file(domain, "train.annotations.npz")).is_file():
            prepared = self._prepared_with(domain, labels.files)
        absent = [(key, path) for key, path in labels.files.items() if not (self._directory / own_path(path)).exists()]
        return next(((key, path) for key, path in absent if prepared.get(key) != path), None)

    def _prepared_with(self, domain: str, files: Mapping[str, str]) -> Mapping[str, object]:
        """Return the files that the prepared labels are of, by key; those of now where nothing says it."""
        try:
            found = read_json(self._directory / data_file(domain, LABEL_SETTINGS))
        except StyleAlignError:
            return files
        return found if isinstance(found, dict) else {}

    def _undeclared(self, labels: AnnotationSettings) -> Iterator[str]:
        """Yield what declares names that there are not."""
        classes, values = self._classes(labels), self._values(labels)
        if labels.negated and values is not None:
            unknown = [name for name in labels.negated if name not in values]
            if unknown:
                known = f"; {labels.values} has {', '.join(values)}" if values else " (annotations.values is missing)"
                yield f"negated: no number {unknown[0]!r}{known}{did_you_mean(unknown[0], values)}"
        kinds = [classes, self._points(labels), values, self._attributes(labels)]
        known_kinds = [names for names in kinds if names is not None]
        if labels.swapped and len(known_kinds) == len(kinds):
            names = [name for own in known_kinds for name in own]
            unknown = [name for pair in labels.swapped for name in pair if name not in names]
            if unknown:
                yield f"swapped: no {unknown[0]!r} among {', '.join(names)}{did_you_mean(unknown[0], names)}"
            for pair in labels.swapped:
                if not any(set(pair) <= set(own) for own in known_kinds):
                    yield f"swapped: {pair[0]!r} and {pair[1]!r} are labels of two kinds"

    def _classes(self, labels: AnnotationSettings) -> Sequence[str] | None:
        """Return the classes of masks, () without masks, None where masks themselves say them."""
        if labels.masks is None:
            return ()
        if labels.masks.lower().endswith(".json"):
            return self._coco_classes(labels.masks)
        given = labels.classes
        if isinstance(given, str):
            file = self._directory / own_path(given)
            return read_classes(str(file)).names if file.exists() else None  # the prepared labels were made with it
        return None if given is None else read_classes(given).names

    def _coco_classes(self, given: str) -> Sequence[str] | None:
        """Return the classes of a COCO file, None where it cannot be read."""
        try:
            categories = read_json(self._directory / own_path(given))["categories"]
            return [BACKGROUND, *(category["name"] for category in categories)]
        except (StyleAlignError, OSError, KeyError, TypeError):
            return None

    def _values(self, labels: AnnotationSettings) -> Sequence[str] | None:
        """Return the names of the numbers, () without any, None where the table cannot be read."""
        if labels.values is None:
            return ()
        head = self._head(labels.values)
        return None if head is None else _columns(read_csv(head))

    def _points(self, labels: AnnotationSettings) -> Sequence[str] | None:
        """Return the names of the key points, () without any, None where a COCO file says them."""
        if labels.keypoints is None:
            return ()
        if labels.keypoints == FOUND_FACES:
            return NAMES
        head = None if labels.keypoints.lower().endswith(".json") else self._head(labels.keypoints)
        return None if head is None else point_names(read_csv(head).names)

    def _attributes(self, labels: AnnotationSettings) -> Sequence[str] | None:
        """Return the names of the attributes, () without any, None where the table cannot be read."""
        if labels.attributes is None:
            return ()
        head = self._head(labels.attributes)
        if head is None:
            return None
        first, _, rest = head.lstrip().partition("\n")
        return rest.partition("\n")[0].split() if first.strip().isdigit() else _columns(read_csv(head))

    def _head(self, given: str) -> str | None:
        """Return the beginning of a text file, None where it is not there."""
        path = self._directory / own_path(given)
        if not path.is_file():
            return None
        with path.open("rb") as file:
            return decoded(file.read(_HEAD_BYTES))

    def of_labeller(self, task: str, domain: str) -> str | None:
        """Return what is wrong with a network of one's own, of files that are there: none of them is run."""
        path = self._directory / own_path(self._config.domains[domain].labellers[task])
        where = f"domains.{domain}.labellers.{task}"
        files = [path, described(path)[1]] if path.is_file() and is_description(path) else [path]
        if not all(file.is_file() for file in files):
            return None  # it was taken in before
        try:
            found, _ = task_and_names_of(path)
        except StyleAlignError as error:
            return f"{where}: {error}"
        if found != task:
            return f"{where}: {path} labels {found}; give it under {found}, or a network of {task}"
        if is_description(path) and not whole_onnx(files[1]):
            return f"{where}: {files[1]}: no ONNX network, or a part of one; export or copy it again"
        return None

    def of_shared_classes(self) -> Iterator[str]:
        """Yield what `labels.classes` names in vain, and children whose domain names nothing as their parent's does."""
        renamed = self._config.labels.classes or {}
        domains, task = (self._with_classes() if renamed else []), "segmentation"
        known = [self._names(task, domain) for domain in domains]  # a domain may have both, a labeller and annotations
        known += [self._annotated(task, domain) for domain in domains if self._family.has_labels(task, domain)]
        everything = sorted({name for names in known if names is not None for name in names})
        if None not in known:
            for name in renamed:
                if name not in everything:
                    told = did_you_mean(name, everything) or f"; there are {', '.join(everything)}"
                    yield f"labels.classes: no domain has a class {name!r}{told}"
        for child in self._family.children:
            for task in (task for task in self._family.zero_shot_tasks(child) if self._family.is_tested(task, child)):
                yield from self._nothing_alike(task, child, renamed if task == "segmentation" else {})

    def _with_classes(self) -> list[str]:
        """Return the domains whose images have classes."""
        task = "segmentation"
        return [
            domain
            for domain in self._config.domains
            if self._family.has_labeller(task, domain) or self._family.has_labels(task, domain)
        ]

    def _nothing_alike(self, task: str, child: str, renamed: Mapping[str, str | None]) -> Iterator[str]:
        domains = [self._family.domain_of(self._family.compared_with(child)), self._family.domain_of(child)]
        if not renamed and all(self._config.domains[domain].draw for domain in domains):
            return
        theirs, own = self._names(task, domains[0]), self._annotated(task, domains[1])
        if theirs is None or own is None or not theirs or not own:
            return
        common = {renamed.get(name, name) for name in theirs} & {renamed.get(name, name) for name in own}
        if not common - {None}:
            remedy = "map classes onto each other in labels.classes" if task == "segmentation" else "name them alike"
            told = f"domains {domains[0]} ({theirs[0]}, ...) and {domains[1]} ({own[0]}, ...)"
            yield f"models.{child}: {told} name no {task} alike; {remedy}"

    def _names(self, task: str, domain: str) -> Sequence[str] | None:
        """Return what the network that labels a domain's images names, None where that is not known yet."""
        given = self._config.domains[domain].labellers.get(task)
        if given is None:
            return self._annotated(task, domain)
        try:
            return task_and_names_of(self._directory / own_path(given))[1]
        except StyleAlignError:  # told by `of_labeller`, or taken in before
            return None

    def _annotated(self, task: str, domain: str) -> Sequence[str] | None:
        """Return what the annotations of a domain name, None where that is not known yet."""
        settings = self._config.domains[domain]
        if settings.draw is not None:
            styles = read_styles()
            drawn = styles[settings.draw].classes if settings.draw in styles else SEGMENTATION_CLASSES
            return drawn if task == "segmentation" else None
        labels = settings.annotations
        if labels is None:
            return None
        try:
            return {"segmentation": self._classes, "pose": self._values}.get(task, lambda _: None)(labels)
        except (StyleAlignError, ValueError):
            return None


def _columns(table: TextTable) -> list[str]:
    """Return the columns of labels."""
    return [name for name in table.names if name and name != image_column(table)]
