"""Images with what is known or predicted of them drawn on them: class maps laid over, points marked."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stylealign.applications.labels.learning import predict
from stylealign.applications.labels.networks import Labeller
from stylealign.applications.labels.tasks import drawn, task_of
from stylealign.datasets.annotations import UNKNOWN_CLASS, Annotations
from stylealign.errors import StyleAlignError
from stylealign.report.figures import mark_points, segmentation_overlay
from stylealign.report.sheets import Pixels, enlarge


def require_drawn(network: Labeller, path: object) -> None:
    """Refuse a network of a task whose labels no figure shows.

    Args:
        network: the network.
        path: its file, for the message.

    Raises:
        StyleAlignError: naming file and tasks.
    """
    task = task_of(network.spec.task)
    if not task.is_drawn:
        known = " or ".join(drawn())
        raise StyleAlignError(f"{path}: labels of the task {task.name} are not drawn; give {known}")


def seen(images: Pixels, networks: Sequence[Labeller], classes: list[str], scale: int) -> Pixels:
    """Return images with what networks see in them, one network a task.

    Args:
        images: `[N, 3, r, r]` uint8.
        networks: of tasks that are drawn, for images of this size.
        classes: names of the classes that have a colour; the networks' further ones are added, so that a class has one
            colour whichever network sees it.
        scale: whole factor of enlargement.

    Returns:
        `[N, 3, r * scale, r * scale]` uint8.
    """
    found: dict[str, Any] = {}
    for network in networks:
        task = task_of(network.spec.task)
        predicted = predict(network, images)
        answer = predicted[task.answer]
        if task.sees == "maps":
            answer = _placed(answer, network.spec.names, classes)
        found[task.sees] = answer, predicted.get("visible")
    return _labelled(images, found, classes, scale)


def annotated(images: Pixels, truth: Annotations, classes: list[str], scale: int) -> Pixels:
    """Return images, enlarged by `scale`, with those labels drawn on them that the annotations hold.

    Args:
        images: `[N, 3, r, r]` uint8.
        truth: what is known of these.
        classes: names of the classes that have a colour; the annotations' further ones are added.
        scale: whole factor of enlargement.
    """
    found: dict[str, Any] = {}
    if truth.segmentation is not None:
        found["maps"] = _placed(truth.segmentation, truth.names.classes, classes), None
    if truth.keypoints is not None and truth.visible is not None:
        found["points"] = truth.keypoints, truth.visible
    return _labelled(images, found, classes, scale)


def most_labelled(truth: Annotations, kinds: Collection[str], count: int) -> NDArray[np.intp]:
    """Return the places of `count` images in their order: the first of which most of some kinds of labels are known.

    Args:
        truth: what is known of all images.
        kinds: segmentation, keypoints, pose, attributes; those that no image has do not count.
        count: at most as many as there are images.
    """
    known = np.zeros(len(truth), int)
    for kind in kinds:
        own = truth.only({kind})
        known[: len(own)] += own.known()
    return np.sort(np.argsort(-known, kind="stable")[:count])


def add_classes(classes: list[str], names: Sequence[str]) -> None:
    """Add those of `names` that `classes` lack. The first of each is its background, which has no colour of its own."""
    classes += [name for name in names[bool(classes) :] if name not in classes]


def _placed(maps: NDArray[np.uint8], names: Sequence[str], classes: list[str]) -> NDArray[np.uint8]:
    """Return class maps of `names` as those of `classes`, to which further names are added."""
    add_classes(classes, names)
    if len(classes) > UNKNOWN_CLASS:
        raise StyleAlignError(f"{len(classes)} classes in one figure, more than {UNKNOWN_CLASS}; show fewer networks")
    places = np.full(UNKNOWN_CLASS + 1, UNKNOWN_CLASS, np.uint8)
    places[: len(names)] = [0, *(classes.index(name) for name in names[1:])]
    return places[maps]


def _labelled(images: Pixels, found: dict[str, Any], classes: Sequence[str], scale: int) -> Pixels:
    """Return images, enlarged by `scale`, with class maps laid over them and visible points marked."""
    marked = segmentation_overlay(images, found["maps"][0], classes) if "maps" in found else images
    if "points" not in found:
        return enlarge(marked, scale)
    points, visible = found["points"]
    return mark_points(marked, points, visible > 0.5, scale)
