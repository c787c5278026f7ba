"""`stylealign edit`: codes moved along directions, in a model and in its aligned relatives side by side."""

import argparse
import json
from pathlib import Path

from torch import Tensor

from stylealign import load
from stylealign.applications import directions as finders
from stylealign.applications.editing import Move, Relative
from stylealign.checkpoints import Checkpoint
from stylealign.checkpoints.differences import require_same_architecture
from stylealign.cli.arguments import at_least, finite, psi
from stylealign.cli.directions import parse_layers
from stylealign.cli.edit_outputs import NamedCodes, write_stills, write_video
from stylealign.cli.generate import parse_seeds
from stylealign.cli.pictures import codes_of
from stylealign.config import DirectionSettings
from stylealign.config.base import MOST_STRENGTH
from stylealign.devices import compute_device
from stylealign.errors import StyleAlignError
from stylealign.files import require_suffix, require_writable
from stylealign.latents.codes import Codes, codes_to_ws
from stylealign.latents.directions import Directions, moves_anything
from stylealign.latents.kinship import require_kin
from stylealign.networks.generator import Generator
from stylealign.report.sheets import PICTURES
from stylealign.report.video import SUFFIXES
from stylealign.sampling import z_of_seeds

STRENGTHS = "-3,-1.5,0,1.5,3"
MOST_IMAGES = 10_000
SHOWN = 5
"""Directions of a file that are shown where none is named."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("--model", type=Path, required=True, metavar="MODEL", help="model that the codes belong to")
    parser.add_argument(
        "--relative",
        type=Path,
        action="append",
        default=[],
        metavar="MODEL",
        help="aligned model (child, parent, sibling) to draw the same edits; may be given again",
    )
    codes = parser.add_mutually_exclusive_group()
    codes.add_argument("--seeds", type=parse_seeds, metavar="SEEDS", help="e.g. 0-3 or 1,5 (default: 0-3)")
    codes.add_argument("--codes", type=Path, metavar="FILE", help="codes of stylealign invert, or of another program")
    codes.add_argument(
        "--pictures", type=Path, metavar="PATH", help="a picture, a folder or zip of pictures: inverted into W+ first"
    )
    parser.add_argument("--encoder", type=Path, metavar="ENCODER", help="encoder of the model, for --pictures")
    parser.add_argument("--truncation-psi", type=psi, metavar="PSI", help="truncation of --seeds (default: 1)")
    moves = parser.add_argument_group("directions")
    moves.add_argument(
        "--directions",
        type=Path,
        action="append",
        default=[],
        metavar="NPZ",
        help="file of stylealign directions; may be given again",
    )
    moves.add_argument(
        "--direction",
        type=parse_direction,
        action="append",
        default=[],
        metavar="NAME[*FACTOR]",
        help=f"direction of the files, FACTOR times as far; may be given again (default: the first {SHOWN})",
    )
    moves.add_argument(
        "--channel",
        type=parse_direction,
        action="append",
        default=[],
        metavar="LAYER/N[*FACTOR]",
        help="style channel, such as b32.conv0/17, as a direction; may be given again",
    )
    moves.add_argument("--together", action="store_true", help="go along all directions at once, not one after another")
    moves.add_argument(
        "--strengths",
        type=parse_strengths,
        default=STRENGTHS,
        metavar="LIST",
        help=f"in standard deviations of the model's samples; write --strengths=-3,0,3 (default: {STRENGTHS})",
    )
    moves.add_argument(
        "--layers", type=parse_layers, metavar="LAYERS", help="layers that move, e.g. 0-3 (default: all)"
    )
    outputs = parser.add_argument_group("outputs, one or more")
    outputs.add_argument("--grid", type=Path, metavar="PNG", help="sheet (.png, .jpg or .webp): strengths side by side")
    outputs.add_argument("--zip", type=Path, metavar="ZIP", help="image zip of all edits; dataset.json says which")
    outputs.add_argument(
        "--video",
        type=Path,
        metavar="PATH",
        help="there and back through the strengths (.mp4, .gif or .webp), models side by side",
    )
    outputs.add_argument(
        "--frames", type=at_least(2), default=48, metavar="N", help="frames from end to end (default: 48)"
    )


def parse_strengths(text: str) -> list[float]:
    """Return the numbers of a list such as `-3,0,3`.

    Raises:
        argparse.ArgumentTypeError: not such a list, or a number that no image stands.
    """
    return [_at_most(part) for part in text.split(",")]


def parse_direction(text: str) -> tuple[str, float]:
    """Return name and factor of `NAME` or `NAME*FACTOR`.

    Raises:
        argparse.ArgumentTypeError: a factor that is no number, or one that no image stands.
    """
    name, star, factor = text.rpartition("*")
    return (name, _at_most(factor)) if star else (text, 1.0)


def _at_most(text: str) -> float:
    number = finite(text)
    if abs(number) > MOST_STRENGTH:
        raise argparse.ArgumentTypeError(f"{text!r} is beyond {MOST_STRENGTH}; write less, e.g. 3")
    return number


def run(arguments: argparse.Namespace) -> None:
    """Draw the edits; print how each model is known to be of the family, and the number of images, as JSON."""
    _require_outputs(arguments)
    checkpoint = load(arguments.model)
    directions, factors = _directions(arguments, checkpoint)
    models, known = _family(arguments, checkpoint, directions)
    moves = _moves(directions, factors, arguments.together)
    names, codes = _codes(arguments, checkpoint)
    count = len(names) * len(moves) * len(models) * len(arguments.strengths)
    if count > MOST_IMAGES:
        raise StyleAlignError(f"{count} images, more than {MOST_IMAGES}; give fewer codes, directions or strengths")
    write_stills(arguments, checkpoint, moves, models, (names, codes))
    if arguments.video is not None:
        write_video(arguments, moves, models, codes)
    print(json.dumps({"family": known, "moves": [move.name for move in moves], "images": count}))


def _require_outputs(arguments: argparse.Namespace) -> None:
    places = (
        (arguments.grid, PICTURES, "a picture"),
        (arguments.zip, (".zip",), "an image zip"),
        (arguments.video, SUFFIXES, "a video"),
    )
    if all(path is None for path, _, _ in places):
        raise StyleAlignError("--grid, --zip, --video: give at least one of them, or nothing is written")
    for path, suffixes, what in places:
        if path is not None:
            require_suffix(path, suffixes, what)
            require_writable(path)
    if arguments.encoder is not None and arguments.pictures is None:
        raise StyleAlignError("--encoder: goes with --pictures")
    if arguments.truncation_psi is not None and (arguments.codes or arguments.pictures):
        raise StyleAlignError("--truncation-psi: goes with --seeds; codes are drawn as they are")
    if not arguments.directions and not arguments.channel:
        raise StyleAlignError("--directions, --channel: give at least one of them; stylealign directions makes a file")
    if arguments.direction and not arguments.directions:
        raise StyleAlignError("--direction: goes with --directions NPZ")


def _directions(
    arguments: argparse.Namespace, checkpoint: Checkpoint
) -> tuple[list[tuple[str, Directions]], list[float]]:
    """Return the directions, one by one with the file of each, and their factors."""
    files = [(path, Directions.load(path)) for path in dict.fromkeys(arguments.directions)]
    chosen: list[tuple[str, Directions]] = []
    for name, _ in arguments.direction:
        holding = [(str(path), part) for path, part in files if name in part.names]
        if len(holding) > 1:
            raise StyleAlignError(
                f"--direction: {name!r} is in {holding[0][0]} and in {holding[1][0]}; give one of these files, or find"
                " one of the directions again under another --name"
            )
        # Where none has it, the last file says so.
        path, part = holding[0] if holding else (str(files[-1][0]), files[-1][1])
        chosen.append((path, part.named([name], path)))
    factors = [factor for _, factor in arguments.direction]
    if not arguments.direction:
        for path, part in files:
            chosen.extend((str(path), part.at([place])) for place in range(min(SHOWN, len(part))))
        factors = [1.0] * len(chosen)
    if arguments.channel:
        names = [name for name, _ in arguments.channel]
        made = finders.channels(checkpoint, list(dict.fromkeys(names)), DirectionSettings())
        chosen.extend((str(arguments.model), made.named([name], arguments.model)) for name in names)
        factors += [factor for _, factor in arguments.channel]
    if arguments.layers is not None:
        num_ws = checkpoint.architecture.num_ws
        chosen = [(path, part.within(arguments.layers, num_ws)) for path, part in chosen]
        for path, part in chosen:
            if not moves_anything(part, checkpoint.generator.synthesis):
                raise StyleAlignError(f"--layers: {part.names[0]} of {path} moves none of these layers; name others")
    return chosen, factors


def _family(
    arguments: argparse.Namespace, checkpoint: Checkpoint, directions: list[tuple[str, Directions]]
) -> tuple[list[Relative], dict[str, str]]:
    """Return the models, the one of the codes first, and how each is known to be of the directions' family.

    Raises:
        StyleAlignError: a model of another shape or family.
    """
    models, known = [], {}
    for path in (arguments.model, *arguments.relative):
        own = checkpoint if path is arguments.model else load(path)
        require_same_architecture(checkpoint.architecture, own.architecture, (str(arguments.model), str(path)))
        ways = {require_kin(part, own, source, path) for source, part in directions}
        known[str(path)] = "; ".join(sorted(ways))
        models.append(Relative(_name(path, arguments), own.generator.to(compute_device())))
    return models, known


def _name(path: Path, arguments: argparse.Namespace) -> str:
    """Return the name of a model's rows: its file's, or its folder's where files have one name."""
    paths = [arguments.model, *arguments.relative]
    alike = [other for other in paths if other.stem == path.stem]
    return path.stem if len(alike) == 1 or not path.parent.name else f"{path.parent.name}/{path.stem}"


