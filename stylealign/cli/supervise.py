"""`stylealign supervise`: train a label network on annotated images."""

import argparse
import json

from stylealign.applications.zero_shot.learning import TASKS, learn, spec_of
from stylealign.applications.zero_shot.networks import save_label_network
from stylealign.cli.arguments import add_settings, settings_from
from stylealign.cli.models import compute_device
from stylealign.cli.progress import Progress
from stylealign.config import LabelSettings, LabelTask
from stylealign.datasets.annotations import Annotations
from stylealign.datasets.images import ImageZip
from stylealign.errors import StyleAlignError
from stylealign.files import require_writable
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
    parser.add_argument("--task", required=True, choices=LabelTask.__args__, help="what the network predicts")  # type: ignore[attr-defined]
    parser.add_argument("--data", required=True, metavar="ZIP", help="image zip of `stylealign data`")
    parser.add_argument("--annotations", required=True, metavar="NPZ", help="annotations of the same images")
    parser.add_argument("--out", required=True, metavar="NET", help="network file to write (.safetensors)")
    add_settings(parser, LabelSettings, without=["truncation_psi"])  # of generated pairs: `transfer`


def run(arguments: argparse.Namespace) -> None:
    """Train and write the network; print its images and time as JSON."""
    settings = settings_from(arguments, LabelSettings)
    require_writable(arguments.out)

    inputs = {"data": arguments.data, "annotations": arguments.annotations}
    provenance = provenance_of("supervise", version("supervise"), settings, inputs, labels="annotations")
    data, annotations = ImageZip(arguments.data), Annotations.load(arguments.annotations)
    if not annotations.belong_to(len(data), data.resolution_px):
        raise StyleAlignError(f"{arguments.annotations}: annotations of other images than {arguments.data}; "
                              "give those made with it")  # fmt: skip
    images = data.read(slice(0, settings.images))
    spec = spec_of(arguments.task, data.resolution_px, annotations, arguments.annotations)
    labels = {name: value[: len(images)] for name, value in TASKS[spec.task].annotated(annotations, spec).items()}
    progress = StepProgress("supervise")
    network = learn(images, labels, settings, compute_device(), spec, progress.update)
    save_label_network(arguments.out, network, provenance)
    print(json.dumps({"task": arguments.task, "images": len(images), "steps": progress.steps, "loss": progress.loss}))
