"""`stylealign transfer`: train label networks of a child domain without any label of that domain."""

import argparse
import json
from pathlib import Path

from stylealign.applications.labels.learning import learn
from stylealign.applications.labels.methods import STUDENT, Method, method_names, method_of
from stylealign.applications.labels.networks import load_label_network, save_label_network
from stylealign.applications.labels.onnx_network import OnnxLabeller
from stylealign.applications.labels.tasks import task_of, transferred
from stylealign.applications.labels.transfers.source import Source
from stylealign.checkpoints.differences import load_matching
from stylealign.cli.arguments import add_settings, settings_from
from stylealign.cli.progress import Progress, warn
from stylealign.cli.supervise import StepProgress
from stylealign.config import LabelSettings
from stylealign.datasets.label_names import perhaps_turning
from stylealign.devices import compute_device
from stylealign.errors import StyleAlignError
from stylealign.files import require_writable
from stylealign.provenance import provenance_of
from stylealign.versions import version


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the verb."""
    parser.add_argument("--task", required=True, choices=transferred(), help="what the network predicts")
    parser.add_argument("--parent", required=True, metavar="MODEL", help="model whose images are labelled")
    parser.add_argument("--child", required=True, metavar="MODEL", help="model that draws the images to learn from")
    parser.add_argument("--labeller", required=True, metavar="NET", help="network of the parent's domain (`supervise`)")
    parser.add_argument("--oracle", metavar="NET", help="network of the child's domain, for the methods that need it")
    ways = "; ".join(f"{name}: {method_of(name).text}" for name in method_names())
    parser.add_argument(
        "--methods",
        nargs="+",
        choices=method_names(),
        default=[STUDENT],
        help=f"what it learns from (default: {STUDENT}). {ways}",
    )
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="networks of each method (default: 1)")
    to = parser.add_mutually_exclusive_group(required=True)
    to.add_argument("--out", type=Path, metavar="NET", help="network file to write (.safetensors), of a single network")
    to.add_argument("--out-dir", type=Path, metavar="DIR", help="gets METHOD-NUMBER.safetensors of every network")
    add_settings(parser, LabelSettings)


def run(arguments: argparse.Namespace) -> None:
    """Make the pairs, train on them and write the networks; print counts and the last loss of each as JSON."""
    settings = settings_from(arguments, LabelSettings)
    methods = [method_of(name) for name in dict.fromkeys(arguments.methods)]
    _require_consistent(arguments, methods)
    require_writable(arguments.out or arguments.out_dir, folder=arguments.out is None)

    inputs = {role: getattr(arguments, role) for role in ("parent", "child", "labeller", "oracle")}
    parent, child = load_matching(arguments.parent, arguments.child)
    px = parent.architecture.resolution
    labeller, _ = load_label_network(arguments.labeller, arguments.task, px)
    if isinstance(labeller, OnnxLabeller) and arguments.task == "pose":
        told = perhaps_turning(labeller.spec.names, labeller.settings.negated)
        if told is not None:
            warn("transfer", told)
    oracle = None if arguments.oracle is None else load_label_network(arguments.oracle, arguments.task, px)[0]
    device = compute_device()
    passes = sum(2 * method.passes for method in methods) * arguments.seeds
    drawing = Progress("transfer", round(passes * settings.images), "images")
    done = []
    for number in range(arguments.seeds):
        own = settings.model_copy(update={"seed": settings.seed + number})
        source = Source(
            parent.generator.to(device),
            child.generator.to(device),
            labeller.to(device),
            own.images,
            own.truncation_psi,
            own.seed,
            None if oracle is None else oracle.to(device),
            drawing.advance,
        )
        for method in methods:
            found = method.functions.training_set(source, own)
            progress = StepProgress("transfer")
            spec = found.spec or labeller.spec
            network = learn(found.images, found.labels, found.settings(own), device, spec, progress.update, found.start)
            found.finish(network)
            provenance = provenance_of(
                "transfer",
                version("transfer"),
                own,
                inputs,
                labels=f"{method.text}; labels: {task_of(arguments.task).pseudo}",
                method=method.name,
            )
            path = arguments.out or arguments.out_dir / f"{method.name}-{number}.safetensors"
            save_label_network(path, network, provenance)
            done.append({"method": method.name, "seed": own.seed, "steps": progress.steps, "loss": progress.loss})
    print(json.dumps({"task": arguments.task, "pairs": settings.images, "networks": done}))


def _require_consistent(arguments: argparse.Namespace, methods: list[Method]) -> None:
    """Refuse flags that do not go together.

    Raises:
        StyleAlignError: naming the flag.
    """
    if arguments.seeds < 1:
        raise StyleAlignError(f"--seeds: must be at least 1, not {arguments.seeds}")
    if arguments.out is not None and (len(methods) > 1 or arguments.seeds > 1):
        raise StyleAlignError("--out: takes one network; give --out-dir for several methods or seeds")
    needy = [method.name for method in methods if "oracle" in method.needs]
    if needy and arguments.oracle is None:
        raise StyleAlignError(f"--methods {needy[0]}: needs --oracle NET, a network of the child's domain")
