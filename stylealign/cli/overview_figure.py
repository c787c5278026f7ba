"""`stylealign figures overview`: its models and pictures, bundled ones or a user's, their codes and label networks."""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from stylealign import load
from stylealign.applications.inversion import for_looking, invert
from stylealign.applications.labels.learning import learn, spec_of
from stylealign.applications.labels.methods import STUDENT, method_of
from stylealign.applications.labels.networks import Labeller, load_label_network
from stylealign.applications.labels.tasks import task_of
from stylealign.applications.labels.transfers.source import Source
from stylealign.checkpoints import Checkpoint
from stylealign.checkpoints.differences import require_same_architecture
from stylealign.checkpoints.zoo import default_zoo
from stylealign.cli.pictures import first_pictures
from stylealign.cli.progress import Progress
from stylealign.config import LabelSettings
from stylealign.datasets.avatars import DrawnAnnotations, draw_avatar
from stylealign.devices import compute_device
from stylealign.errors import StyleAlignError
from stylealign.explore.family import family_of
from stylealign.metrics.perceptual import perceptual_distance
from stylealign.networks.generator import Generator
from stylealign.report.label_overlays import require_drawn
from stylealign.report.overview import overview, turns
from stylealign.report.sheets import Pixels

PEOPLE = "human"
"""Domain of the bundled parent."""
TAUGHT_EPOCHS = 6
TASK = "segmentation"


@dataclass(frozen=True, eq=False)
class Models:
    """A parent and its children, by name."""

    parent: Checkpoint
    children: Mapping[str, Checkpoint]


def overview_sheet(arguments: argparse.Namespace) -> Pixels:
    """Return the figure, `[3, height, width]` uint8."""
    is_bundled = not arguments.rows
    if arguments.data is None and not is_bundled:
        raise StyleAlignError("--data: give pictures of the parent's domain: a picture, a folder or a zip")
    models = _bundled() if is_bundled else _own(arguments.rows)
    px = models.parent.architecture.resolution
    if arguments.data is None:
        pictures = np.stack([draw_avatar(PEOPLE, "val", place, 0, px).image for place in range(arguments.images)])
    else:
        pictures = first_pictures(arguments.data, px, arguments.images)
    device = compute_device()
    parent = models.parent.generator.to(device)
    children = {name: child.generator.to(device) for name, child in models.children.items()}
    shown = list(dict.fromkeys(turns(list(children), len(pictures))))
    labellers: dict[str, Labeller] | None = None
    if arguments.labels:
        labellers = _read(arguments.labels, list(children), shown, px, device)
    codes = _codes(parent, pictures, arguments.steps)
    if labellers is None and is_bundled and arguments.taught:
        labellers = _taught(parent, {name: children[name] for name in shown}, arguments.taught)
    return overview(pictures, codes, parent, children, labellers)


def _bundled() -> Models:
    family = family_of(None, [], default_zoo())
    if not family.children:
        raise StyleAlignError("figures overview: no bundled models here; give the parent and a child, LABEL=MODEL each")
    return Models(family.parent.checkpoint, {member.name: member.checkpoint for member in family.children})


def _own(rows: list[tuple[str, Path]]) -> Models:
    if len(rows) < 2:
        raise StyleAlignError("figures overview: give the parent and at least one child, LABEL=MODEL each")
    models = {label: load(path) for label, path in rows}
    (parent_label, parent), *children = models.items()
    for label, child in children:
        require_same_architecture(parent.architecture, child.architecture, (parent_label, label))
    return Models(parent, dict(children))


def _codes(parent: Generator, pictures: Pixels, steps: int) -> torch.Tensor:
    """Return the ws of pictures in the parent."""
    settings = for_looking(steps)
    progress = Progress("figures", len(pictures) * steps, "image steps")
    device = parent.mapping.w_avg.device
    distance = perceptual_distance(settings.perceptual, None).to(device)
    found = invert(parent, pictures, settings, distance, progress.update)
    return torch.from_numpy(found.values).to(device)


def _read(
    labels: list[tuple[str, Path]], children: list[str], shown: list[str], px: int, device: torch.device
) -> dict[str, Labeller]:
    """Return the label networks of files, by child."""
    stranger = next((label for label, _ in labels if label not in children), None)
    if stranger is not None:
        raise StyleAlignError(f"--labels: {stranger!r} is none of the children {', '.join(children)}")
    found = {}
    for label, path in labels:
        network, _ = load_label_network(path, resolution_px=px)
        require_drawn(network, path)
        found[label] = network.to(device)
    missing = next((name for name in shown if name not in found), None)
    if missing is not None:
        raise StyleAlignError(f"--labels: no network of {missing!r}; give one LABEL=NET for each child")
    return found


def _taught(parent: Generator, children: Mapping[str, Generator], count: int) -> dict[str, Labeller]:
    """Return a label network of each child, from annotated people and no label of the children's domains."""
    px, device = parent.architecture.resolution, parent.mapping.w_avg.device
    drawing = Progress("figures", count, "drawn people")
    pictures, drawn = [], DrawnAnnotations(PEOPLE, count, px)
    for place in range(count):
        person = draw_avatar(PEOPLE, "train", place, 0, px)
        pictures.append(person.image)
        drawn.add(person)
        drawing.advance()
    annotations = drawn.all()
    spec = spec_of(TASK, px, annotations, PEOPLE)
    labels = task_of(TASK).functions.annotated(annotations, spec)
    settings = LabelSettings(images=count, epochs=TAUGHT_EPOCHS)
    teaching = _Teaching(1 + len(children))
    images = np.stack(pictures)
    labeller = learn(images, labels, settings, device, spec, teaching.update)
    found = {}
    for name, child in children.items():
        source = Source(parent, child, labeller, count, settings.truncation_psi, settings.seed)
        pairs = method_of(STUDENT).functions.training_set(source, settings)
        found[name] = learn(pairs.images, pairs.labels, settings, device, spec, teaching.update)
    return found


class _Teaching:
    """Progress of several trainings of one length."""

    def __init__(self, trainings: int) -> None:
        self.trainings, self.ended = trainings, 0
        self._progress: Progress | None = None

    def update(self, step: int, steps: int, loss: float) -> None:
        self._progress = self._progress or Progress("figures", self.trainings * steps, "steps of label networks")
        self._progress.update(self.ended * steps + step)
        self.ended += step == steps
