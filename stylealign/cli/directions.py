"""`stylealign directions`: directions of a model, found or imported, in one typed file."""

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stylealign import load
from stylealign.applications import directions as finders
from stylealign.applications.labels.networks import load_label_network
from stylealign.checkpoints import Checkpoint
from stylealign.cli.arguments import add_settings, settings_from
from stylealign.cli.pictures import codes_of
from stylealign.cli.progress import Progress, warn
from stylealign.cli.scores import read_scores
from stylealign.config import DirectionSettings
from stylealign.devices import compute_device
from stylealign.errors import StyleAlignError
from stylealign.files import require_suffix, require_writable
from stylealign.latents.codes import Codes
from stylealign.latents.direction_finding import LEAST_EXAMPLES, sampled_ws
from stylealign.latents.directions import SPACES, Directions
from stylealign.sampling import seeded_z, z_of_seeds

METHODS = ("closed-form", "pca", "boundary", "channels", "import")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("--model", type=Path, required=True, metavar="MODEL", help="model whose directions they are")
    parser.add_argument("--out", type=Path, required=True, metavar="NPZ", help="the file of directions")
    parser.add_argument(
        "--method",
        choices=METHODS,
        default="closed-form",
        help="closed-form: of the modulation weights; pca: components of W; boundary: between labelled "
        "samples or examples; channels: of S, that examples have in common; import: a file of another "
        "program (default: closed-form)",
    )
    parser.add_argument(
        "--layers",
        type=parse_layers,
        metavar="LAYERS",
        help="layers that the directions move, e.g. 0-3 or 4,6; the closed form is of theirs alone (default: all)",
    )
    parser.add_argument(
        "--space",
        choices=SPACES,
        help="space of an imported file, or of a boundary between example images (default: w)",
    )
    boundary = parser.add_argument_group("boundary: one of --labels, --scores, or --positive and --negative")
    boundary.add_argument(
        "--labels", type=Path, metavar="NETWORK", help="label network (pose or attributes) of stylealign supervise"
    )
    boundary.add_argument(
        "--label",
        action="append",
        default=[],
        metavar="NAME",
        help="number or value, such as glasses=clear, of --labels; may be given again (default: all)",
    )
    boundary.add_argument("--scores", type=Path, metavar="CSV", help="lines of seed,score of samples of the model")
    boundary.add_argument(
        "--positive",
        type=Path,
        metavar="PATH",
        help="examples that have it: pictures (folder or zip), which are inverted, or codes",
    )
    boundary.add_argument("--negative", type=Path, metavar="PATH", help="examples that lack it")
    examples = parser.add_argument_group("examples")
    examples.add_argument(
        "--examples",
        type=Path,
        metavar="PATH",
        help="channels: 20-30 pictures that have something in common, or their codes",
    )
    examples.add_argument(
        "--encoder", type=Path, metavar="ENCODER", help="encoder of the model, to invert pictures with"
    )
    parser.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="FILE",
        help="import: .npy, .npz or .pt with directions of one space",
    )
    parser.add_argument(
        "--name",
        action="append",
        default=[],
        metavar="NAME",
        help="name of a direction, in order, instead of the one it gets; may be given again",
    )
    parser.add_argument(
        "--orthogonal-to",
        type=Path,
        action="append",
        default=[],
        metavar="NPZ",
        help="make the directions orthogonal to those of this file; may be given again: to all of them at once",
    )
    add_settings(parser, DirectionSettings)


def run(arguments: argparse.Namespace) -> None:
    """Find the directions; print names, how they were found and their scales as JSON."""
    settings = settings_from(arguments, DirectionSettings)
    require_suffix(arguments.out, (".npz",), "a file of directions")
    require_writable(arguments.out)
    _require_flags(arguments)
    checkpoint = load(arguments.model)
    checkpoint.generator.to(compute_device())
    found = _found(arguments, checkpoint, settings)
    others = {str(path): Directions.load(path) for path in arguments.orthogonal_to}
    if others:
        found = finders.conditional(checkpoint, found, others, settings, arguments.model)
    found = _renamed(found, arguments.name)
    found.save(arguments.out)
    entries = [
        {"name": name, "how": how, "scale": float(scale)}
        for name, how, scale in zip(found.names, found.how, found.scales, strict=True)
    ]
    print(json.dumps({"space": found.space, "model_sha256": found.model_sha256, "directions": entries}))


def parse_layers(text: str) -> list[int]:
    """Return the layers that a text such as `0-3` or `1,5` names.

    Raises:
        argparse.ArgumentTypeError: not such a text.
    """
    layers: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        if not first.strip().isdecimal() or not (last or first).strip().isdecimal():
            raise argparse.ArgumentTypeError(f"{text!r} is no list of layers; write e.g. 0-3 or 1,5")
        if int(last or first) < int(first) or int(last or first) > 99:
            raise argparse.ArgumentTypeError(f"{text!r} is no list of layers; write e.g. 0-3 or 1,5")
        layers.extend(range(int(first), int(last or first) + 1))
    return layers


