"""`stylealign supervise`: train a label network on annotated images."""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from stylealign.applications.labels.learning import joined, learn, spec_of
from stylealign.applications.labels.networks import LabelSpec, save_label_network
from stylealign.applications.labels.tasks import names, task_of
from stylealign.cli.arguments import add_settings, settings_from
from stylealign.cli.progress import Progress
from stylealign.config import LabelSettings
from stylealign.datasets import large_arrays
from stylealign.datasets.annotations import Annotations
from stylealign.datasets.images import ImageZip
from stylealign.devices import compute_device
from stylealign.errors import StyleAlignError
from stylealign.files import require_suffix, require_writable
from stylealign.metrics.generators import require_resolution
from stylealign.provenance import provenance_of
from stylealign.versions import version


class StepProgress:
    """Progress of a training whose number of steps is known at its first step."""

    def __init__(self, verb: str) -> None:
        self.verb, self.steps, self.loss = verb, 0, float("nan")
        self._progress: Progress | None = None

    def update(self, step: int, steps: int, loss: float) -> None:
        """Note that `step` of `steps` is done, with its loss."""
        self._progress = self._progress or Progress(self.verb, steps, "steps")
        self.steps, self.loss = steps, loss
        self._progress.update(step)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the verb."""
    parser.add_argument("--task", required=True, choices=names(), help="what the network predicts")
    parser.add_argument(
        "--data",
        required=True,
        nargs="+",
        metavar="ZIP",
        help="image zips of `stylealign data`; several are learnt together, equally many images of each",
    )
    parser.add_argument(
        "--annotations", required=True, nargs="+", metavar="NPZ", help="annotations of the same images, one file a zip"
    )
    parser.add_argument("--out", required=True, metavar="NET", help="network file to write (.safetensors)")
    add_settings(parser, LabelSettings, without=["truncation_psi"])  # of generated pairs: `transfer`


def run(arguments: argparse.Namespace) -> None:
    """Train and write the network; print its images and time as JSON."""
    settings = settings_from(arguments, LabelSettings)
    require_suffix(arguments.out, (".safetensors",), "a label network")
    require_writable(arguments.out)

    pairs = _pairs(arguments)
    provenance = provenance_of("supervise", version("supervise"), settings, _roles(pairs), labels="annotations")
    sets = [_labelled(arguments.task, data, annotations) for data, annotations in pairs]
    for data, _ in sets:
        require_resolution(data, sets[0][0].resolution_px)
    spec = spec_of(arguments.task, sets[0][0].resolution_px, sets[0][1], pairs[0][1])
    images, labels = _joined(sets, pairs, spec, settings.images)
    progress = StepProgress("supervise")
    network = learn(images, labels, settings, compute_device(), spec, progress.update)
    save_label_network(arguments.out, network, provenance)
    print(json.dumps({"task": arguments.task, "images": len(images), "steps": progress.steps, "loss": progress.loss}))


def _pairs(arguments: argparse.Namespace) -> list[tuple[str, str]]:
    """Return the image zips with their annotations."""
    if len(arguments.data) != len(arguments.annotations):
        raise StyleAlignError(
            f"--annotations: {len(arguments.annotations)} for {len(arguments.data)} of --data; give one for each"
        )
    if len(arguments.data) > 1 and not task_of(arguments.task).is_shared:
        raise StyleAlignError(f"--task {arguments.task}: each domain has {arguments.task} of its own; give one --data")
    return list(zip(arguments.data, arguments.annotations, strict=True))


def _roles(pairs: list[tuple[str, str]]) -> dict[str, str | Path | None]:
    """Return the files by their role in the provenance: `data`, `annotations`, `data_2`, `annotations_2`, ..."""
    roles: dict[str, str | Path | None] = {}
    for number, (data, annotations) in enumerate(pairs, start=1):
        end = "" if number == 1 else f"_{number}"
        roles |= {f"data{end}": data, f"annotations{end}": annotations}
    return roles


def _labelled(task: str, data: str, annotations: str) -> tuple[ImageZip, Annotations]:
    images, labels = ImageZip(data), Annotations.load(annotations)
    if not labels.belong_to(len(images), images.resolution_px):
        raise StyleAlignError(f"{annotations}: annotations of other images than {data}; give those made with it")
    return images, labels.only(task_of(task).labels)


def _joined(
    sets: list[tuple[ImageZip, Annotations]], pairs: list[tuple[str, str]], spec: LabelSpec, most: int
) -> tuple[np.ndarray, dict[str, torch.Tensor]]:
    """Return the first labelled images of each set with their labels, equally many of each, at most `most`.

    Raises:
        StyleAlignError: sets of other names, or one without a single label of the task.
    """
    known = [np.flatnonzero(annotations.known()) for _, annotations in sets]
    count = min(most, *map(len, known))
    if count == 0:
        raise StyleAlignError(f"{pairs[[*map(len, known)].index(0)][1]}: no image has {spec.task}; label some")
    px, labels = spec.resolution_px, []
    whole = large_arrays.empty((count * len(sets), 3, px, px), np.uint8)
    for number, ((images, annotations), (_, path), places) in enumerate(zip(sets, pairs, known, strict=True)):
        spec_of(spec.task, px, annotations, path)
        named = annotations.rows(places[:count]).named_like(sets[0][1], path, pairs[0][1])
        labels.append(task_of(spec.task).functions.annotated(named, spec))
        own = whole[number * count : (number + 1) * count]
        for part in large_arrays.parts_of(own):
            own[part] = images.read(places[:count][part])
    return whole, labels[0] if len(labels) == 1 else joined(labels, len(whole))
