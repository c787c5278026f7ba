"""What label networks and annotations of different domains name alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stylealign.applications.labels.spec import LabelSpec
from stylealign.applications.labels.tasks import task_of
from stylealign.datasets.annotations import Annotations
from stylealign.errors import StyleAlignError, did_you_mean


@dataclass(frozen=True)
class Shared:
    """Names that a comparison is made in.

    Attributes:
        names: what all networks and the annotations name alike, the classes by their shared names.
        classes: class -> shared name, None to leave it out; a class that is not there keeps its name.
        differ: whether the names differ between them, or classes are renamed.
    """

    names: tuple[str, ...]
    classes: Mapping[str, str | None]
    differ: bool

    def of(self, name: str) -> str | None:
        """Return the shared name of a class."""
        return self.classes.get(name, name)


def shared_names(
    networks: Mapping[Path, LabelSpec],
    annotations: Annotations,
    path: str | Path,
    classes: Mapping[str, str | None] | None = None,
) -> Shared:
    """Return what networks of one task and annotations name alike, in the order of the annotations.

    Args:
        networks: what each file predicts.
        annotations: what they are compared with.
        path: the annotations' file.
        classes: shared names of classes.

    Raises:
        StyleAlignError: a network that has nothing in common with the annotations, or all of them together.
    """
    first = next(iter(networks.values()))
    known = task_of(first.task).functions.spec(first.resolution_px, annotations)
    if known is None:
        raise StyleAlignError(f"{path}: hold no {first.task}; give annotations that do, or another --task")
    truth = known.names
    renamed = (classes or {}) if first.task == "segmentation" else {}
    common = _renamed(truth, renamed)
    for file, spec in networks.items():
        own = _renamed(spec.names, renamed)
        common = [name for name in common if name in own]
        if not common:
            remedy = (
                "map classes onto each other in labels.classes" if first.task == "segmentation" else "name them alike"
            )
            raise StyleAlignError(f"{path}: names no {first.task} as {file} does ({spec.names[0]}, ...); {remedy}")
    is_alike = all(set(spec.names) == set(truth) for spec in networks.values())
    return Shared(tuple(common), renamed, differ=bool(renamed) or not is_alike)


def unknown_class(
    classes: Mapping[str, str | None], networks: Mapping[Path, LabelSpec], annotations: Annotations
) -> str | None:
    """Return what tells of a class that is given a shared name, but is none of networks' or of annotations'.

    Args:
        classes: shared names of classes.
        networks: what each file predicts, all of segmentation.
        annotations: what they are compared with.
    """
    named = [annotations.names.classes, *(own.names for own in networks.values())]
    known = list(dict.fromkeys(name for names in named for name in names))
    unknown = next((name for name in classes if name not in known), None)
    if unknown is None:
        return None
    hint = did_you_mean(unknown, known) or f"; there are {', '.join(known)}"
    return f"no class {unknown!r} in the annotations or networks{hint}"


def _renamed(names: tuple[str, ...], classes: Mapping[str, str | None]) -> list[str]:
    shared = (classes.get(name, name) for name in names)
    return list(dict.fromkeys(name for name in shared if name is not None))