def _moves(directions: list[tuple[str, Directions]], factors: list[float], together: bool) -> list[Move]:
    single = [
        Move(f"{name}{'' if factor == 1 else f' x {factor:g}'}", [part], [factor])
        for name, (_, part), factor in zip(_told_apart(directions), directions, factors, strict=True)
    ]
    if not together:
        return single
    parts, all_factors = [part for _, part in directions], list(factors)
    return [Move(" + ".join(move.name for move in single), parts, all_factors)]


def _told_apart(directions: list[tuple[str, Directions]]) -> list[str]:
    """Return the name of each direction, with its file's where another file has the name too."""
    files: dict[str, set[str]] = {}
    for source, part in directions:
        files.setdefault(part.names[0], set()).add(source)
    stems = {Path(source).stem for sources in files.values() for source in sources}
    are_told = len(stems) == len({source for sources in files.values() for source in sources})
    return [
        f"{name} of {Path(source).stem if are_told else source}" if len(files[name]) > 1 else name
        for source, name in ((source, part.names[0]) for source, part in directions)
    ]


def _codes(arguments: argparse.Namespace, checkpoint: Checkpoint) -> NamedCodes:
    """Return the names of the codes, and the function from a generator to their ws or styles."""
    if arguments.codes is None and arguments.pictures is None:
        seeds = arguments.seeds or list(range(4))
        psi = 1.0 if arguments.truncation_psi is None else arguments.truncation_psi
        z = z_of_seeds(seeds, checkpoint.architecture.z_dim).numpy()
        codes = Codes(z, "z", checkpoint.sha256, [f"seed {seed}" for seed in seeds], psi)
    else:
        codes = codes_of(arguments.codes or arguments.pictures, checkpoint, arguments.encoder, verb="edit")

    def of(generator: Generator) -> Tensor:
        return codes_to_ws(codes, generator)

    return list(codes.names), of
