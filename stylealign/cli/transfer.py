"""`stylealign transfer`: train a label network of a child domain without any label of that domain."""

import argparse
import json

from stylealign.applications.labels.learning import learn
from stylealign.applications.labels.networks import load_label_network, save_label_network
from stylealign.applications.labels.pairs import pseudo_labelled
from stylealign.applications.labels.tasks import task_of, transferred
from stylealign.checkpoints.differences import load_matching
from stylealign.cli.arguments import add_settings, settings_from
from stylealign.cli.progress import Progress
from stylealign.cli.supervise import StepProgress
from stylealign.config import LabelSettings
from stylealign.devices import compute_device
from stylealign.files import require_writable
from stylealign.provenance import provenance_of
from stylealign.versions import version


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the verb."""
    parser.add_argument("--task", required=True, choices=transferred(), help="what the network predicts")
    parser.add_argument("--parent", required=True, metavar="MODEL", help="model whose images are labelled")
    parser.add_argument("--child", required=True, metavar="MODEL", help="model that draws the images to learn from")
    parser.add_argument("--labeller", required=True, metavar="NET", help="network of the parent's domain (`supervise`)")
    parser.add_argument("--shuffled", action="store_true", help="the control: labels of images of other latents")
    parser.add_argument("--out", required=True, metavar="NET", help="network file to write (.safetensors)")
    add_settings(parser, LabelSettings)


def run(arguments: argparse.Namespace) -> None:
    """Make the pairs, train on them and write the network; print counts and the last loss as JSON."""
    settings = settings_from(arguments, LabelSettings)
    require_writable(arguments.out)

    inputs = {"parent": arguments.parent, "child": arguments.child, "labeller": arguments.labeller}
    provenance = provenance_of(
        "transfer",
        version("transfer"),
        settings,
        inputs,
        labels=task_of(arguments.task).pseudo,
        shuffled=arguments.shuffled,
    )
    parent, child = load_matching(arguments.parent, arguments.child)
    labeller, _ = load_label_network(arguments.labeller, arguments.task, parent.architecture.resolution)
    device = compute_device()
    drawing = Progress("transfer", settings.images, "pairs")
    images, labels = pseudo_labelled(
        parent.generator.to(device),
        child.generator.to(device),
        labeller.to(device),
        settings.images,
        settings.truncation_psi,
        settings.seed,
        drawing.update,
        arguments.shuffled,
    )
    progress = StepProgress("transfer")
    network = learn(images, labels, settings, device, labeller.spec, progress.update)
    save_label_network(arguments.out, network, provenance)
    print(json.dumps({"task": arguments.task, "pairs": len(images), "steps": progress.steps, "loss": progress.loss}))
