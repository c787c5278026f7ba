"""`stylealign alignment A B`: one score for how aligned two models are, with its parts, and eight pairs of images."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylealign.cli.arguments import add_settings, settings_from
from stylealign.cli.progress import Progress
from stylealign.config import MetricSettings
from stylealign.files import require_suffix, require_writable
from stylealign.measurements.alignment_score import KIND
from stylealign.report.sheets import PICTURES, save_picture

if TYPE_CHECKING:
    from stylealign.metrics.bootstrap import Estimate

PAIRS = 8
UNUSED = set(MetricSettings.model_fields) - set(KIND.settings)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("first", type=Path, metavar="A", help="a model, such as the parent")
    parser.add_argument("second", type=Path, metavar="B", help="a model of the same architecture, such as its child")
    parser.add_argument("--out", type=Path, metavar="PNG", help=f"picture of {PAIRS} pairs of images of one latent")
    add_settings(parser, MetricSettings, without=UNUSED)


def run(arguments: argparse.Namespace) -> None:
    """Print the score and its parts with their intervals as JSON; draw the pairs."""
    settings = settings_from(arguments, MetricSettings)
    if arguments.out is not None:
        require_suffix(arguments.out, PICTURES, "a picture")
        require_writable(arguments.out)

    from stylealign.checkpoints.differences import load_matching
    from stylealign.devices import compute_device
    from stylealign.measurements.inputs import distance_of
    from stylealign.metrics.alignment_score import alignment_score
    from stylealign.metrics.responses import ROTATIONS, pictures_of, reference_of, respond
    from stylealign.report.figures import image_rows

    first, second = load_matching(arguments.first, arguments.second)
    network = distance_of(settings)
    one, other = (model.generator.to(compute_device()) for model in (first, second))
    progress = Progress("alignment", ROTATIONS + 2, "passes", interval_s=1.0)
    reference = reference_of(one, network, settings.score_latents, settings.seed, progress.advance)
    drawn = respond(other, reference.probe, network)
    found = alignment_score(reference.responses, drawn, reference.unrelated)
    print(json.dumps({name: _printed(value) for name, value in found.items()}))
    if arguments.out is not None:
        pairs = {"A": one, "B": other}
        sheet = image_rows({name: pictures_of(model, reference.probe, PAIRS) for name, model in pairs.items()})
        save_picture(arguments.out, sheet)


def _printed(estimate: "Estimate") -> Any:
    numbers = [estimate.value, estimate.ci_low, estimate.ci_high]
    rounded = [None if number is None else round(number, 4) for number in numbers]
    return rounded[0] if rounded[1] is None else {"value": rounded[0], "ci_low": rounded[1], "ci_high": rounded[2]}