def _require_flags(arguments: argparse.Namespace) -> None:
    """Raise StyleAlignError where flags of the method are missing, or others are given."""
    method = arguments.method
    used = {
        "boundary": ("labels", "label", "scores", "positive", "negative"),
        "channels": ("examples",),
        "import": ("source",),
    }
    for other, names in used.items():
        for name in names:
            if other != method and getattr(arguments, name):
                raise StyleAlignError(f"--{_flag(name)}: goes with --method {other}, not {method}")
    if method in ("channels", "import") and getattr(arguments, used[method][0]) is None:
        raise StyleAlignError(f"--method {method}: needs --{_flag(used[method][0])}")
    if method == "import" and arguments.space is None:
        raise StyleAlignError(f"--method import: needs --space, one of {', '.join(SPACES)}; the file names none")
    if method == "channels" and arguments.layers is not None:
        raise StyleAlignError("--layers: a style channel is of one layer; leave it out with --method channels")
    if method == "boundary":
        _require_labels(arguments)
    if arguments.encoder is not None and arguments.examples is None and arguments.positive is None:
        raise StyleAlignError("--encoder: goes with --examples, or with --positive and --negative")
    if arguments.space is not None and method != "import" and arguments.positive is None:
        raise StyleAlignError("--space: goes with --method import, or with --positive and --negative")


def _require_labels(arguments: argparse.Namespace) -> None:
    ways = [arguments.labels, arguments.scores, arguments.positive or arguments.negative]
    if sum(way is not None for way in ways) != 1 or (arguments.positive is None) != (arguments.negative is None):
        raise StyleAlignError("--method boundary: needs --labels, --scores, or --positive and --negative: one of them")
    if arguments.positive is not None and arguments.positive.resolve() == arguments.negative.resolve():
        raise StyleAlignError(f"--positive, --negative: both are {arguments.positive}; give examples of either side")
    if arguments.label and arguments.labels is None:
        raise StyleAlignError("--label: goes with --labels NETWORK")


def _flag(name: str) -> str:
    return "from" if name == "source" else name


def _found(arguments: argparse.Namespace, checkpoint: Checkpoint, settings: DirectionSettings) -> Directions:
    layers = arguments.layers
    if arguments.method == "closed-form":
        return finders.closed_form(checkpoint, settings, layers)
    if arguments.method == "pca":
        return finders.components(checkpoint, settings, layers)
    if arguments.method == "import":
        return finders.read_foreign(checkpoint, arguments.source, arguments.space, settings, layers)
    if arguments.method == "channels":
        codes = _examples(arguments, arguments.examples, checkpoint, settings, "w+")
        styles = finders.codes_in(codes, "s", checkpoint.generator, arguments.examples)
        return finders.distinctive_channels(checkpoint, styles, settings)
    if arguments.labels is not None:
        return _by_network(arguments, checkpoint, settings)
    if arguments.scores is not None:
        seeds, scores = read_scores(arguments.scores)
        ws = sampled_ws(checkpoint.generator, z_of_seeds(seeds, checkpoint.architecture.z_dim))
        labels = {arguments.scores.stem: scores}
        return finders.boundaries(checkpoint, ws, "w", labels, settings, layers, _doubt)
    return _by_examples(arguments, checkpoint, settings)


def _by_network(arguments: argparse.Namespace, checkpoint: Checkpoint, settings: DirectionSettings) -> Directions:
    network, _ = load_label_network(arguments.labels, None, checkpoint.architecture.resolution)
    z = seeded_z(settings.labelled, checkpoint.architecture.z_dim, settings.seed)
    progress = Progress("directions", len(z), "samples")
    parts = []
    for images in finders.images_of(checkpoint.generator, z):
        parts.append(images)
        progress.advance(len(images))
    scores = finders.network_scores(
        network.to(compute_device()), arguments.labels, np.concatenate(parts), arguments.label
    )
    if not arguments.label:  # what no or nearly every sample has is left out, unless it is asked for
        scores = {name: values for name, values in scores.items() if _tells(values)}
    ws = sampled_ws(checkpoint.generator, z)
    return finders.boundaries(checkpoint, ws, "w", scores, settings, arguments.layers, _doubt)


def _doubt(text: str) -> None:
    warn("directions", text)


def _tells(values: NDArray[np.float64]) -> bool:
    """Return whether of two values each is met often enough to learn from."""
    counts = np.unique(values, return_counts=True)[1]
    return len(counts) > 2 or (len(counts) == 2 and min(counts) >= max(LEAST_EXAMPLES, 0.02 * len(values)))


def _by_examples(arguments: argparse.Namespace, checkpoint: Checkpoint, settings: DirectionSettings) -> Directions:
    space = arguments.space or "w"
    sides = []
    for path in (arguments.negative, arguments.positive):
        codes = _examples(arguments, path, checkpoint, settings, space)
        sides.append(finders.codes_in(codes, space, checkpoint.generator, path).cpu().numpy())
    labels = {arguments.positive.stem: np.repeat([0.0, 1.0], [len(side) for side in sides])}
    return finders.boundaries(checkpoint, np.concatenate(sides), space, labels, settings, arguments.layers, _doubt)


def _examples(
    arguments: argparse.Namespace, path: Path, checkpoint: Checkpoint, settings: DirectionSettings, space: str
) -> Codes:
    inversion = {"space": space, "steps": settings.steps, "seed": settings.seed}
    return codes_of(path, checkpoint, arguments.encoder, inversion, verb="directions")


def _renamed(found: Directions, names: list[str]) -> Directions:
    """Return the directions under the names of `--name`.

    Raises:
        StyleAlignError: more names than directions, or one that `stylealign edit` would read otherwise.
    """
    if len(names) > len(found):
        raise StyleAlignError(f"--name: {len(names)} names for {len(found)} directions")
    every = [*names, *found.names[len(names) :]]
    for place, name in enumerate(every):
        if "*" in name or not name.strip():
            whose = f"--name: {name!r}" if place < len(names) else f"{name!r}, which the file or the label is called,"
            raise StyleAlignError(f"{whose} is no name, NAME*FACTOR is an edit's; give another with --name")
        if every.index(name) < place:
            raise StyleAlignError(f"--name: two directions would be called {name!r}; give each a name of its own")
    return found.under(every)
